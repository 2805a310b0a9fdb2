//! The faults that are planted on purpose: the simulator must find each of them.
//!
//! Where it can be, the fault is in the world (a disk that lies, a service that does not keep its word, in bare worlds steps
//! that are not what they were made); elsewhere it is in the engine, at its place there.

use crate::{
    bare::{Spoiled, live_bare},
    disk::Wrong,
    world::{Outcome, live},
};
use engine::Fault;
use std::time::{Duration, Instant};

/// A fault and where it is planted.
pub struct Planted {
    pub name: &'static str,
    place: Place,
}

enum Place {
    Disk(Wrong),
    Services,
    Engine(Fault),
    Step(Spoiled),
}

/// All of them.
pub const PLANTED: &[Planted] = &[
    on_disk("a skipped fsync that is acknowledged", Wrong::FsyncSkipped),
    on_disk("a torn batch", Wrong::BatchTorn),
    on_disk("an event that is not in the history", Wrong::Lost("history")),
    on_disk("a new part that is not written", Wrong::Lost("parts")),
    on_disk("a changed part that is not written, so that ids and retry counters go back", Wrong::Unchanged("parts")),
    on_disk("a stale part that is kept", Wrong::Kept("parts")),
    on_disk("a record whose end is not written", Wrong::Unchanged("executions")),
    on_disk("an index entry that is missing", Wrong::Lost("by_status")),
    on_disk("an index entry that is kept", Wrong::Kept("by_status")),
    on_disk("a timer that is not written", Wrong::Lost("timers")),
    on_disk("an open execution that recovery does not see", Wrong::Lost("open")),
    on_disk("a Map Run that recovery does not see", Wrong::Lost("open_map_runs")),
    on_disk("what children came to is not written", Wrong::Lost("map_run_blocks")),
    Planted { name: "a call that is made again although that is harmful", place: Place::Services },
    in_engine("an effect before its commit", Fault::EffectBeforeCommit),
    in_engine("an answer before it is durable", Fault::AnswerBeforeCommit),
    in_engine("a failed commit that is taken for a good one", Fault::FailedCommitIgnored),
    in_engine("a name that starts two executions", Fault::NameStartedTwice),
    in_engine("a token that is accepted twice", Fault::TokenAcceptedTwice),
    in_engine("a timer that fires early", Fault::TimerEarly),
    in_engine("timers that are lost when the store is opened again", Fault::TimersNotReadAgain),
    in_engine("the row of a cancelled timer that is kept", Fault::TimerRowKept),
    in_engine("a stop that does not cancel a call", Fault::CallNotCancelled),
    in_engine("more calls at once than may be", Fault::TooManyCalls),
    in_engine("a child of a Map Run that is forgotten", Fault::ChildForgotten),
    in_engine("an execution that waits for room in memory and is forgotten", Fault::TurnForgotten),
    in_engine("work that waits until its execution has been read and is forgotten", Fault::ReadingForgotten),
    in_engine("an execution that recovery forgets", Fault::ExecutionForgotten),
    in_step("a step that does not name a part that changed", Spoiled::PartNotWritten),
    in_step("a step that does not name a part that is gone", Spoiled::PartNotRemoved),
    in_step("a step that does not ask for a timer", Spoiled::TimerNotSet),
    in_step("a step that does not cancel a timer", Spoiled::TimerNotCancelled),
    in_step("a step that does not cancel a call", Spoiled::CallNotCancelled),
    in_step("a step that asks for a timer a millisecond early", Spoiled::TimerEarly),
    in_step("a step without its last event", Spoiled::EventMissing),
    in_step("a step with two events in the wrong order", Spoiled::EventsSwapped),
    in_step("a step with another output", Spoiled::OutputChanged),
];

const fn on_disk(name: &'static str, wrong: Wrong) -> Planted {
    Planted { name, place: Place::Disk(wrong) }
}

const fn in_engine(name: &'static str, fault: Fault) -> Planted {
    Planted { name, place: Place::Engine(fault) }
}

const fn in_step(name: &'static str, spoiled: Spoiled) -> Planted {
    Planted { name, place: Place::Step(spoiled) }
}

/// How a planted fault was found.
pub struct Found {
    pub seed: u64,
    pub violation: String,
    pub time: Duration,
}

impl Planted {
    /// Lives through worlds with the fault until one is found wrong; `None` if none is in this time.
    pub fn find(&self, time_max: Duration) -> Option<Found> {
        let started = Instant::now();
        let mut seed = 0;
        let mut found = None;
        while found.is_none() && started.elapsed() < time_max {
            seed += 1;
            let violation = self.live(seed, false).violation;
            found = violation.map(|violation| Found { seed, violation, time: started.elapsed() });
        }
        engine::plant(None);
        found
    }

    /// Lives through the world of a seed with it.
    pub fn live(&self, seed: u64, is_logged: bool) -> Outcome {
        engine::plant(None);
        match self.place {
            Place::Disk(wrong) => live(seed, is_logged, |world| world.disk.break_it(wrong)),
            Place::Services => live(seed, is_logged, |world| world.services.call_again()),
            Place::Engine(fault) => {
                engine::plant(Some(fault));
                live(seed, is_logged, |_| {})
            }
            Place::Step(spoiled) => live_bare(seed, is_logged, |world| world.spoil_steps(spoiled)),
        }
    }
}
