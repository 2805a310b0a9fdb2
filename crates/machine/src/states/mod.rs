//! The only place that moves a frame from state to state.
//!
//! A state's file says what the state does when it begins, and what it makes of an answer. It returns a [`Move`], or
//! a [`Stop`] when it failed; entering, leaving, failing, retrying, catching and ending happen here.

mod choice;
mod comparison;
pub(crate) mod distributed_map;
mod fail;
mod fork;
mod map;
mod map_mocked;
mod parallel;
mod pass;
mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

pub(crate) use map::{item, length, take_up};

use crate::execution::Outcome;
use crate::failure::{Failed, Halt, RUNTIME, Stop};
use crate::frame::{Entered, Frame, Phase};
use crate::turn::Turn;
use crate::visit::Visit;
use crate::{Effect, EventDetails, EventType, Failure, Part, PartId, catch, retry, variables};
use asl::{Catcher, Retrier, StateKind, Transition};
use json::{Object, Payload, Value};
use query::jsonata;

/// How many states one step enters before it commits and goes on in the next.
const MOVES_MAX: usize = 500;

/// What a state comes to.
#[derive(Debug)]
pub(crate) enum Move {
    /// It waits: for a timer, for a task, for its children.
    Stay,
    Exit(Exit),
}

/// A state ends.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) output: Payload,
    pub(crate) assigned: Option<Object>,
    pub(crate) transition: Transition,
}

/// Enters the states that are to be entered, until all frames wait or the step is long enough.
pub(crate) fn run(turn: &mut Turn<'_>) -> Result<(), Halt> {
    for _ in 0..MOVES_MAX {
        if turn.parts.root()?.ready.is_empty() {
            return Ok(());
        }
        if turn.is_long() {
            break;
        }
        if let Some(id) = turn.parts.root_mut()?.ready.pop_front() {
            match turn.parts.get(id) {
                // It was aborted in this step.
                None => continue,
                Some(Part::Begun(_)) => take_up(turn, id)?,
                Some(_) => {}
            }
            transition(turn, id, enter)?;
            turn.count_frame(id);
        }
    }
    if !turn.parts.root()?.ready.is_empty() {
        turn.push(Effect::Continue);
    }
    Ok(())
}

/// Enters the state. A Parallel or Map state that has been entered starts children that have not begun. One that is
/// redriven was entered before: it only begins again, but for a Fail state, and a distributed Map goes on with its Map Run.
fn enter(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    let frame = turn.parts.frame(id)?;
    let state = turn.state(frame)?;
    if let Phase::Forked(fork) = frame.phase {
        let result = fork::go_on(turn, id, &fork).map(|()| Move::Stay);
        return settle(turn, id, result);
    }
    if let Phase::MapRunUnsuccessful(pending) = &frame.phase {
        let result = distributed_map::redrive(turn, id, pending.clone());
        return settle(turn, id, result);
    }
    if frame.entered.is_some() && !matches!(state.kind, StateKind::Fail(_)) {
        return begin(turn, id);
    }
    let (previous, input) = (frame.position, input_as_shown(turn, frame));
    let details = EventDetails::StateEntered { name: state.name.clone(), input };
    let event = turn.advance(id, events(&state.kind).entered, details)?;
    let at_ms = turn.ambient.now_ms;
    let frame = turn.parts.frame_mut(id)?;
    frame.entered = Some(Entered { event, previous, at_ms });
    frame.retries.clear();
    begin(turn, id)
}

/// Recorded: the first state of an execution shows its input with the caller's own spacing, all others compactly.
fn input_as_shown(turn: &Turn<'_>, frame: &Frame) -> Payload {
    let is_first = frame.parent.is_none() && frame.position == 0;
    if is_first { Payload::trusted(turn.facts.input_text.clone()) } else { frame.input.clone() }
}

/// The delay of a retry is over.
pub(crate) fn again(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    turn.parts.frame_mut(id)?.phase = Phase::Ready;
    transition(turn, id, begin)
}

/// What AWS counts as a state transition. An execution of a state machine that is being deleted ends here.
fn transition<'t>(
    turn: &mut Turn<'t>,
    id: PartId,
    go_on: impl FnOnce(&mut Turn<'t>, PartId) -> Result<(), Halt>,
) -> Result<(), Halt> {
    if turn.ends_at_transition {
        let (position, deleted) =
            (turn.parts.frame(id)?.position, Failure::state_machine_deleted(&turn.facts.state_machine_name));
        return Ok(turn.end_failed(position, deleted)?);
    }
    go_on(turn, id)
}

