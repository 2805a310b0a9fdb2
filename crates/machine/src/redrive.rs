//! Redrive: an execution that ended unsuccessfully goes on where it stood.
//!
//! When nothing catches a failure the states around the failed one fail with it, and what runs beside it is aborted. The
//! history says so; what is kept is the execution as it stood before that, with nothing awaited any more: each frame
//! in the state that failed, was aborted or had not begun, and the outputs of branches and iterations that had ended.
//! A redrive begins those states again, with all their retries, and nothing else. A distributed Map knows which Map Run
//! it had, if that was unsuccessful, and the redrive goes on with that one.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use crate::execution::Status;
use crate::failure::Halt;
use crate::frame::Phase;
use crate::turn::Turn;
use crate::{EventDetails, EventType, PartId, StepError, states};

/// The execution ends unsuccessfully: what a redrive needs stays. Calls and timers have been cancelled.
pub(crate) fn keep(turn: &mut Turn<'_>) -> Result<(), StepError> {
    turn.parts.return_to_failure()?;
    let busy = turn.parts.frames().filter(|(_, frame)| frame.waits_for_others());
    let busy: Vec<PartId> = busy.map(|(id, _)| id).collect();
    for id in busy {
        let frame = turn.parts.frame_mut(id)?;
        frame.phase = match frame.map_run() {
            Some(pending) => Phase::MapRunUnsuccessful(pending.clone()),
            None => Phase::Ready,
        };
    }
    Ok(())
}

/// Everything that was kept goes on, after the event that says so.
pub(crate) fn begin(turn: &mut Turn<'_>) -> Result<(), Halt> {
    // They, too, begin after the event of the redrive, and not after the one that began them.
    for id in turn.parts.only_begun() {
        states::take_up(turn, id)?;
    }
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
