//! What happens to a Map Run, and what comes of it.

use super::{ItemRange, MapRunBlock, MapRunRequest, MapRunStatus, MapRunUpdate};
use crate::{Failure, Outcome};
use json::{Payload, Text};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Children that one step starts at most.
const STARTS_MAX: usize = 256;

/// What happens to a Map Run.
#[derive(Clone, Debug)]
pub enum MapRunTrigger {
    /// Go on: it was made, or loaded, or its last step was bounded.
    Continue,
    ChildEnded {
        child: u64,
        /// How often the Map Run had been redriven when it asked for the child: what was before is over.
        redrive_count: u32,
        start_ms: i64,
        stop_ms: i64,
        outcome: Outcome,
        input: Text,
        /// Whether a redrive of the Map Run could run it again if it was unsuccessful.
        is_redrivable: bool,
    },
    /// A child that was asked for did not run: there was no time any more, or (`is_final`) it cannot be redriven.
    ChildNotRun { child: u64, redrive_count: u32, is_final: bool },
    /// What the `ItemReader` has read, an array or an object, and what from.
    ItemsRead { items: Payload, read_from: Text },
    /// The results were written: what the state gets for them.
    ResultsWritten(Payload),
    /// UpdateMapRun.
    Update(MapRunUpdate),
    /// The Map state is no longer interested.
    Stop,
    /// It cannot be made: its items cannot be read, its results not written.
    Fail(Failure),
}

impl MapRunTrigger {
    /// Bytes of the input and the outcome that it brings: the block of the step that takes it may keep them.
    pub fn payload_bytes(&self) -> usize {
        match self {
            MapRunTrigger::ChildEnded { outcome, input, .. } => input.len() + outcome.byte_len(),
            MapRunTrigger::ItemsRead { items, .. } => items.byte_len(),
            _ => 0,
        }
    }
}

/// A child to start. Starting it again is harmless: its names are the same.
#[derive(Clone, Debug)]
pub struct ChildStart {
    pub child: u64,
    pub range: ItemRange,
    pub input: Payload,
    /// It was begun before the Map Run was redriven: go on with its execution, or, of type Express, begin it anew.
    pub is_redriven: bool,
}

/// How a Map Run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MapRunOutcome {
    /// `results` is `None` when there is more of them than a state may hold.
    Succeeded {
        results: Option<Payload>,
    },
    Failed(Failure),
}

/// Room for the children that a step starts.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub children: usize,
    /// Bytes of the texts of their inputs; the first child, and the last one, start however large theirs are.
    pub input_bytes: usize,
}

impl Room {
    pub const NONE: Room = Room { children: 0, input_bytes: 0 };
    pub const ALL: Room = Room { children: usize::MAX, input_bytes: usize::MAX };

    pub(super) fn is_used_up(self, starts: &[ChildStart], input_bytes: usize) -> bool {
        let is_first = starts.is_empty();
        starts.len() >= self.children.min(STARTS_MAX) || (input_bytes >= self.input_bytes && !is_first)
    }
}

/// What came of a step.
#[derive(Debug, Default)]
#[must_use]
pub struct MapRunStep {
    /// To append to what is stored, before any child is started.
    pub block: MapRunBlock,
    /// The items were read: this, which has them, is to be stored in place of what the Map Run was made with.
    pub request: Option<Arc<MapRunRequest>>,
    pub starts: Vec<ChildStart>,
    /// Children to stop.
    pub stops: Vec<u64>,
    /// The step was bounded: trigger `Continue`.
    pub goes_on: bool,
    /// The input of the next child needs a larger budget: step again elsewhere with `Continue`.
    pub is_over_budget: bool,
    /// Whether anything happened at all.
    pub is_changed: bool,
    /// Set in the step that ends it.
    pub ended: Option<MapRunStatus>,
}
