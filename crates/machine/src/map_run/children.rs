//! What a Map Run knows of its children: which run, and which wait to be redriven. All others have ended.

use super::results::{self, MapRunBlock};
use super::{ChildEnd, ChildRemains, ItemRange, MapRunProgress, MapRunRequest};
use crate::Status;
use std::collections::{BTreeMap, BTreeSet};

/// A child that runs, or waits to.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenChild {
    pub(super) range: ItemRange,
    /// How it had ended before the Map Run was redriven.
    pub(super) earlier: Option<Earlier>,
}

/// An end without success that a redrive supersedes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    pub(super) status: Status,
    /// What it adds to the results.
    pub(super) bytes: u64,
    /// There was an execution.
    pub(super) is_begun: bool,
}

impl Earlier {
    fn of(end: &ChildEnd, request: &MapRunRequest) -> Earlier {
        // An input that was let go of, as there were too many, is missing in the results: they stay too many.
        let is_cut = end.input.is_none() && request.form().is_described(&end.outcome);
        Earlier {
            status: end.outcome.status(),
            bytes: if is_cut { u64::MAX } else { results::bytes_of(end, request) },
            is_begun: end.remains != ChildRemains::NotBegun,
        }
    }
}

/// The children that have not ended. A Map Run that was not redriven has no more of them than run at once; one that was
/// knows as many as are unsuccessful, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    pub(super) running: BTreeMap<u64, OpenChild>,
    /// Those of them that nobody may know of: they were started before the last restart.
    pub(super) uncertain: BTreeSet<u64>,
    /// Those that wait to be redriven.
    pub(super) waiting: BTreeMap<u64, OpenChild>,
}

impl Children {
    /// The children of a Map Run that is taken up, as its blocks tell of them.
    pub(super) fn from_blocks(
        progress: &MapRunProgress,
        request: &MapRunRequest,
        blocks: impl IntoIterator<Item = MapRunBlock>,
    ) -> Children {
        let started = |range| OpenChild { range, earlier: None };
        let single =
            |child| request.batches.is_none().then_some((child, started(ItemRange { first: child, items: 1 })));
        let mut running: BTreeMap<u64, OpenChild> = (0..progress.children_started).map_while(single).collect();
        let mut waiting = BTreeMap::new();
        for block in blocks {
            let is_of_now = block.redrive_count == progress.redrive_count;
            running.extend(block.batches.into_iter().map(|(child, range)| (child, started(range))));
            for end in block.ended {
                running.remove(&end.child);
                if is_of_now || end.is_final() {
                    waiting.remove(&end.child);
                } else {
                    waiting
                        .insert(end.child, OpenChild { range: end.range, earlier: Some(Earlier::of(&end, request)) });
                }
            }
            for (child, is_final) in block.stayed {
                if is_of_now || is_final {
                    waiting.remove(&child);
                }
            }
        }
        let waiting = {
            let not_redriven = waiting.split_off(&progress.next_redriven);
            running.append(&mut waiting);
            not_redriven
        };
        let uncertain = running.keys().copied().collect();
        let waiting = if progress.is_ending() { BTreeMap::new() } else { waiting };
        Children { running, uncertain, waiting }
    }

    /// A child that runs has ended.
    pub(super) fn remove(&mut self, child: u64) -> Option<OpenChild> {
        self.uncertain.remove(&child);
        self.running.remove(&child)
    }
}
