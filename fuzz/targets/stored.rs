//! A record of the store is changed: it is checked and taken up without a panic, and the other executions are there.
#![no_main]

use fuzz::stored::Base;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static BASE: LazyLock<Base> = LazyLock::new(Base::read);

fuzz_target!(|data: &[u8]| BASE.check(data));
