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

/// Who has a place and who waits for one, by account and Region. In memory only: after a restart Map Runs ask again. Those
/// whose children had begun have a place in any case, so nobody else gets one until all of them have asked.
pub(crate) struct MapRunPlaces(Mutex<All>);

struct All {
    /// Shards that have not taken up the Map Runs that are open.
    owing: usize,
    scopes: HashMap<Box<str>, Places>,
}

#[derive(Default)]
struct Places {
    taken: HashSet<MapRunKey>,
    /// Each with the execution that made it.
    waiting: VecDeque<Waiting>,
}

/// A Map Run that waits, and the execution that made it.
type Waiting = (MapRunKey, ExecutionKey);

impl MapRunPlaces {
    /// So many shards are to take up their Map Runs.
    pub(crate) fn new(shards: usize) -> MapRunPlaces {
        MapRunPlaces(Mutex::new(All { owing: shards, scopes: HashMap::new() }))
    }

    /// The store is opened again: all Map Runs ask anew.
    pub(crate) fn forget(&self, shards: usize) {
        *self.lock() = All { owing: shards, scopes: HashMap::new() };
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn take(&mut self, scope: &str, map_run: Waiting, has_begun: bool, max: u64) -> bool {
        let max = if self.owing > 0 { 0 } else { max };
        self.scopes.entry(scope.into()).or_default().take(map_run, has_begun, max)
    }

    /// A shard has taken up its Map Runs. Gives who has its turn by that.
    fn taken_up(&mut self, max: u64) -> Vec<Waiting> {
        self.owing = self.owing.saturating_sub(1);
        if self.owing > 0 {
            return Vec::new();
        }
        let next = |places: &mut Places| places.next(max);
        self.scopes.values_mut().flat_map(|places| std::iter::from_fn(move || next(places))).collect()
    }

    /// Gives who has its turn.
    fn leave(&mut self, scope: &str, key: MapRunKey, max: u64) -> Option<Waiting> {
        let places = self.scopes.get_mut(scope)?;
        places.leave(key);
        if self.owing > 0 { None } else { places.next(max) }
    }
}

impl Places {
    fn take(&mut self, (key, owner): Waiting, has_begun: bool, max: u64) -> bool {
        if has_begun || (self.taken.len() as u64) < max {
            self.taken.insert(key);
        } else if !self.taken.contains(&key) {
            self.waiting.retain(|(other, _)| *other != key);
            self.waiting.push_back((key, owner));
        }
        self.taken.contains(&key)
    }

    fn leave(&mut self, key: MapRunKey) {
        self.waiting.retain(|(other, _)| *other != key);
        self.taken.remove(&key);
    }

    /// Who has waited longest has a place, if there is one.
    fn next(&mut self, max: u64) -> Option<Waiting> {
        if self.taken.len() as u64 >= max {
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
        self.map_run_places.lock().take(scope(arn), (MapRunKey::of(arn), owner), has_begun, max)
    }

    /// A shard has taken up its Map Runs that are open: when all have, others go on.
    pub(crate) fn map_runs_taken_up(&self) {
        let max = self.map_runs_max();
        let next = self.map_run_places.lock().taken_up(max);
        next.into_iter().for_each(|map_run| self.give_map_run_place(map_run));
    }

    /// A Map Run has ended: the next one goes on.
    pub(crate) fn leave_map_run_place(&self, arn: &str) {
        let max = self.map_runs_max();
        let next = self.map_run_places.lock().leave(scope(arn), MapRunKey::of(arn), max);
        next.into_iter().for_each(|map_run| self.give_map_run_place(map_run));
    }

    fn give_map_run_place(&self, (key, owner): Waiting) {
        if let Some(shard) = self.shard(owner) {
            shard.report(Report::MapRunHasPlace(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "here";

    fn key(number: u8) -> Waiting {
        (MapRunKey::of(&number.to_string()), ExecutionKey::of(&number.to_string()))
    }

    fn all(owing: usize) -> All {
        All { owing, scopes: HashMap::new() }
    }

    #[test]
    fn who_came_first_goes_on_first() {
        let mut places = all(0);
        let taken: Vec<bool> = (0..5).map(|number| places.take(HERE, key(number), false, 2)).collect();
        assert_eq!(taken, [true, true, false, false, false]);
        // Who asks again has its place, or waits behind the others.
        assert!(places.take(HERE, key(1), false, 2) && !places.take(HERE, key(2), false, 2));
        let mut leave = |number: u8| places.leave(HERE, key(number).0, 2);
        // One that gives up waiting makes no room.
        assert!(leave(3).is_none());
        assert!(leave(0) == Some(key(4)));
        assert!(leave(0).is_none());
        // There is one too many: nobody follows it.
        assert!(places.take(HERE, key(6), true, 2) && places.leave(HERE, key(1).0, 2).is_none());
        assert!(places.leave(HERE, key(6).0, 2) == Some(key(2)));
    }

    #[test]
    fn nobody_begins_until_all_shards_have_told_who_had_begun() {
        let mut places = all(2);
        // On the first shard one waits and one has begun, which ends at once.
        assert!(!places.take(HERE, key(0), false, 2) && places.take(HERE, key(1), true, 2));
        assert!(places.taken_up(2).is_empty() && places.leave(HERE, key(1).0, 2).is_none());
        // One that is new waits, too. On the second shard one has begun.
        assert!(!places.take(HERE, key(2), false, 2) && places.take(HERE, key(3), true, 2));
        assert!(places.taken_up(2) == [key(0)]);
        assert!(places.leave(HERE, key(3).0, 2) == Some(key(2)));
    }
}
