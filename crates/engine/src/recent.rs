//! What was used lately, up to a weight: what has not been used for longest goes first.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{
        PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Values by key, each with a weight. A use needs no more than a look, so that many can look at once.
pub(crate) struct Recent<K, V> {
    kept: RwLock<Kept<K, V>>,
    weight_max: usize,
    /// Counts the uses, to tell recent from old.
    uses: AtomicU64,
}

struct Kept<K, V> {
    by_key: HashMap<K, Entry<V>>,
    weight: usize,
}

struct Entry<V> {
    value: V,
    weight: usize,
    used: AtomicU64,
}

impl<K: Clone + Eq + Hash + Ord, V: Clone> Recent<K, V> {
    /// The value that was kept last stays, whatever it weighs.
    pub(crate) fn new(weight_max: usize) -> Recent<K, V> {
        let kept = RwLock::new(Kept { by_key: HashMap::new(), weight: 0 });
        Recent { kept, weight_max, uses: AtomicU64::new(0) }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.by_key.get(key)?;
        entry.used.store(self.next_use(), Ordering::Relaxed);
        Some(entry.value.clone())
    }

    pub(crate) fn keep(&self, key: K, value: V, weight: usize) {
        let used = AtomicU64::new(self.next_use());
        let mut kept = self.write();
        kept.remove(&key);
        if kept.weight.saturating_add(weight) > self.weight_max {
            kept.make_room(self.weight_max.saturating_sub(weight));
        }
        kept.weight = kept.weight.saturating_add(weight);
        kept.by_key.insert(key, Entry { value, weight, used });
    }

    pub(crate) fn forget<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.write().remove(key);
    }

    pub(crate) fn forget_all(&self, is_meant: impl Fn(&K) -> bool) {
        let mut kept = self.write();
        let meant: Vec<K> = kept.by_key.keys().filter(|key| is_meant(key)).cloned().collect();
        meant.iter().for_each(|key| kept.remove(key));
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept<K, V>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash + Ord, V> Kept<K, V> {
    fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(entry) = self.by_key.remove(key) {
            self.weight = self.weight.saturating_sub(entry.weight);
        }
    }

    /// Forgets the least recently used until no more than `weight_max` is left, and an eighth of that more: to look for
    /// them takes a look at all, and should be seldom.
    fn make_room(&mut self, weight_max: usize) {
        let mut oldest: Vec<(u64, K)> =
            self.by_key.iter().map(|(key, entry)| (entry.used.load(Ordering::Relaxed), key.clone())).collect();
        oldest.sort_unstable();
        let enough = weight_max - weight_max / 8;
        for (_, key) in oldest {
            if self.weight <= enough {
                return;
            }
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(recent: &Recent<u32, u32>) -> Vec<u32> {
        let kept = recent.kept.read().unwrap();
        assert_eq!(kept.weight, kept.by_key.values().map(|entry| entry.weight).sum::<usize>());
        let mut keys: Vec<u32> = kept.by_key.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let recent = Recent::new(100);
        (0..10).for_each(|key| recent.keep(key, key, 10));
        assert_eq!(kept(&recent), (0..10).collect::<Vec<_>>());
        assert_eq!((recent.get(&0), recent.get(&1), recent.get(&99)), (Some(0), Some(1), None));
        recent.keep(10, 10, 10);
        // What was used stays; room is made for a little more than was asked for.
        assert_eq!(kept(&recent), [0, 1, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_value_counts_once_and_what_was_kept_last_stays_whatever_it_weighs() {
        let recent = Recent::new(100);
        (0..10).for_each(|_| recent.keep(1, 1, 90));
        assert_eq!(kept(&recent), [1]);
        recent.keep(2, 2, 1_000);
        assert_eq!(kept(&recent), [2]);
        recent.keep(3, 3, 1);
        assert_eq!(kept(&recent), [3]);
    }

    #[test]
    fn what_is_forgotten_weighs_nothing() {
        let recent = Recent::new(100);
        (0..10).for_each(|key| recent.keep(key, key, 10));
        recent.forget(&3);
        recent.forget_all(|key| key % 2 == 0);
        assert_eq!(kept(&recent), [1, 5, 7, 9]);
    }
}
