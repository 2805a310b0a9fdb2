//! Places of open Map Runs: no more of an account and Region go on at once than the quota says. Further ones wait at
//! their `MapRunStarted` event, and go on in the order in which they came.

use crate::{
    environment::Environment,
    scopes::scope,
    shard::Report,
    tables::{ExecutionKey, MapRunKey},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Who has a place and who waits for one, by account and Region. In memory only: after a restart Map Runs ask again.
#[derive(Default)]
pub(crate) struct MapRunPlaces(Mutex<HashMap<Box<str>, Places>>);

#[derive(Default)]
struct Places {
    taken: HashSet<MapRunKey>,
    /// Each with the execution that made it.
    waiting: VecDeque<(MapRunKey, ExecutionKey)>,
}

impl MapRunPlaces {
    /// The store is opened again: all Map Runs ask anew.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Places>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn take(&mut self, key: MapRunKey, owner: ExecutionKey, has_begun: bool, max: u64) -> bool {
        if has_begun || (self.taken.len() as u64) < max {
            self.taken.insert(key);
        } else if !self.taken.contains(&key) {
            self.waiting.retain(|(other, _)| *other != key);
            self.waiting.push_back((key, owner));
        }
        self.taken.contains(&key)
    }

    /// Gives who has its turn.
    fn leave(&mut self, key: MapRunKey, max: u64) -> Option<(MapRunKey, ExecutionKey)> {
        self.waiting.retain(|(other, _)| *other != key);
        if !self.taken.remove(&key) || self.taken.len() as u64 >= max {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.taken.insert(next.0);
        Some(next)
    }
}

impl Environment {
    /// If there was no place all would wait for ever.
    fn map_runs_max(&self) -> u64 {
        self.options.limits.open_map_runs_max.max(1)
    }

    /// Whether a Map Run has a place; if not, its shard hears when it has ([`Report::MapRunHasPlace`]). One whose children
    /// have begun, before a restart, has one in any case.
    pub(crate) fn take_map_run_place(&self, arn: &str, owner: ExecutionKey, has_begun: bool) -> bool {
        let max = self.map_runs_max();
        self.map_run_places.lock().entry(scope(arn).into()).or_default().take(MapRunKey::of(arn), owner, has_begun, max)
    }

    /// A Map Run has ended: the next one goes on.
    pub(crate) fn leave_map_run_place(&self, arn: &str) {
        let max = self.map_runs_max();
        let mut places = self.map_run_places.lock();
        let next = places.get_mut(scope(arn)).and_then(|places| places.leave(MapRunKey::of(arn), max));
        drop(places);
        if let Some((key, owner)) = next
            && let Some(shard) = self.shard(owner)
        {
            shard.report(Report::MapRunHasPlace(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_goes_on_first() {
        let key = |number: u8| (MapRunKey::of(&number.to_string()), ExecutionKey::of(&number.to_string()));
        let mut places = Places::default();
        let take = |places: &mut Places, number, has_begun| {
            let (map_run, owner) = key(number);
            places.take(map_run, owner, has_begun, 2)
        };
        let taken: Vec<bool> = (0..5).map(|number| take(&mut places, number, false)).collect();
        assert_eq!(taken, [true, true, false, false, false]);
        // Who asks again has its place, or waits behind the others.
        assert!(take(&mut places, 1, false) && !take(&mut places, 2, false));
        // One that gives up waiting makes no room.
        assert!(places.leave(key(3).0, 2).is_none());
        assert!(places.leave(key(0).0, 2) == Some(key(4)));
        assert!(places.leave(key(0).0, 2).is_none());
        // There is one too many: nobody follows it.
        assert!(take(&mut places, 6, true) && places.leave(key(1).0, 2).is_none());
        assert!(places.leave(key(6).0, 2) == Some(key(2)));
    }
}
