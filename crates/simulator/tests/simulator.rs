//! Worlds come to their end, and a seed gives the same bytes each time.

use simulator::{Outcome, live, live_bare};

/// Worlds that a test lives through.
const WORLDS: u64 = 25;
const BARE_WORLDS: u64 = 6;
/// The seed of a world in which the commit of a `.sync` call's submission fails, right after the store was opened again: its
/// end had been waited for before the submission was durable.
const A_LOST_SUBMISSION: u64 = 10_769;
/// Another such world.
const ANOTHER_LOST_SUBMISSION: u64 = 100_703;
/// An execution is redriven in the millisecond of its end: the redrive is dated a millisecond later, which the clock had not
/// shown yet.
const A_REDRIVE_IN_THE_MILLISECOND_OF_THE_END: u64 = 276;
/// An execution fails with the answer of a worker, as its history has become full: the answer was accepted, and is no event.
const A_HISTORY_THAT_AN_ANSWER_FILLS: u64 = 950;
/// A redriven execution calls a service before the answer to the redrive is heard: whoever has ended calls nobody, and it has
/// not ended any more.
const A_CALL_BEFORE_THE_REDRIVE_IS_HEARD: u64 = 1_495;
/// A stop is acknowledged, and the answer to the redrive that follows is lost with its process: the time of the stop is not
/// that of the end any more.
const A_REDRIVE_WHOSE_ANSWER_IS_LOST: u64 = 6_475;
/// Worlds that showed something. What happens in a world changes with the engine: each of these was seen to be found wrong by
/// this engine without what was done about it then.
const THAT_SHOWED_SOMETHING: [u64; 6] = [
    A_LOST_SUBMISSION,
    ANOTHER_LOST_SUBMISSION,
    A_REDRIVE_IN_THE_MILLISECOND_OF_THE_END,
    A_HISTORY_THAT_AN_ANSWER_FILLS,
    A_CALL_BEFORE_THE_REDRIVE_IS_HEARD,
    A_REDRIVE_WHOSE_ANSWER_IS_LOST,
];
/// Crashes of a world with many.
const CRASHES_MIN: u64 = 15;

#[test]
fn worlds_come_to_their_end_and_nothing_is_wrong() {
    for seed in (1..=WORLDS).chain(THAT_SHOWED_SOMETHING) {
        let outcome = live(seed, false, |_| {});
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert!(outcome.figures.commits > 0, "seed {seed} does nothing");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 1..=WORLDS {
        check_same_bytes(seed);
    }
}

/// Twice: all that happens, with each history; each batch that is committed; each record that is stored in the end.
fn check_same_bytes(seed: u64) -> Outcome {
    let (first, second) = (live(seed, true, |_| {}), live(seed, true, |_| {}));
    assert_eq!(first.lines, second.lines, "seed {seed}");
    let has_history = first.lines.iter().any(|line| line.contains("ExecutionStarted"));
    assert_eq!(has_history, first.figures.events > 0, "seed {seed}");
    assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
    assert_eq!(first.disk.stored(), second.disk.stored(), "seed {seed}");
    assert!(!first.disk.stored().is_empty(), "seed {seed} stores nothing");
    assert_ne!(first.fingerprint, live(seed + WORLDS, false, |_| {}).fingerprint, "seed {seed}");
    first
}

#[test]
fn bare_worlds_come_to_their_end_and_nothing_is_wrong() {
    for seed in 1..=BARE_WORLDS {
        let outcome = live_bare(seed, false, |_| {});
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert!(outcome.figures.transitions > 0, "seed {seed} does nothing");
    }
}

/// Twice: every trigger with the effects of its step, and each history.
#[test]
fn the_same_seed_gives_the_same_bare_world() {
    for seed in 1..=BARE_WORLDS {
        let (first, second) = (live_bare(seed, true, |_| {}), live_bare(seed, true, |_| {}));
        assert_eq!(first.lines, second.lines, "seed {seed}");
        assert!(first.lines.iter().any(|line| line.contains("ExecutionStarted")), "seed {seed}");
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        assert_eq!(first.fingerprint, live_bare(seed, false, |_| {}).fingerprint, "seed {seed}");
        assert_ne!(first.fingerprint, live_bare(seed + BARE_WORLDS, false, |_| {}).fingerprint, "seed {seed}");
    }
}

/// A world that lives through many processes, most of which end in the middle of something.
#[test]
fn it_does_so_through_many_crashes_and_faults() {
    let count = |outcome: &Outcome, kind: &str| outcome.figures.by_kind.get(kind).copied().unwrap_or(0);
    let is_wild =
        |outcome: &Outcome| count(outcome, "crashes") >= CRASHES_MIN && count(outcome, "commits that failed") > 0;
    let wild = (WORLDS + 1..WORLDS * 40).find(|seed| is_wild(&live(*seed, false, |_| {}))).unwrap();
    let outcome = check_same_bytes(wild);
    assert!(is_wild(&outcome), "seed {wild}");
    assert_eq!(outcome.violation, None, "seed {wild}");
}

#[cfg(feature = "planted-faults")]
#[test]
fn planted_faults_are_found() {
    use simulator::PLANTED;
    use std::time::Duration;

    /// What each may take, on a slow machine without optimization.
    const TIME_MAX: Duration = Duration::from_secs(600);
    // Those that every world has a chance to show; `cargo xtask sim --planted` has all.
    for name in [
        "an event that is not in the history",
        "a timer that fires early",
        "a name that starts two executions",
        "a step that does not name a part that changed",
        "a step with another output",
    ] {
        let planted = PLANTED.iter().find(|planted| planted.name == name).unwrap();
        assert!(planted.find(TIME_MAX).is_some(), "{name}");
    }
}
