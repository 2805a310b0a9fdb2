//! Children of Map Runs that wait to begin, on the shard that their keys fall to.
//!
//! Standard and Express children stand in lines of their own, as only Express ones wait for room in memory; of both it is
//! the turn by turns. How many stand there, and what their inputs take, is bounded where they are asked for
//! ([`crate::waiting_children`]).

use crate::map_run::NewChild;
use std::collections::VecDeque;

#[derive(Default)]
pub(super) struct ChildLine {
    standard: VecDeque<NewChild>,
    express: VecDeque<NewChild>,
    is_turn_of_express: bool,
}

impl ChildLine {
    pub(super) fn push(&mut self, child: NewChild) {
        if child.is_express() { self.express.push_back(child) } else { self.standard.push_back(child) }
    }

    /// Whether there is one to take; `has_room`: for one more Express child.
    pub(super) fn has_next(&self, has_room: impl Fn() -> bool) -> bool {
        !self.standard.is_empty() || self.has_express(has_room)
    }

    /// One whose Map Run stops does not begin, and needs no room.
    fn has_express(&self, has_room: impl Fn() -> bool) -> bool {
        self.express.front().is_some_and(|child| child.of.is_stopping() || has_room())
    }

    /// Takes the one whose turn it is.
    pub(super) fn next(&mut self, has_room: impl Fn() -> bool) -> Option<NewChild> {
        let may_be_express = self.has_express(has_room);
        let is_express = may_be_express && (self.is_turn_of_express || self.standard.is_empty());
        self.is_turn_of_express = !is_express;
        if is_express { self.express.pop_front() } else { self.standard.pop_front() }
    }
}