/// What a state does when it was entered, and again at each retry.
fn begin(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    let visit = turn.visit(id)?;
    let result = match &visit.state.kind {
        StateKind::Pass(pass) => pass::begin(&visit, pass),
        StateKind::Task(task) => task::begin(turn, visit, task),
        StateKind::Choice(choice) => choice::begin(&visit, choice),
        StateKind::Wait(wait) => wait::begin(turn, &visit, wait),
        StateKind::Succeed(succeed) => succeed::begin(&visit, succeed),
        StateKind::Fail(fail) => fail::begin(&visit, fail),
        StateKind::Parallel(parallel) => parallel::begin(turn, &visit, parallel),
        StateKind::Map(map) => map::begin(turn, &visit, map),
    };
    settle(turn, id, result)
}

/// Makes the move, or sees what is done about the failure.
pub(crate) fn settle(turn: &mut Turn<'_>, id: PartId, result: Result<Move, Stop>) -> Result<(), Halt> {
    match result {
        Ok(Move::Stay) => Ok(()),
        Ok(Move::Exit(exit)) => leave(turn, id, exit),
        Err(Stop::Failed(failed)) => fail(turn, id, &failed),
        Err(Stop::Halt(halt)) => Err(halt),
    }
}

fn leave(turn: &mut Turn<'_>, id: PartId, exit: Exit) -> Result<(), Halt> {
    let state = turn.state(turn.parts.frame(id)?)?;
    let Exit { output, assigned, transition } = exit;
    if let Some(exited) = events(&state.kind).exited {
        let assigned_variables = assigned.as_ref().map(variables::as_texts);
        let details =
            EventDetails::StateExited { name: state.name.clone(), output: output.clone(), assigned_variables };
        turn.advance(id, exited, details)?;
    }
    if let Some(assigned) = &assigned {
        turn.parts.assign(id, assigned)?;
    }
    let frame = turn.parts.frame_mut(id)?;
    frame.entered = None;
    frame.phase = Phase::Ready;
    if let Some(test) = turn.test {
        let frame = turn.parts.frame(id)?;
        test.left(turn.parts.variables_of(frame)?.cloned(), &transition);
        return end(turn, id, output);
    }
    match transition {
        Transition::Next(next) => {
            frame.state = next;
            frame.input = output;
            turn.parts.root_mut()?.ready.push_back(id);
            Ok(())
        }
        Transition::End => end(turn, id, output),
    }
}

/// A flow came to its end.
fn end(turn: &mut Turn<'_>, id: PartId, output: Payload) -> Result<(), Halt> {
    let frame = turn.parts.frame(id)?;
    match frame.parent {
        None => Ok(turn.end(frame.position, Outcome::Succeeded { output })?),
        Some(parent) => fork::child_succeeded(turn, id, parent, output),
    }
}

/// A state failed: its retriers are asked, then its catchers, then whoever is around it.
pub(crate) fn fail(turn: &mut Turn<'_>, id: PartId, failed: &Failed) -> Result<(), Halt> {
    turn.parts.failing();
    let visit = turn.visit(id)?;
    let failure = visit.report(failed).truncated();
    evaluation_failed(turn, &visit, failed, &failure)?;
    if failure.name() == RUNTIME {
        // Nothing retries or catches it, and nothing around the state hears of it.
        let position = turn.parts.frame(id)?.position;
        return Ok(turn.end_failed(position, failure)?);
    }
    fork::abort_children(turn, id)?;
    let is_heartbeat = matches!(failed, Failed::Heartbeat);
    if let Some((place, retrier)) = retry::find(retriers(&visit.state.kind), &failure, is_heartbeat) {
        let delay_ms = retry::next(retrier, visit.retries_made(place), turn.ambient);
        visit.note(|inspection| inspection.retrier(place, delay_ms));
        if let Some(delay_ms) = delay_ms {
            return retry(turn, &visit, place, delay_ms, failure);
        }
    }
    if let Some(failed) = events(&visit.state.kind).failed {
        turn.advance(id, failed, EventDetails::None)?;
    }
    match catch::find(catchers(&visit.state.kind), &failure, is_heartbeat) {
        Some((place, catcher)) => {
            visit.note(|inspection| inspection.catcher(place, &failure));
            caught(turn, &visit, catcher, &failure)
        }
        None => give_up(turn, id, failure),
    }
}

/// The state is tried again after a delay. A test ends here.
fn retry(turn: &mut Turn<'_>, visit: &Visit<'_>, retrier: usize, delay_ms: i64, failure: Failure) -> Result<(), Halt> {
    if turn.test.is_some() {
        return give_up(turn, visit.id, failure);
    }
    let timer = turn.set_timer(turn.ambient.now_ms.saturating_add(delay_ms))?;
    let frame = turn.parts.frame_mut(visit.id)?;
    retry::count(frame, retrier);
    frame.phase = Phase::Retrying { timer };
    turn.parts.recovered();
    Ok(())
}

