//! The text of a definition: read, or refused with diagnostics that can be shown; never a panic.
#![no_main]

use asl::{Limits, StateMachineType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |text: &str| {
    let limits = Limits::default();
    for state_machine_type in [StateMachineType::Standard, StateMachineType::Express] {
        let parsed = asl::parse(text, state_machine_type, &limits);
        let shown: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        assert!(parsed.state_machine.is_some() || !shown.is_empty(), "refused, and nobody says why");
        if parsed.state_machine.is_some() {
            assert!(asl::parse_accepted(text, state_machine_type).is_some(), "accepted, and not any more");
        }
    }
    let _ = asl::parse_state(text, "A", &limits);
});
