//! Redrive: an execution that ended unsuccessfully goes on where it stood.
//!
//! When nothing catches a failure the states around the failed one fail with it, and what runs beside it is aborted. The
//! history says so; what is kept is the execution as it stood before that, with nothing awaited any more: each frame
//! in the state that failed, was aborted or had not begun, and the outputs of branches and iterations that had ended.
//! A redrive begins those states again, with all their retries, and nothing else. Map Runs are not redriven yet: of an
//! execution that ends in one nothing is kept.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use crate::execution::Status;
use crate::failure::Halt;
use crate::frame::Phase;
use crate::turn::Turn;
use crate::{EventDetails, EventType, PartId, StepError};
use asl::StateKind;

/// The execution ends unsuccessfully: what a redrive needs stays. Calls and timers have been cancelled.
pub(crate) fn keep(turn: &mut Turn<'_>) -> Result<(), StepError> {
    turn.parts.return_to_failure()?;
    let at_rest = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Forked(_));
    let busy = turn.parts.frames().filter(|(_, frame)| !at_rest(&frame.phase));
    let busy: Vec<PartId> = busy.map(|(id, _)| id).collect();
    for id in busy {
        turn.parts.frame_mut(id)?.phase = Phase::Ready;
    }
    if is_in_map_run(turn)? {
        turn.parts.root_mut()?.ended_in_map_run = true;
        turn.parts.clear();
    }
    Ok(())
}

/// Whether a frame stands in a distributed Map that was entered.
fn is_in_map_run(turn: &Turn<'_>) -> Result<bool, StepError> {
    for (_, frame) in turn.parts.frames().filter(|(_, frame)| frame.entered.is_some()) {
        if matches!(&turn.state(frame)?.kind, StateKind::Map(map) if map.distributed.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Everything that was kept goes on, after the event that says so.
pub(crate) fn begin(turn: &mut Turn<'_>) -> Result<(), Halt> {
    let is_forked = |phase: &Phase| matches!(phase, Phase::Forked(_));
    let mut frames: Vec<(bool, PartId)> =
        turn.parts.frames().map(|(id, frame)| (is_forked(&frame.phase), id)).collect();
    if frames.is_empty() {
        return Ok(());
    }
    // What ran before goes on first; then iterations may begin that have not.
    frames.sort_unstable();
    let redrive_count = turn.facts.redrive_count;
    let details = EventDetails::ExecutionRedriven { redrive_count };
    let event = turn.emit(turn.parts.root()?.last_event, EventType::ExecutionRedriven, details)?;
    for (_, id) in &frames {
        let frame = turn.parts.frame_mut(*id)?;
        frame.position = event;
        frame.retries.clear();
    }
    let deadline = turn.set_timer(turn.deadline_ms())?;
    let root = turn.parts.root_mut()?;
    root.status = Status::Running;
    root.deadline = Some(deadline);
    root.ready.extend(frames.into_iter().map(|(_, id)| id));
    Ok(())
}
