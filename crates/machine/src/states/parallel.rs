//! Parallel: runs all its branches, each with the same input.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html>

use super::{Move, fork, fork::Children};
use crate::data;
use crate::failure::Stop;
use crate::frame::{Branches, Fork, Frame, Parent, Phase};
use crate::turn::Turn;
use crate::visit::Visit;
use crate::{EventDetails, EventType, PartId, StepError};
use asl::{Parallel, StateKind};

pub(crate) fn begin(turn: &mut Turn<'_>, visit: &Visit<'_>, parallel: &Parallel) -> Result<Move, Stop> {
    if let Some(result) = visit.mocked() {
        return data::finish(visit, &parallel.state, result?);
    }
    let fields = &parallel.state.fields;
    let arguments = data::arguments(visit, fields, &data::input(visit, fields)?)?;
    let arguments = visit.within_limit(arguments)?;
    turn.advance(visit.id, EventType::ParallelStateStarted, EventDetails::None)?;
    let length = parallel.branches.len() as u64;
    fork::open(turn, visit.id, length, length, Children::Branches { input: arguments })?;
    if length == 0 {
        fork::join(turn, visit.id)?;
    } else {
        turn.parts.root_mut()?.ready.push_back(visit.id);
    }
    Ok(Move::Stay)
}

/// Starts the next branch, and puts itself behind it if it is not the last. So as many branches have begun as their step
/// has room for, in the order in which they would enter their first states if all began at once.
pub(super) fn start_branch(turn: &mut Turn<'_>, id: PartId, fork: &Fork, branches: Branches) -> Result<(), StepError> {
    let frame = turn.parts.frame(id)?;
    let (index, position) = (turn.parts.progress(fork.progress)?.started, frame.position);
    let StateKind::Parallel(parallel) = &turn.state(frame)?.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Parallel state", frame.state)));
    };
    let branch = usize::try_from(index).ok().and_then(|index| parallel.branches.get(index));
    let branch = branch.ok_or_else(|| StepError::Corrupt(format!("state `{}` has no branch {index}", frame.state)))?;
    let arguments = turn.parts.payload(branches.input)?.clone();
    if index + 1 < fork.length {
        turn.parts.root_mut()?.ready.push_front(id);
    } else {
        turn.parts.remove(branches.input);
        turn.parts.frame_mut(id)?.phase = Phase::Forked(Fork { branches: None, ..*fork });
    }
    let child = branches.first.offset(index);
    let parent = Parent { frame: id, index };
    let frame = Frame::ready(Some(parent), branch.start_at.clone(), arguments, position);
    fork::add_child(turn, child, fork, frame.into())?;
    turn.parts.root_mut()?.ready.push_front(child);
    Ok(())
}
