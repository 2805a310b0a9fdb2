//! Parallel: runs all its branches, each with the same input.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html>

use super::{Move, fork};
use crate::data;
use crate::failure::Stop;
use crate::frame::Parent;
use crate::turn::Turn;
use crate::visit::Visit;
use crate::{EventDetails, EventType};
use asl::Parallel;

pub(crate) fn begin(turn: &mut Turn<'_>, visit: &Visit<'_>, parallel: &Parallel) -> Result<Move, Stop> {
    if let Some(result) = visit.mocked() {
        return data::finish(visit, &parallel.state, result?);
    }
    let fields = &parallel.state.fields;
    let arguments = data::arguments(visit, fields, &data::input(visit, fields)?)?;
    let arguments = visit.within_limit(arguments)?;
    let started = turn.advance(visit.id, EventType::ParallelStateStarted, EventDetails::None)?;
    let length = parallel.branches.len() as u64;
    let fork = fork::open(turn, visit.id, length, length, None)?;
    for (branch, index) in parallel.branches.iter().zip(0..) {
        let parent = Parent { frame: visit.id, index };
        fork::add_child(turn, parent, &fork, &branch.start_at, arguments.clone(), started)?;
    }
    if length == 0 {
        fork::join(turn, visit.id)?;
    }
    Ok(Move::Stay)
}
