//! What the world knows of its executions and tokens: what it asked for, and what was acknowledged.
//!
//! What was acknowledged must be so for ever. What was asked for and not answered, because the process died or a commit
//! failed, may be so or not, but not half.

use crate::checks::Seen;
use asl::{Arn, StateMachine};
use checker::Checker;
use json::Text;
use machine::EventId;
use std::sync::Arc;

/// A state machine of the world.
pub struct Machine {
    pub arn: Arn,
    pub definition: Text,
    /// The definition, read once for all processes.
    pub parsed: Arc<StateMachine>,
    pub is_express: bool,
    /// Judges the histories of its executions.
    pub checker: Checker,
}

/// An execution that was asked for.
pub struct Asked {
    pub machine: usize,
    pub name: Text,
    pub input: Text,
    /// Standard ones; that of an Express execution is only known when it is answered.
    pub arn: Option<Arn>,
    /// When it started, if that was acknowledged.
    pub start_ms: Option<i64>,
    /// When it ended, if a stop was acknowledged.
    pub stop_ms: Option<i64>,
    /// Redrives that were acknowledged, and those that were asked for.
    pub redrives: u32,
    pub redrives_tried: u32,
    /// What it had come to when it was last seen closed.
    pub seen: Option<Seen>,
    /// What it had come to before it was redriven, if it was.
    pub earlier: Option<Seen>,
    /// The last batch with something of it when it was last read after a start.
    pub read_at: Option<u64>,
    /// The last event that was read of it while it was open.
    pub read_to: EventId,
    /// Whether a call waits for its end.
    pub is_awaited: bool,
}

impl Asked {
    /// Whether it is open, as far as is known.
    pub fn is_open(&self) -> bool {
        self.arn.is_some() && self.start_ms.is_some() && self.seen.is_none()
    }

    /// It was redriven: what was seen of it is the beginning of what is to be seen.
    pub fn goes_on(&mut self) {
        self.earlier = self.seen.take().or(self.earlier.take());
        self.stop_ms = None;
    }
}

/// A token that a worker has.
pub struct Token {
    pub text: Text,
    pub holder: Holder,
    /// Whether it was acknowledged that it was accepted, and the number of the answer, if that was no failure.
    pub is_accepted: bool,
    pub answer: Option<u64>,
    /// Whether nobody waits for its answer any more.
    pub is_over: bool,
    /// Answers that were sent.
    pub sent: u32,
}

/// To whom a token was handed out: by that the world knows whose task it is.
pub enum Holder {
    /// The service that this execution called, by this event.
    Service { execution: Text, scheduled: EventId },
    /// The worker of this name, who took an activity task. The history of the execution tells who did.
    Worker { name: Text },
}

impl Token {
    pub fn new(text: Text, holder: Holder) -> Token {
        Token { text, holder, is_accepted: false, answer: None, is_over: false, sent: 0 }
    }
}
