//! Evaluations whose failure only the history can tell.
//!
//! How much time and memory an engine gives an expression is its own affair, so a history may say that one was too much where
//! this interpreter could evaluate it. And the results of a Map Run are in no event, so it cannot be known what the fields of
//! the Map make of them.

use super::Replay;
use crate::data::Way;
use crate::event::HistoryEvent;
use crate::failure::{Cause, Failure, QUERY_EVALUATION_ERROR, RUNTIME};
use crate::frame::{Evaluation, Frame, FrameId, Leaving, Phase};
use query::Budget;
use std::time::Duration;

/// What such causes say.
const GIVEN_UP: &[&str] = &[
    "Expression evaluation timeout",
    "Expression evaluation memory limit exceeded",
    "visits too many values, or finds too many",
    "takes too long",
];

impl Replay<'_> {
    /// If the event says that an expression was too much, its frame is taken to have failed so.
    pub(super) fn give_up_evaluating(&mut self, event: &HistoryEvent) {
        let is_one = &*event.event_type == "EvaluationFailed"
            && event.text("error").is_some_and(|error| **error == *QUERY_EVALUATION_ERROR);
        if !is_one {
            return;
        }
        let Some(id) = self.evaluating(event) else { return };
        let entered = self.frames[id].entered.map(|entered| entered.event);
        let state = &self.frames[id].state.name;
        let entered = entered.unwrap_or(0);
        let beginning =
            format!("An error occurred while executing the state '{state}' (entered at the event id #{entered}).");
        let failure = Failure { error: Some(QUERY_EVALUATION_ERROR.into()), cause: Cause::Begins(beginning.into()) };
        let location = event.text("location").map_or("", |location| &**location).to_owned();
        let previous = vec![event.previous_event_id];
        self.remember_failure();
        let evaluation = Evaluation { previous, failure, location, in_catcher: false };
        self.stay(id, Phase::Evaluation(Box::new(evaluation)));
    }

    /// The same in JSONPath, where nothing catches it.
    pub(super) fn ran_out(&mut self, event: &HistoryEvent) -> bool {
        let is_one = event.text("error").is_some_and(|error| **error == *RUNTIME);
        if !is_one || self.evaluating(event).is_none() {
            return false;
        }
        self.verdict.trusted += 1;
        true
    }

    /// The frame that evaluates its fields before this event, if only the history can tell that it fails.
    fn evaluating(&self, event: &HistoryEvent) -> Option<FrameId> {
        let previous = event.previous_event_id;
        let is_there = |frame: &Frame<'_>| {
            let entered = frame.entered.filter(|entered| entered.event == frame.position);
            frame.position == previous || entered.is_some_and(|entered| entered.previous == previous)
        };
        let names = |frame: &Frame<'_>| {
            let state = format!("executing the state '{}' ", frame.state.name);
            event.text("cause").is_some_and(|cause| cause.contains(&state))
        };
        let is_given_up = event.text("cause").is_some_and(|cause| is_given_up(cause));
        let is_open = |frame: &Frame<'_>| is_given_up || leaves_map_run(frame);
        let fails = |frame: &Frame<'_>| frame.entered.is_some() && is_there(frame) && names(frame) && is_open(frame);
        self.frames.alive().find(|(_, frame)| fails(frame)).map(|(id, _)| id)
    }
}

/// The budget of evaluations here. Where the history says that one was too much, this one need not try for long.
pub(crate) fn budget(events: &[HistoryEvent], budget: Budget) -> Budget {
    const SHORT: Duration = Duration::from_millis(500);
    let gives_up = |event: &HistoryEvent| event.text("cause").is_some_and(|cause| is_given_up(cause));
    let time = if events.iter().any(gives_up) { budget.time.min(SHORT) } else { budget.time };
    Budget { time, ..budget }
}

/// Whether the state is left with the results of a Map Run.
pub(super) fn leaves_map_run(frame: &Frame<'_>) -> bool {
    let of_map_run = |leaving: &Leaving<'_>| matches!(leaving.way, Way::MapRun { .. });
    matches!(&frame.phase, Phase::Leaving(ways) if ways.iter().any(of_map_run))
}

pub(crate) fn is_given_up(cause: &str) -> bool {
    GIVEN_UP.iter().any(|words| cause.contains(words))
}
