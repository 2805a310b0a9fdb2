//! `commit`: whole batches, their order, preconditions, what is there after opening again.

use super::{Open, all, block_on, commit, fill, keys};
use crate::{Batch, Error, Keyspace, Range};

pub(super) const AREAS: &[fn(Open<'_>)] = &[
    later_writes_count,
    deleted_keys_are_gone,
    conflicts_write_nothing,
    preconditions_see_batches_in_flight,
    overlapping_commits_keep_their_order,
    dropped_futures_withdraw_nothing,
    threads_lose_no_update,
    many_keyspaces_commit_together,
    opening_again_finds_everything,
];

fn later_writes_count(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("later");
    let store = open();
    commit(&*store, Batch::new()).unwrap();

    let mut batch = Batch::new();
    batch.put(KEYSPACE, "put twice", "first").put(KEYSPACE, "put twice", "second");
    batch.put(KEYSPACE, "deleted", "").delete(KEYSPACE, "deleted");
    batch.delete(KEYSPACE, "put again").put(KEYSPACE, "put again", "here");
    commit(&*store, batch).unwrap();
    let expected = [("put again", "here"), ("put twice", "second")];
    assert_eq!(all(&*store, KEYSPACE), expected.map(|(key, value)| (key.into(), value.into())));
}

fn deleted_keys_are_gone(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("delete");
    let store = open();
    fill(&*store, KEYSPACE, &["a", "b", "c", "d"]);
    let mut batch = Batch::new();
    batch.delete(KEYSPACE, "b").delete(KEYSPACE, "d").delete(KEYSPACE, "never there");
    commit(&*store, batch).unwrap();
    assert_eq!(keys(&*store, KEYSPACE, Range::ALL, 9), ["a", "c"]);
    assert_eq!(keys(&*store, KEYSPACE, Range::ALL.reversed(), 1), ["c"], "a deleted key does not count");
    assert_eq!(store.get(KEYSPACE, b"b").unwrap(), None);

    fill(&*store, KEYSPACE, &["b"]);
    drop(store);
    assert_eq!(keys(&*open(), KEYSPACE, Range::ALL, 9), ["a", "b", "c"]);
}

fn conflicts_write_nothing(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("conflict");
    const GUARDED: Keyspace = Keyspace("conflict-guarded");
    let store = open();
    fill(&*store, KEYSPACE, &["there"]);

    #[rustfmt::skip]
    let cases: &[(&str, Option<&str>, bool)] = &[
        ("there",  Some("there"), true),
        ("there",  Some("other"), false),
        ("there",  Some(""),      false),
        ("there",  None,          false),
        ("absent", None,          true),
        ("absent", Some(""),      false),
    ];
    for &(key, expected, holds) in cases {
        let mut batch = Batch::new();
        batch.expect(KEYSPACE, "there", Some("there".into()));
        batch.expect(KEYSPACE, key, expected.map(Into::into));
        // A precondition is about what was there before the batch, whatever the batch itself writes.
        batch.put(GUARDED, "written", "").delete(GUARDED, "written").put(KEYSPACE, "there", "there");
        batch.put(GUARDED, format!("{key} {expected:?}"), "");
        match commit(&*store, batch) {
            Ok(()) => assert!(holds, "{key} {expected:?}"),
            Err(Error::Conflict) => assert!(!holds, "{key} {expected:?}"),
            Err(error) => assert!(matches!(error, Error::Conflict), "{key} {expected:?}: {error}"),
        }
    }
    let expected = ["absent None", "there Some(\"there\")"];
    assert_eq!(keys(&*store, GUARDED, Range::ALL, 99), expected);
}

/// Of many batches that want to create the same record at once, the first one wins.
fn preconditions_see_batches_in_flight(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("in-flight");
    let store = open();
    let create = |n: u32| {
        let mut batch = Batch::new();
        batch.expect(KEYSPACE, "created", None).put(KEYSPACE, "created", n.to_string());
        store.commit(batch)
    };
    let outcomes: Vec<_> = (0..50).map(create).collect::<Vec<_>>().into_iter().map(block_on).collect();
    let mut outcomes = outcomes.into_iter();
    assert!(outcomes.next().is_some_and(|first| first.is_ok()));
    assert!(outcomes.all(|later| matches!(later, Err(Error::Conflict))));
    assert_eq!(store.get(KEYSPACE, b"created").unwrap(), Some(b"0".to_vec()));

    // A chain, each link of which needs the one before it, may be in flight at once; a broken link breaks the rest.
    let link = |from: u32, to: u32| {
        let mut batch = Batch::new();
        let before = Some(from.to_string().into_bytes());
        batch.expect(KEYSPACE, "created", before).put(KEYSPACE, "created", to.to_string());
        store.commit(batch)
    };
    let chain: Vec<_> = [(0, 1), (1, 2), (7, 8), (2, 3), (8, 9)].map(|(from, to)| link(from, to)).into();
    let outcomes: Vec<_> = chain.into_iter().map(|outcome| block_on(outcome).is_ok()).collect();
    assert_eq!(outcomes, [true, true, false, true, false]);
    assert_eq!(store.get(KEYSPACE, b"created").unwrap(), Some(b"3".to_vec()));
}

fn overlapping_commits_keep_their_order(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("overlap");
    const COUNT: u32 = 300;
    let store = open();
    let put = |n: u32| {
        let mut batch = Batch::new();
        batch.put(KEYSPACE, "last", n.to_string()).put(KEYSPACE, format!("each {n:05}"), "");
        if n > 0 {
            batch.delete(KEYSPACE, format!("each {:05}", n - 1));
        }
        // What is not on the thread of the caller must not be overtaken by what is.
        if n.is_multiple_of(7) { store.commit_here(batch) } else { store.commit(batch) }
    };
    let pending: Vec<_> = (0..COUNT).map(put).collect();
    // Waiting for the last one is enough: everything before it is durable too.
    block_on(pending.into_iter().next_back().unwrap()).unwrap();
    let last = COUNT - 1;
    assert_eq!(store.get(KEYSPACE, b"last").unwrap(), Some(last.to_string().into_bytes()));
    assert_eq!(keys(&*store, KEYSPACE, Range::new(b"each", Some(b"f")), 9), [format!("each {last:05}")]);
}

fn dropped_futures_withdraw_nothing(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("dropped");
    let store = open();
    let mut batch = Batch::new();
    batch.put(KEYSPACE, "dropped", "");
    drop(store.commit(batch));
    let mut batch = Batch::new();
    batch.put(KEYSPACE, "dropped here", "");
    drop(store.commit_here(batch));
    fill(&*store, KEYSPACE, &["waited for"]);
    assert_eq!(keys(&*store, KEYSPACE, Range::ALL, 9), ["dropped", "dropped here", "waited for"]);
}

/// Several threads count in one record, each retrying on a conflict: no count is lost.
fn threads_lose_no_update(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("threads");
    const THREADS: u64 = 4;
    const COUNTS: u64 = 25;
    let store = open();
    let count_once = |is_here: bool| {
        let before = store.get(KEYSPACE, b"count").unwrap();
        let count = before.as_deref().map_or(0, |text| std::str::from_utf8(text).unwrap().parse::<u64>().unwrap());
        let mut batch = Batch::new();
        batch.expect(KEYSPACE, "count", before).put(KEYSPACE, "count", (count + 1).to_string());
        let outcome = if is_here { store.commit_here(batch) } else { store.commit(batch) };
        block_on(outcome).is_ok()
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let count_once = &count_once;
            scope.spawn(move || (0..COUNTS).for_each(|_| while !count_once(thread.is_multiple_of(2)) {}));
        }
    });
    let expected = (THREADS * COUNTS).to_string().into_bytes();
    assert_eq!(store.get(KEYSPACE, b"count").unwrap(), Some(expected));
}

