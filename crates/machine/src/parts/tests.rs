//! Steps that clear all parts, accepted and undone.

use super::*;

const OLD: PartId = PartId(1);
const GONE: PartId = PartId(2);
const NEW: PartId = PartId(3);

/// Makes a part, removes one, and then all.
fn cleared() -> Parts {
    let mut parts = Parts::new();
    for id in [OLD, GONE] {
        parts.put(id, Part::Progress(Progress::default()));
    }
    parts.accept();
    parts.put(NEW, Part::Progress(Progress::default()));
    parts.remove(GONE);
    parts.root_mut().unwrap().data_made = 7;
    parts.clear();
    assert!([OLD, GONE, NEW].iter().all(|id| parts.get(*id).is_none()));
    parts
}

#[test]
fn what_was_cleared_is_deleted_if_it_was_there_before() {
    let mut parts = cleared();
    let (changed, mut removed) = parts.accept();
    removed.sort_unstable();
    assert_eq!((changed, removed), (vec![PartId::ROOT], vec![OLD, GONE]));
    assert_eq!((parts.root().unwrap().data_made, parts.weight()), (7, Parts::new().weight()));
}

#[test]
fn what_was_cleared_is_there_again_when_the_step_is_undone() {
    let mut parts = cleared();
    parts.undo();
    let there = [OLD, GONE, NEW].map(|id| parts.get(id).is_some());
    assert_eq!((there, parts.root().unwrap().data_made), ([true, true, false], 0));
    assert_eq!(parts.accept(), (vec![], vec![]));
}
