//! The part that each execution has.

use super::PartId;
use crate::frame::Timer;
use crate::{EventId, Status, TimerId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What an execution is as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Root {
    pub(crate) status: Status,
    /// Id of the last event.
    pub(crate) last_event: EventId,
    /// Its time; 0 in roots of builds that did not keep it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_ms: i64,
    /// Frames whose state is to be entered, or whose children are to begin, in order.
    #[serde(default)]
    pub(crate) ready: VecDeque<PartId>,
    /// When the execution times out.
    #[serde(default)]
    pub(crate) deadline: Option<Timer>,
    #[serde(default)]
    pub(crate) frames_made: u64,
    #[serde(default)]
    pub(crate) data_made: u64,
    #[serde(default)]
    pub(crate) timers_made: u64,
    /// What the values of all variables come to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) variables_bytes: usize,
}

/// What is written with each step does not tell what it does not have.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Root {
    pub(super) fn new() -> Root {
        Root {
            status: Status::Running,
            last_event: 0,
            last_ms: 0,
            ready: VecDeque::new(),
            deadline: None,
            frames_made: 0,
            data_made: 0,
            timers_made: 0,
            variables_bytes: 0,
        }
    }

    /// A number that no timer of this execution had before.
    pub(crate) fn next_timer(&mut self) -> TimerId {
        self.timers_made += 1;
        TimerId(self.timers_made)
    }
}
