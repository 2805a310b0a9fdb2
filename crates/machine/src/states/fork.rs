//! Children of a Parallel or Map state: how they begin, end, fail and are aborted.
//!
//! A child is a frame of its own, or, if it is an iteration that has only begun, about to become one. When it ends, its
//! output becomes a part, if it is needed, and the frame goes; at the join the parts go too. The state's own frame is not
//! rewritten in between.

use super::{events, fail, map, parallel, settle};
use crate::data;
use crate::failure::{Failed, Halt, Stop};
use crate::frame::{Branches, Fork, Parent, Phase, Progress};
use crate::turn::Turn;
use crate::{EventDetails, EventId, EventType, Failure, Frame, Part, PartId, StepError};
use asl::{State, StateFields, StateKind};
use json::{Payload, Value};
use std::sync::Arc;

/// What the children begin with.
pub(super) enum Children {
    Branches { input: Payload },
    Iterations { items: Payload },
}

/// Makes room for `length` children.
pub(super) fn open(
    turn: &mut Turn<'_>,
    id: PartId,
    length: u64,
    concurrency: u64,
    children: Children,
) -> Result<Fork, StepError> {
    let progress = turn.parts.reserve_data(length.saturating_add(2))?;
    turn.parts.put(progress, Part::Progress(Progress::default()));
    let place = progress.offset(1);
    let (data, items, branches) = match children {
        Children::Branches { input } => {
            let branches = Branches { input: place, first: turn.parts.reserve_frames(length)? };
            (input, None, Some(branches))
        }
        Children::Iterations { items } => (items, Some(place), None),
    };
    turn.parts.put(place, Part::Payload(data));
    let fork = Fork { length, concurrency, progress, outputs: progress.offset(2), items, branches };
    turn.parts.frame_mut(id)?.phase = Phase::Forked(fork);
    Ok(fork)
}

/// The state has been entered, and has children that have not begun: more of them begin.
pub(super) fn go_on(turn: &mut Turn<'_>, id: PartId, fork: &Fork) -> Result<(), Stop> {
    match (fork.items, fork.branches) {
        (Some(_), _) => map::start_iterations(turn, id, fork),
        (None, Some(branches)) => Ok(parallel::start_branch(turn, id, fork, branches)?),
        // A redrive asks all states that have children, and all branches of this one have begun.
        (None, None) => Ok(()),
    }
}

/// A branch or iteration begins: its first state is to be entered.
pub(super) fn add_child(turn: &mut Turn<'_>, child: PartId, fork: &Fork, part: Part) -> Result<(), StepError> {
    turn.parts.progress_mut(fork.progress)?.started += 1;
    turn.parts.put(child, part);
    Ok(())
}

fn fork_of(turn: &Turn<'_>, id: PartId) -> Result<Fork, StepError> {
    match turn.parts.frame(id)?.phase {
        Phase::Forked(fork) => Ok(fork),
        Phase::Ready
        | Phase::Waiting { .. }
        | Phase::Calling(_)
        | Phase::Retrying { .. }
        | Phase::MapRunning(_)
        | Phase::MapRunUnsuccessful(_) => Err(StepError::Corrupt(format!("frame {} has no children", id.0))),
    }
}

/// The state whose branch or iteration it is.
fn state_around<'t>(turn: &Turn<'t>, parent: Parent) -> Result<&'t State, StepError> {
    turn.state(turn.parts.frame(parent.frame)?)
}

/// `name` and `index` of an iteration, if the state is a Map.
fn iteration(state: &State, parent: Parent) -> Option<EventDetails> {
    let is_map = matches!(state.kind, StateKind::Map(_));
    is_map.then(|| EventDetails::MapIteration { name: state.name.clone(), index: parent.index })
}

/// A branch or iteration came to its end.
pub(super) fn child_succeeded(turn: &mut Turn<'_>, child: PartId, parent: Parent, output: Payload) -> Result<(), Halt> {
    let fork = fork_of(turn, parent.frame)?;
    let state = state_around(turn, parent)?;
    let position = turn.parts.frame(child)?.position;
    let last = match iteration(state, parent) {
        Some(details) => turn.emit(position, EventType::MapIterationSucceeded, details)?,
        None => position,
    };
    turn.parts.remove_frame(child)?;
    let (_, fields) = joining(state)?;
    let progress = turn.parts.progress_mut(fork.progress)?;
    progress.succeeded += 1;
    if fields.needs_result {
        progress.count_output(&output, turn.limits.result_bytes_max);
    }
    let Progress { started, succeeded, bytes_max_exceeded, .. } = *progress;
    if fields.needs_result && bytes_max_exceeded.is_none() {
        keep_output(turn, &fork, parent.index, output);
    } else {
        turn.parts.put(fork.outputs.offset(parent.index), Part::NotKept);
    }
    if succeeded == fork.length {
        turn.parts.frame_mut(parent.frame)?.position = last;
        return join(turn, parent.frame);
    }
    if started < fork.length && fork.items.is_some() {
        // AWS lets the next iteration follow what came before the end of this one.
        match map::start_iteration(turn, parent.frame, &fork, started, position) {
            Ok(()) => {}
            Err(Stop::Halt(halt)) => return Err(halt),
            Err(Stop::Failed(failed)) => {
                turn.parts.frame_mut(parent.frame)?.position = position;
                return fail(turn, parent.frame, &failed);
            }
        }
    }
    Ok(())
}