const MANY: [Keyspace; 12] = [
    Keyspace("many-00"),
    Keyspace("many-01"),
    Keyspace("many-02"),
    Keyspace("many-03"),
    Keyspace("many-04"),
    Keyspace("many-05"),
    Keyspace("many-06"),
    Keyspace("many-07"),
    Keyspace("many-08"),
    Keyspace("many-09"),
    Keyspace("many-10"),
    Keyspace("many-11"),
];

fn many_keyspaces_commit_together(open: Open<'_>) {
    let store = open();
    let mut batch = Batch::new();
    for keyspace in MANY {
        batch.put(keyspace, "name", keyspace.0);
    }
    commit(&*store, batch).unwrap();
    drop(store);
    let store = open();
    for keyspace in MANY {
        assert_eq!(all(&*store, keyspace), [(b"name".to_vec(), keyspace.0.as_bytes().to_vec())]);
    }
}

/// Opening the store several times in a row finds all that was committed, and nothing that was deleted or refused.
fn opening_again_finds_everything(open: Open<'_>) {
    const KEYSPACE: Keyspace = Keyspace("again");
    const ROUNDS: u32 = 5;
    for round in 0..ROUNDS {
        let store = open();
        let before: Vec<_> = (0..round).map(|n| format!("kept {n}")).collect();
        assert_eq!(keys(&*store, KEYSPACE, Range::ALL, 99), before);
        fill(&*store, KEYSPACE, &[&format!("kept {round}"), "deleted"]);
        let mut refused = Batch::new();
        refused.expect(KEYSPACE, "deleted", None).put(KEYSPACE, "refused", "");
        assert!(matches!(commit(&*store, refused), Err(Error::Conflict)));
        let mut batch = Batch::new();
        batch.delete(KEYSPACE, "deleted");
        commit(&*store, batch).unwrap();
    }
}