/// The state ends by its catcher; if that fails itself, nothing catches it any more.
fn caught(turn: &mut Turn<'_>, visit: &Visit<'_>, catcher: &Catcher, failure: &Failure) -> Result<(), Halt> {
    match catch::exit(visit, catcher, failure) {
        Ok(exit) => {
            turn.parts.recovered();
            leave(turn, visit.id, exit)
        }
        Err(Stop::Failed(failed)) => {
            let failure = visit.report(&failed).truncated();
            evaluation_failed(turn, visit, &failed, &failure)?;
            give_up(turn, visit.id, failure)
        }
        Err(Stop::Halt(halt)) => Err(halt),
    }
}

/// The flow fails with its state.
fn give_up(turn: &mut Turn<'_>, id: PartId, failure: Failure) -> Result<(), Halt> {
    let frame = turn.parts.frame(id)?;
    match frame.parent {
        None => Ok(turn.end_failed(frame.position, failure)?),
        Some(_) if failure.name() == RUNTIME => Ok(turn.end_failed(frame.position, failure)?),
        Some(parent) => fork::child_failed(turn, id, parent, failure),
    }
}

/// The history shows what JSONata could not evaluate.
fn evaluation_failed(turn: &mut Turn<'_>, visit: &Visit<'_>, failed: &Failed, failure: &Failure) -> Result<(), Halt> {
    let Failed::Evaluating(found) = failed else { return Ok(()) };
    if found.error != crate::failure::QUERY_EVALUATION_ERROR {
        return Ok(());
    }
    let position = turn.parts.frame(visit.id)?.position;
    let previous = match visit.frame.entered {
        Some(entered) if entered.event == position && !found.after_entered => entered.previous,
        Some(_) | None => position,
    };
    let details = EventDetails::EvaluationFailed {
        error: failure.error.clone(),
        cause: failure.cause.clone(),
        location: found.location.as_deref().map(Into::into),
        state: visit.state.name.clone(),
    };
    let event = turn.emit(previous, EventType::EvaluationFailed, details)?;
    turn.parts.frame_mut(visit.id)?.position = event;
    Ok(())
}

/// The events that all states of a type have.
pub(crate) struct Events {
    entered: EventType,
    /// A Fail state is not exited.
    exited: Option<EventType>,
    failed: Option<EventType>,
    aborted: Option<EventType>,
}

pub(crate) fn events(kind: &StateKind) -> Events {
    let plain = |entered, exited| Events { entered, exited: Some(exited), failed: None, aborted: None };
    match kind {
        StateKind::Pass(_) => plain(EventType::PassStateEntered, EventType::PassStateExited),
        StateKind::Choice(_) => plain(EventType::ChoiceStateEntered, EventType::ChoiceStateExited),
        StateKind::Succeed(_) => plain(EventType::SucceedStateEntered, EventType::SucceedStateExited),
        StateKind::Fail(_) => {
            Events { entered: EventType::FailStateEntered, exited: None, failed: None, aborted: None }
        }
        StateKind::Wait(_) => Events {
            aborted: Some(EventType::WaitStateAborted),
            ..plain(EventType::WaitStateEntered, EventType::WaitStateExited)
        },
        StateKind::Task(_) => Events {
            aborted: Some(EventType::TaskStateAborted),
            ..plain(EventType::TaskStateEntered, EventType::TaskStateExited)
        },
        StateKind::Parallel(_) => Events {
            failed: Some(EventType::ParallelStateFailed),
            aborted: Some(EventType::ParallelStateAborted),
            ..plain(EventType::ParallelStateEntered, EventType::ParallelStateExited)
        },
        StateKind::Map(_) => Events {
            failed: Some(EventType::MapStateFailed),
            aborted: Some(EventType::MapStateAborted),
            ..plain(EventType::MapStateEntered, EventType::MapStateExited)
        },
    }
}

fn retriers(kind: &StateKind) -> &[Retrier] {
    match kind {
        StateKind::Task(task) => &task.retry,
        StateKind::Parallel(parallel) => &parallel.retry,
        StateKind::Map(map) => &map.retry,
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            &[]
        }
    }
}

fn catchers(kind: &StateKind) -> &[Catcher] {
    match kind {
        StateKind::Task(task) => &task.catch,
        StateKind::Parallel(parallel) => &parallel.catch,
        StateKind::Map(map) => &map.catch,
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            &[]
        }
    }
}

/// A JSONata field whose value has the wrong type.
fn unexpected(expression: &jsonata::Expression, field: &str, expected: &str, value: &Value) -> Stop {
    let (source, found) = (expression.source(), value.type_name());
    let sentence = format!(
        "The JSONata expression '{source}' specified for the field '{field}' returned an unexpected result type. \
         Expected '{expected}', but was '{found}' for value: {value}"
    );
    Failed::query(field, sentence).into()
}
