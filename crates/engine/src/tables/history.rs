//! A page of a history, read a step at a time: a step may be megabytes, and so may one of its events.

use super::{ExecutionKey, HISTORY, ReadError, Tables, decode, history_key, step_events::StepEvents, successor};
use machine::{EventId, HistoryEvent};
use store::{Range, prefix_end};

/// What is read of a history.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// From the newest event to the oldest.
    pub(crate) reverse: bool,
    /// Whether events have their inputs, outputs and variables.
    pub(crate) with_data: bool,
    /// Events after this one, in the order of the page.
    pub(crate) after: Option<EventId>,
    pub(crate) events_max: usize,
    /// Bytes of inputs, outputs and variables; at least one event is read whatever it has.
    pub(crate) bytes_max: usize,
}

impl Wanted {
    fn has(&self, id: EventId) -> bool {
        self.after.is_none_or(|after| if self.reverse { id < after } else { id > after })
    }
}

/// A page of a history.
#[derive(Default)]
pub(crate) struct HistoryPage {
    pub(crate) events: Vec<HistoryEvent>,
    pub(crate) has_more: bool,
    bytes: usize,
}

/// Keys of steps that are read at once.
const STEPS: usize = 256;

impl Tables {
    /// Only the steps of the page are read, one after the other, and no more of them is kept than the page.
    pub(crate) fn history(&self, key: ExecutionKey, wanted: &Wanted) -> Result<HistoryPage, ReadError> {
        let (mut from, mut to) = self.steps_of(key, wanted)?;
        let mut page = HistoryPage::default();
        loop {
            let range = Range { from: &from, to: to.as_deref(), reverse: wanted.reverse };
            let steps = self.store.keys(HISTORY, range, STEPS)?;
            match steps.last() {
                Some(last) if wanted.reverse => to = Some(last.clone()),
                Some(last) => from = successor(last),
                None => return Ok(page),
            }
            for step in steps {
                if page.events.len() >= wanted.events_max {
                    page.has_more = true;
                    return Ok(page);
                }
                // It is gone if the execution is being removed.
                let Some(value) = self.store.get(HISTORY, &step)? else { return Ok(page) };
                let StepEvents(events) = decode(HISTORY, &value)?;
                page.add(events, wanted);
                if page.has_more {
                    return Ok(page);
                }
            }
        }
    }

    /// The range of the steps with the events that are wanted. A step is named by its first event.
    fn steps_of(&self, key: ExecutionKey, wanted: &Wanted) -> Result<(Vec<u8>, Option<Vec<u8>>), ReadError> {
        let end = prefix_end(&key.0);
        Ok(match wanted.after {
            None => (key.0.to_vec(), end),
            Some(before) if wanted.reverse => (key.0.to_vec(), Some(history_key(key, before))),
            Some(after) => {
                let first = history_key(key, after.saturating_add(1));
                let to = successor(&first);
                let at_or_before = Range::new(&key.0, Some(&to)).reversed();
                (self.store.keys(HISTORY, at_or_before, 1)?.pop().unwrap_or(first), end)
            }
        })
    }
}

impl HistoryPage {
    /// Adds the events of a step until the page is full.
    fn add(&mut self, mut step: Vec<HistoryEvent>, wanted: &Wanted) {
        if wanted.reverse {
            step.reverse();
        }
        for mut event in step.into_iter().filter(|event| wanted.has(event.id)) {
            if wanted.with_data {
                self.bytes += event.details.payload_bytes();
            } else {
                event.details.drop_payload();
            }
            let is_full = self.events.len() >= wanted.events_max || self.bytes > wanted.bytes_max;
            if is_full && !self.events.is_empty() {
                self.has_more = true;
                return;
            }
            self.events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Writes;
    use json::Payload;
    use machine::{EventDetails, EventType};
    use std::sync::Arc;
    use store::{MemoryStore, Store};

    const KEY: ExecutionKey = ExecutionKey([7; 16]);

    /// Steps of 1, 2, 3 … events, each with 10 bytes of payload.
    async fn tables(steps: u64) -> (Tables, u64) {
        let store = MemoryStore::new();
        let mut id = 0;
        for events in 1..=steps {
            let event = |id| HistoryEvent {
                id,
                previous_event_id: id - 1,
                timestamp_ms: 0,
                event_type: EventType::TaskSucceeded,
                details: EventDetails::Succeeded { output: Payload::parse("\"12345678\"").unwrap() },
            };
            let step: Vec<_> = (id + 1..=id + events).map(event).collect();
            id += events;
            let mut writes = Writes::default();
            writes.step(KEY, &step, &[], None).unwrap();
            store.commit(writes.into_batch()).await.unwrap();
        }
        (Tables::new(Arc::new(store)), id)
    }

    /// Reads page by page: each event comes once, in order, and only the last page is shorter than it may be.
    async fn check(reverse: bool, with_data: bool, events_max: usize, bytes_max: usize, full: usize) {
        let (tables, last) = tables(9).await;
        let mut wanted = Wanted { reverse, with_data, after: None, events_max, bytes_max };
        let (mut ids, mut has_more) = (Vec::new(), true);
        while has_more {
            let page = tables.history(KEY, &wanted).unwrap();
            assert!(page.events.len() == full || !page.has_more, "{} events", page.events.len());
            assert!(page.events.iter().all(|event| (event.details.payload_bytes() == 10) == with_data));
            ids.extend(page.events.iter().map(|event| event.id));
            wanted.after = ids.last().copied();
            has_more = page.has_more;
        }
        let mut expected: Vec<_> = (1..=last).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(ids, expected, "{reverse} {events_max} {bytes_max}");
    }

    #[tokio::test]
    async fn pages_are_cut_by_events_and_by_bytes() {
        for reverse in [false, true] {
            for events_max in [1, 2, 3, 7, 44] {
                check(reverse, true, events_max, 1_000, events_max).await;
            }
            check(reverse, true, 45, 1_000, 45).await;
            check(reverse, true, 100, 35, 3).await;
            check(reverse, true, 100, 1, 1).await;
            check(reverse, true, 2, 35, 2).await;
            check(reverse, false, 20, 5, 20).await;
        }
    }
}
