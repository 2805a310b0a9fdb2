//! Worlds come to their end, and a seed gives the same bytes each time.

use simulator::live;

/// Worlds that a test lives through.
const WORLDS: u64 = 25;

#[test]
fn worlds_come_to_their_end_and_nothing_is_wrong() {
    for seed in 1..=WORLDS {
        let outcome = live(seed, false, |_| {});
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert!(outcome.figures.commits > 0, "seed {seed} does nothing");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 1..=WORLDS {
        let (first, second) = (live(seed, true, |_| {}), live(seed, true, |_| {}));
        assert_eq!(first.lines, second.lines, "seed {seed}");
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        assert_ne!(first.fingerprint, live(seed + WORLDS, false, |_| {}).fingerprint, "seed {seed}");
    }
}

#[cfg(feature = "planted-faults")]
#[test]
fn planted_faults_are_found() {
    use simulator::PLANTED;
    use std::time::Duration;

    /// What each may take, on a slow machine without optimization.
    const TIME_MAX: Duration = Duration::from_secs(600);
    // Those that every world has a chance to show; `cargo xtask sim --planted` has all.
    for name in ["an event that is not in the history", "a timer that fires early", "a name that starts two executions"]
    {
        let planted = PLANTED.iter().find(|planted| planted.name == name).unwrap();
        assert!(planted.find(TIME_MAX).is_some(), "{name}");
    }
}