/// Keeps the output of a child for the join. If the child before it has the same, that is stored once.
fn keep_output(turn: &mut Turn<'_>, fork: &Fork, index: u64, output: Payload) {
    let neighbour = index.checked_sub(1).map(|before| fork.outputs.offset(before));
    let same = neighbour.and_then(|neighbour| turn.parts.that_has(neighbour, &output));
    if same.is_none() {
        turn.written.output(&output);
    }
    turn.parts.put(fork.outputs.offset(index), same.map_or(Part::Payload(output), Part::Same));
}

/// All children have ended: the state's result is the array of their outputs.
pub(super) fn join(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    let fork = fork_of(turn, id)?;
    let outputs = (0..fork.length).map(|index| {
        let output = turn.parts.output(fork.outputs.offset(index))?;
        Ok(output.map(|output| output.value().clone()))
    });
    let outputs: Option<Vec<Value>> = outputs.collect::<Result<_, StepError>>()?;
    let Progress { bytes_max_exceeded, .. } = turn.parts.progress(fork.progress)?;
    close(turn, id, &fork)?;
    let visit = turn.visit(id)?;
    let (succeeded, fields) = joining(visit.state)?;
    // Its own successor follows what this event follows.
    turn.emit(visit.frame.position, succeeded, EventDetails::None)?;
    let result = match outputs {
        Some(outputs) => data::finish(&visit, fields, Value::from(outputs).into()),
        // Or it is needed by what this build knows, and was not by what the one before knew: it can be made anew.
        None if fields.needs_result => {
            let bytes_max = bytes_max_exceeded.unwrap_or(turn.limits.result_bytes_max);
            Err(Failure::result_limit(&visit.state.name, bytes_max).into())
        }
        None => data::finish(&visit, fields, Value::Null.into()),
    };
    settle(turn, id, result)
}

/// How a state with children joins: the event that says that all have succeeded, and what becomes of their outputs.
fn joining(state: &State) -> Result<(EventType, &StateFields), StepError> {
    match &state.kind {
        StateKind::Parallel(parallel) => Ok((EventType::ParallelStateSucceeded, &parallel.state)),
        StateKind::Map(map) => Ok((EventType::MapStateSucceeded, &map.state)),
        StateKind::Pass(_)
        | StateKind::Task(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => Err(StepError::Corrupt(format!("state `{}` has no children", state.name))),
    }
}

/// A branch or iteration failed, and the state fails with it.
pub(super) fn child_failed(turn: &mut Turn<'_>, child: PartId, parent: Parent, failure: Failure) -> Result<(), Halt> {
    let frame = turn.parts.frame(child)?.clone();
    // The Task state was never exited. Parallel and Map have said already that they failed.
    if matches!(turn.state(&frame)?.kind, StateKind::Task(_)) {
        turn.emit(frame.position, EventType::TaskStateAborted, EventDetails::None)?;
    }
    if let Some(details) = iteration(state_around(turn, parent)?, parent) {
        turn.emit(frame.position, EventType::MapIterationFailed, details)?;
    }
    turn.parts.remove_frame(child)?;
    turn.parts.frame_mut(parent.frame)?.position = frame.position;
    fail(turn, parent.frame, &Failed::As(failure))
}

/// Ends whatever runs below the frame.
pub(super) fn abort_children(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    let Phase::Forked(fork) = turn.parts.frame(id)?.phase else { return Ok(()) };
    for (child, parent) in turn.parts.children(id) {
        abort(turn, child, parent)?;
    }
    Ok(close(turn, id, &fork)?)
}

fn abort(turn: &mut Turn<'_>, id: PartId, parent: Parent) -> Result<(), Halt> {
    if let Some(begun) = turn.parts.begun(id) {
        iteration_aborted(turn, begun.position, parent)?;
        turn.parts.remove(id);
        turn.parts.note_gap();
        return Ok(());
    }
    abort_children(turn, id)?;
    let frame: Arc<Frame> = turn.parts.frame(id)?.clone();
    if frame.waits_for_others() {
        turn.cancel(&frame);
        // So that it is cancelled once, should the history be full before the frame is gone.
        turn.parts.frame_mut(id)?.phase = Phase::Ready;
    }
    if frame.map_run().is_some() {
        turn.advance(id, EventType::MapRunAborted, EventDetails::None)?;
    }
    let frame: Arc<Frame> = turn.parts.frame(id)?.clone();
    let aborted = events(&turn.state(&frame)?.kind).aborted.filter(|_| frame.entered.is_some());
    if let Some(aborted) = aborted {
        turn.emit(frame.position, aborted, EventDetails::None)?;
    }
    iteration_aborted(turn, frame.position, parent)?;
    turn.parts.remove_frame(id)?;
    turn.parts.note_gap();
    Ok(())
}

fn iteration_aborted(turn: &mut Turn<'_>, position: EventId, parent: Parent) -> Result<(), Halt> {
    if let Some(details) = iteration(state_around(turn, parent)?, parent) {
        turn.emit(position, EventType::MapIterationAborted, details)?;
    }
    Ok(())
}

/// Removes the parts of a fork.
fn close(turn: &mut Turn<'_>, id: PartId, fork: &Fork) -> Result<(), StepError> {
    let Progress { started, .. } = *turn.parts.progress_mut(fork.progress)?;
    if started < fork.length || turn.facts.redrive_count > 0 {
        // It may stand in line to start children, and there are none any more.
        turn.parts.root_mut()?.ready.retain(|ready| *ready != id);
    }
    for index in 0..started {
        turn.parts.remove(fork.outputs.offset(index));
    }
    turn.parts.remove(fork.progress);
    if let Some(data) = fork.data() {
        turn.parts.remove(data);
    }
    turn.parts.frame_mut(id)?.phase = Phase::Ready;
    Ok(())
}
