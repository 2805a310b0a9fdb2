//! Activities. Each task of an activity asks two times and more whether there is one, so what was read is kept in memory.

use super::{ACTIVITIES, ReadError, Tables};
use crate::model::ActivityRecord;
use json::Text;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Activities that were read, by their ARNs: at most as many as there may be. They are forgotten with the [`Tables`], when
/// the store is opened again. (A store that several processes write would have to tell them of a deletion.)
#[derive(Default)]
pub(super) struct ReadActivities(Mutex<HashMap<Text, ActivityRecord>>);

impl Tables {
    /// The activity, if it exists. Reading and decoding it each time was 4 % of the processor time of W1t.
    pub(crate) fn activity(&self, arn: &str) -> Result<Option<ActivityRecord>, ReadError> {
        let mut read = self.read_activities();
        if let Some(record) = read.get(arn) {
            return Ok(Some(record.clone()));
        }
        // Under the lock, so that what is read before a deletion is durable is kept before it is forgotten.
        let record: Option<ActivityRecord> = self.record(ACTIVITIES, arn.as_bytes())?;
        if let Some(record) = &record {
            read.insert(record.arn.clone(), record.clone());
        }
        Ok(record)
    }

    /// The deletion of the activity is durable.
    pub(crate) fn forget_activity(&self, arn: &str) {
        self.read_activities().remove(arn);
    }

    /// A map of records is as good as any after a panic elsewhere.
    fn read_activities(&self) -> MutexGuard<'_, HashMap<Text, ActivityRecord>> {
        self.activities.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
