//! Random operations, seeded: the backend and a model must answer the same.

use super::{Open, block_on};
use crate::{Batch, Error, Keyspace, Range, Record, Store, Write};
use std::{collections::BTreeMap, sync::Arc};

/// How many seeds [`super::check`] tries.
pub(super) const SEEDS: u64 = 4;
const ROUNDS: u64 = 60;
const IN_FLIGHT_MAX: u64 = 8;
const KEYSPACES: [Keyspace; 3] = [Keyspace("random-a"), Keyspace("random-b"), Keyspace("random-c")];

/// What the store should hold: the keyspace is part of the key.
type Model = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

pub(super) fn check(open: Open<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut store = open();
    let mut model = Model::new();
    empty(&*store);
    for round in 0..ROUNDS {
        let at = format!("seed {seed}, round {round}");
        let batches: Vec<Batch> = (0..random.below(IN_FLIGHT_MAX)).map(|_| random.batch(&model)).collect();
        let mut commit = |batch: &Batch| match random.below(4) {
            0 => store.commit_here(batch.clone()),
            _ => store.commit(batch.clone()),
        };
        let pending: Vec<_> = batches.iter().map(&mut commit).collect();
        for (batch, outcome) in batches.iter().zip(pending) {
            match block_on(outcome) {
                Ok(()) => assert!(apply(&mut model, batch), "{at}: accepted against its preconditions: {batch:?}"),
                Err(Error::Conflict) => assert!(!apply(&mut model, batch), "{at}: refused without reason: {batch:?}"),
                Err(error) => assert!(matches!(error, Error::Conflict), "{at}: {error}"),
            }
        }
        if random.below(20) == 0 {
            drop(store);
            store = open();
        }
        compare(&store, &model, &mut random, &at);
    }
}

/// The seeds share their keyspaces.
fn empty(store: &dyn Store) {
    let mut batch = Batch::new();
    for keyspace in KEYSPACES {
        for (key, _) in super::all(store, keyspace) {
            batch.delete(keyspace, key);
        }
    }
    super::commit(store, batch).unwrap();
}

/// Whether the preconditions hold; if so, the writes are applied.
fn apply(model: &mut Model, batch: &Batch) -> bool {
    let holds = |(keyspace, key, expected): &(Keyspace, Vec<u8>, Option<Vec<u8>>)| {
        model.get(&(*keyspace, key.clone())) == expected.as_ref()
    };
    if !batch.expect.iter().all(holds) {
        return false;
    }
    for write in batch.writes.iter().cloned() {
        match write {
            Write::Put { keyspace, key, value } => model.insert((keyspace, key), value),
            Write::Delete { keyspace, key } => model.remove(&(keyspace, key)),
        };
    }
    true
}

fn compare(store: &Arc<dyn Store>, model: &Model, random: &mut Random, at: &str) {
    for _ in 0..8 {
        let keyspace = random.keyspace();
        let key = random.key();
        assert_eq!(store.get(keyspace, &key).unwrap().as_ref(), model.get(&(keyspace, key.clone())), "{at}: {key:?}");

        let (from, end, limit) = (random.key(), random.key(), usize::try_from(random.below(12)).unwrap());
        let to = (random.below(3) > 0).then_some(end.as_slice());
        let range = Range { from: &from, to, reverse: random.below(2) == 0 };
        let found = store.scan(keyspace, range, limit).unwrap();
        assert_eq!(found, scan(model, keyspace, range, limit), "{at}: {keyspace:?} {range:?} limit {limit}");
    }
}

/// The slow way, which is easy to believe: every record is looked at.
fn scan(model: &Model, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Vec<Record> {
    let in_range = |key: &[u8]| range.from <= key && range.to.is_none_or(|to| key < to);
    let mut found: Vec<Record> = model
        .iter()
        .filter(|((of, key), _)| *of == keyspace && in_range(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if range.reverse {
        found.reverse();
    }
    found.truncate(limit);
    found
}

/// Numbers that only the seed decides (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` - 1.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn keyspace(&mut self) -> Keyspace {
        match self.below(3) {
            0 => KEYSPACES[0],
            1 => KEYSPACES[1],
            _ => KEYSPACES[2],
        }
    }

    /// One of few keys, so that they meet again; some begin others, some end in `0xff`.
    fn key(&mut self) -> Vec<u8> {
        let mut byte = || match self.below(4) {
            0 => 0,
            1 => b'k',
            2 => 0x80,
            _ => 0xff,
        };
        let mut key = vec![byte()];
        while key.len() < 3 && byte() != 0 {
            key.push(byte());
        }
        key
    }

    fn value(&mut self) -> Vec<u8> {
        let bytes_count = if self.below(30) == 0 { self.below(20_000) } else { self.below(40) };
        let first = self.next();
        (0..bytes_count).map(|n| first.wrapping_add(n).to_le_bytes()[0]).collect()
    }

    /// Mostly with preconditions that hold now; batches in flight before it may change that.
    fn batch(&mut self, model: &Model) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..self.below(3) {
            let (keyspace, key) = (self.keyspace(), self.key());
            let current = model.get(&(keyspace, key.clone())).cloned();
            let expected = if self.below(8) == 0 { Some(self.value()) } else { current };
            batch.expect(keyspace, key, expected);
        }
        for _ in 0..self.below(7) {
            let (keyspace, key) = (self.keyspace(), self.key());
            if self.below(3) == 0 {
                batch.delete(keyspace, key);
            } else {
                let value = self.value();
                batch.put(keyspace, key, value);
            }
        }
        batch
    }
}
