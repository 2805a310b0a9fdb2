//! What happened in a world: a fingerprint of all of it, and a log for who wants to read it.

use crate::{
    disk::Disk,
    figures::Figures,
    world::{Outcome, Violation},
};
use std::{
    fmt::Display,
    hash::{DefaultHasher, Hasher},
};

/// Takes each move, each batch and each answer of a world, in order.
#[derive(Default)]
pub struct Trace {
    hasher: DefaultHasher,
    /// The lines, if somebody wants to read them.
    lines: Option<Vec<String>>,
}

impl Trace {
    pub fn new(is_logged: bool) -> Trace {
        Trace { hasher: DefaultHasher::new(), lines: is_logged.then(Vec::new) }
    }

    /// Bytes that must be the same whenever the seed is.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
    }

    /// Something to tell. It is only written if somebody wants to read it.
    pub fn tell(&mut self, now_ms: i64, what: impl Display) {
        self.hasher.write_i64(now_ms);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now_ms} {what}"));
        }
    }

    /// Something long, for who reads; it is not in the fingerprint.
    pub fn show(&mut self, what: impl FnOnce() -> Vec<String>) {
        if let Some(lines) = &mut self.lines {
            lines.extend(what().into_iter().map(|line| format!("    {line}")));
        }
    }

    /// What the world came to.
    pub fn finish(mut self, now_ms: i64, violation: Option<Violation>, figures: Figures) -> Outcome {
        if let Some(violation) = &violation {
            self.tell(now_ms, format_args!("VIOLATION {violation}"));
        }
        let (fingerprint, lines) = (self.hasher.finish(), self.lines.unwrap_or_default());
        Outcome { violation, fingerprint, figures, lines, disk: Disk::default() }
    }
}
