//! `get` and `scan`: order, bounds, limits, directions, sizes.

use super::{Open, all, commit, fill, keys};
use crate::{Batch, Error, KEY_BYTES_MAX, Keyspace, Range, prefix_end};

pub(super) const AREAS: &[fn(Open<'_>)] = &[
    get_finds_exact_keys,
    scan_keeps_bounds,
    prefixes_end_where_they_should,
    bytes_sort_unsigned,
    sizes_are_kept,
    a_batch_is_seen_whole,
];

/// Who has seen one record of a batch sees all others from then on, in whatever keyspace; and one scan sees all of it or nothing.
fn a_batch_is_seen_whole(open: Open<'_>) {
    const FIRST: Keyspace = Keyspace("whole-a");
    const LAST: Keyspace = Keyspace("whole-z");
    const BATCHES: u32 = 60;
    const RECORDS: u32 = 500;
    let store = open();
    let number = |keyspace, key: u32| {
        let value = store.get(keyspace, &key.to_be_bytes()).unwrap();
        value.map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
    };
    let write = || {
        for batch_number in 1..=BATCHES {
            let mut batch = Batch::new();
            for (keyspace, key) in
                [FIRST, LAST].into_iter().flat_map(|keyspace| (0..RECORDS).map(move |key| (keyspace, key)))
            {
                batch.put(keyspace, key.to_be_bytes(), batch_number.to_be_bytes());
            }
            commit(&*store, batch).unwrap();
        }
    };
    std::thread::scope(|threads| {
        let writing = threads.spawn(write);
        while !writing.is_finished() {
            for (keyspace, then) in [(FIRST, LAST), (LAST, FIRST)] {
                for (key, then_key) in [(0, RECORDS - 1), (RECORDS - 1, 0)] {
                    let (seen, after) = (number(keyspace, key), number(then, then_key));
                    assert!(after >= seen, "{keyspace:?} has batch {seen}, and then {then:?} has batch {after}");
                }
                let scanned = all(&*store, keyspace);
                let is_one = scanned.windows(2).all(|pair| matches!(pair, [(_, one), (_, next)] if one == next));
                assert!(is_one, "a scan of {keyspace:?} sees a part of a batch");
            }
        }
        writing.join().unwrap();
    });
}

/// Neither a longer nor a shorter key, nor the same key elsewhere.
fn get_finds_exact_keys(open: Open<'_>) {
    const HERE: Keyspace = Keyspace("get");
    const ELSEWHERE: Keyspace = Keyspace("get-elsewhere");
    let store = open();
    assert_eq!(store.get(HERE, b"ab").unwrap(), None, "a keyspace is empty before its first write");
    assert_eq!(all(&*store, HERE), []);

    fill(&*store, HERE, &["ab"]);
    assert_eq!(store.get(HERE, b"ab").unwrap(), Some(b"ab".to_vec()));
    for absent in ["a", "abc", "aa", ""] {
        assert_eq!(store.get(HERE, absent.as_bytes()).unwrap(), None, "{absent:?}");
    }
    assert_eq!(store.get(ELSEWHERE, b"ab").unwrap(), None);
}

fn scan_keeps_bounds(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("scan");
    let store = open();
    fill(&*store, KEYSPACE, &["c", "a", "e", "b", "d"]);

    #[rustfmt::skip]
    let cases: &[(&str, Option<&str>, usize, &str)] = &[
        ("",  None,      9, "abcde"),
        ("",  None,      2, "ab"),
        ("",  None,      0, ""),
        ("b", None,      9, "bcde"),
        ("b", Some("d"), 9, "bc"),
        ("bb", Some("dd"), 9, "cd"),
        ("",  Some("a"), 9, ""),
        ("e", None,      9, "e"),
        ("f", None,      9, ""),
        ("c", Some("c"), 9, ""),
        ("d", Some("b"), 9, ""),
        ("",  Some(""),  9, ""),
    ];
    for &(from, to, limit, expected) in cases {
        let range = Range::new(from.as_bytes(), to.map(str::as_bytes));
        assert_eq!(keys(&*store, KEYSPACE, range, limit).concat(), expected, "{from:?}..{to:?} limit {limit}");
        let every = keys(&*store, KEYSPACE, range, usize::MAX);
        let reversed: String = every.iter().rev().take(limit).map(String::as_str).collect();
        let found = keys(&*store, KEYSPACE, range.reversed(), limit).concat();
        assert_eq!(found, reversed, "{from:?}..{to:?} limit {limit} in reverse");
    }
}

fn prefixes_end_where_they_should(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("prefix");
    let store = open();
    let stored: [&[u8]; 6] = [b"p", b"p\x00", b"p\xff", b"p\xff\xff", b"q", b"\xff\xff"];
    let mut batch = Batch::new();
    for key in stored {
        batch.put(KEYSPACE, key, "");
    }
    commit(&*store, batch).unwrap();

    for (prefix, expected) in [(&b"p"[..], 4), (b"p\xff", 2), (b"\xff", 1), (b"", 6), (b"r", 0)] {
        let end = prefix_end(prefix);
        let found = store.scan(KEYSPACE, Range::new(prefix, end.as_deref()), 99).unwrap();
        assert_eq!(found.len(), expected, "{prefix:?}");
        assert!(found.iter().all(|(key, _)| key.starts_with(prefix)), "{prefix:?}");
    }
}

/// Keys are ordered as unsigned bytes, and a key comes before the keys that it begins.
fn bytes_sort_unsigned(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("order");
    let store = open();
    let ordered: [&[u8]; 6] = [&[0], &[0, 0], &[0x7f], &[0x80], &[0x80, 1], &[0xff]];
    let mut batch = Batch::new();
    for key in ordered.iter().rev() {
        batch.put(KEYSPACE, *key, *key);
    }
    commit(&*store, batch).unwrap();
    let found: Vec<_> = all(&*store, KEYSPACE).into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, ordered);
}

/// Empty and large values come back; keys outside the limits are refused, and the store goes on.
fn sizes_are_kept(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("sizes");
    const MIB: usize = 1 << 20;
    let store = open();
    let large: Vec<u8> = (0..MIB).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let longest = vec![b'k'; KEY_BYTES_MAX];
    let mut batch = Batch::new();
    batch.put(KEYSPACE, "empty", "").put(KEYSPACE, "large", large.clone()).put(KEYSPACE, longest.clone(), "longest");
    commit(&*store, batch).unwrap();

    for outside in [Vec::new(), vec![b'k'; KEY_BYTES_MAX + 1]] {
        let mut batch = Batch::new();
        batch.put(KEYSPACE, "not written", "").put(KEYSPACE, outside, "");
        assert!(matches!(commit(&*store, batch), Err(Error::Limit { .. })));
    }
    drop(store);

    let store = open();
    assert_eq!(store.get(KEYSPACE, b"empty").unwrap(), Some(Vec::new()));
    assert!(store.get(KEYSPACE, b"large").unwrap() == Some(large), "a value of 1 MiB comes back");
    assert_eq!(store.get(KEYSPACE, &longest).unwrap(), Some(b"longest".to_vec()));
    assert_eq!(store.get(KEYSPACE, b"not written").unwrap(), None);
}
