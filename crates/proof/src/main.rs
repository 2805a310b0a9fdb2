//! Proofs on the real process: the release binary is killed, its clock jumps, its disk fails or loses its power, definitions
//! want all that it has; what it has answered is held against it
//! through its public API. `cargo xtask` builds the binary and runs this with it.
//!
//! Each proof is a file: what it does to the server. `load` keeps the server busy meanwhile, `ledger` is what was
//! answered, `judge` compares.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command says what it found")]
#![expect(clippy::indexing_slicing, reason = "a member that `serde_json` does not find is `null`, no panic")]

mod definitions;
mod faults;
mod judge;
mod ledger;
mod load;
mod process;
mod random;

mod bomb_definitions;
mod bombs;
mod crash;
mod disk_faults;
mod flips;
mod golden;
mod powerloss;
mod soak;
mod steadiness;
mod timers;

use std::path::PathBuf;
use std::process::ExitCode;

/// A proof that failed is told in a sentence.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What a proof is given.
struct Wanted {
    /// The server.
    binary: PathBuf,
    arguments: Vec<String>,
}

/// One proof.
struct Proof {
    name: &'static str,
    run: fn(&Wanted) -> Result,
}

const PROOFS: &[Proof] = &[
    Proof { name: "crash", run: crash::run },
    Proof { name: "powerloss", run: powerloss::run },
    Proof { name: "disk-faults", run: disk_faults::run },
    Proof { name: "timers", run: timers::run },
    Proof { name: "golden", run: golden::run },
    Proof { name: "bombs", run: bombs::run },
    Proof { name: "soak", run: soak::run },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(binary)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: cargo xtask PROOF");
        return ExitCode::from(2);
    };
    let Some(proof) = PROOFS.iter().find(|proof| proof.name == name) else {
        eprintln!("there is no proof `{name}`");
        return ExitCode::from(2);
    };
    match (proof.run)(&Wanted { binary: binary.into(), arguments: arguments.collect() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Wanted {
    /// The number that follows a flag; `otherwise` if the flag is not there.
    fn number(&self, flag: &str, otherwise: u64) -> Result<u64> {
        let mut after = self.arguments.iter().skip_while(|argument| *argument != flag).skip(1);
        if !self.arguments.iter().any(|argument| argument == flag) {
            return Ok(otherwise);
        }
        let value = after.next().ok_or_else(|| format!("{flag} takes a number"))?;
        value.parse().map_err(|_| format!("{flag} takes a number, not `{value}`").into())
    }

    /// The text that follows a flag, if the flag is there.
    fn text(&self, flag: &str) -> Result<Option<&str>> {
        let mut from = self.arguments.iter().skip_while(|argument| *argument != flag);
        match (from.next(), from.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(text)) => Ok(Some(text)),
            (Some(_), None) => Err(format!("{flag} takes a text").into()),
        }
    }
}
