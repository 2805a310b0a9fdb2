//! A definition and an input, apart by a line with `---`: what is accepted runs, and its history is legal.
#![no_main]

use asl::StateMachineType;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::caught_panics_are_no_finding(), |text: &str| {
    let (definition, input) = text.split_once("\n---\n").unwrap_or((text, "{}"));
    fuzz::execution::run(definition, StateMachineType::Standard, input);
});
