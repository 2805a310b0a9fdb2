//! JSONata expressions: read or refused; what was read can be evaluated, and ends within its budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query::jsonata::Expression;
use std::time::{Duration, Instant};

/// Far above the budget: a single function runs to its end, and instruments make everything slow.
const TAKES_AT_MOST: Duration = Duration::from_secs(5);

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |text: &str| {
    if let Ok(expression) = Expression::parse(text) {
        let begun = Instant::now();
        let _ = fuzz::with_scope(|scope, ambient| expression.evaluate(scope, ambient, "field"));
        assert!(begun.elapsed() < TAKES_AT_MOST, "{text}: {:?}", begun.elapsed());
    }
});
