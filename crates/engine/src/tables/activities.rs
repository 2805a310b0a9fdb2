//! Activities. Each task of an activity asks two times and more whether there is one, so what was read is kept in memory.

use super::{ACTIVITIES, ReadError, Tables};
use crate::{model::ActivityRecord, recent::Recent};
use json::Text;
use std::sync::{Mutex, PoisonError};

/// Activities that are kept: some hundred bytes each.
const KEPT_MAX: usize = 4_096;

/// Activities that were read, by their ARNs. They are gone with the [`Tables`], when the store is opened again. (A store that
/// several processes write would have to tell them of a deletion.)
pub(super) struct KeptActivities {
    kept: Recent<Text, ActivityRecord>,
    /// Held from before one is read until it is kept, so that a deletion that is durable by then is not overtaken.
    reading: Mutex<()>,
}

impl Default for KeptActivities {
    fn default() -> KeptActivities {
        KeptActivities { kept: Recent::new(KEPT_MAX), reading: Mutex::default() }
    }
}

impl Tables {
    /// The activity, if it exists. Reading and decoding it each time was 4 % of the processor time of W1t.
    pub(crate) fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, ReadError> {
        let KeptActivities { kept, reading } = &*self.activities;
        if let Some(record) = kept.get(arn) {
            return Ok(Some(record));
        }
        let _reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        let record: Option<ActivityRecord> = self.record(ACTIVITIES, arn.as_bytes())?;
        if let Some(record) = &record {
            kept.keep(record.arn.clone(), record.clone(), 1);
        }
        Ok(record)
    }

    /// The deletion of the activity is durable.
    pub(crate) fn forget_activity(&self, arn: &str) {
        let KeptActivities { kept, reading } = &*self.activities;
        let _reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(arn);
    }
}
