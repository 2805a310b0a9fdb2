//! `simulator [--seconds N] [--seed N [--log]] [--planted [NAME]]`: lives through worlds until the time is over or one is
//! found wrong; or plants faults, and says how long it took to find them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command says what it found")]

use simulator::{Figures, PLANTED, Planted, live};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// How long it looks when nothing is said.
const SECONDS: u64 = 60;

/// What was asked for.
#[derive(Default)]
struct Wanted {
    seconds: Option<u64>,
    seed: Option<u64>,
    is_logged: bool,
    /// Faults are planted: those whose names have this in them.
    planted: Option<String>,
}

fn main() -> ExitCode {
    let wanted = match parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}\nusage: cargo xtask sim [--seconds N] [--seed N [--log]] [--planted [NAME]]");
            return ExitCode::from(2);
        }
    };
    let is_fine = match (&wanted.planted, wanted.seed) {
        (Some(name), Some(seed)) => replay_planted(name, seed, wanted.is_logged),
        (Some(name), None) => find_planted(name, Duration::from_secs(wanted.seconds.unwrap_or(SECONDS))),
        (None, _) => look(&wanted),
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let mut number = |name: &str| {
            let text = arguments.next().unwrap_or_default();
            text.parse().map(Some).map_err(|_| format!("{name} takes a number, and not `{text}`"))
        };
        match argument.as_str() {
            "--seconds" => wanted.seconds = number("--seconds")?,
            "--seed" => wanted.seed = number("--seed")?,
            "--log" => wanted.is_logged = true,
            "--planted" => {
                let name = arguments.next_if(|next| !next.starts_with("--"));
                wanted.planted = Some(name.unwrap_or_default());
            }
            other => return Err(format!("`{other}` is not known")),
        }
    }
    Ok(wanted)
}

/// Lives through worlds: that of a seed, or as many as there is time for.
fn look(wanted: &Wanted) -> bool {
    let started = Instant::now();
    let time = Duration::from_secs(wanted.seconds.unwrap_or(SECONDS));
    let is_one = wanted.seed.is_some() && wanted.seconds.is_none();
    let first = wanted.seed.unwrap_or(1);
    let mut figures = Figures::default();
    let mut violation = None;
    for seed in first.. {
        let outcome = live(seed, wanted.is_logged, |_| {});
        outcome.lines.iter().for_each(|line| println!("{line}"));
        figures.add(&outcome.figures);
        violation = outcome.violation.map(|violation| (seed, violation));
        if violation.is_some() || is_one || started.elapsed() > time {
            break;
        }
    }
    println!("{}", figures.table(started.elapsed()));
    if let Some((seed, violation)) = &violation {
        eprintln!("seed {seed}: {violation}\nit happens again with: cargo xtask sim --seed {seed} --log");
    }
    violation.is_none()
}

fn named(name: &str) -> impl Iterator<Item = &'static Planted> {
    PLANTED.iter().filter(move |planted| planted.name.contains(name))
}

fn find_planted(name: &str, time_max: Duration) -> bool {
    let mut are_found = true;
    for planted in named(name) {
        let Some(found) = planted.find(time_max) else {
            are_found = false;
            println!("not found in {} s: {}", time_max.as_secs(), planted.name);
            continue;
        };
        let seconds = found.time.as_secs_f64();
        println!("{seconds:>8.2} s, seed {:>5}: {}\n{:>22}{}", found.seed, planted.name, "", found.violation);
    }
    are_found
}

fn replay_planted(name: &str, seed: u64, is_logged: bool) -> bool {
    let Some(planted) = named(name).next() else { return false };
    let outcome = live(seed, is_logged, |world| planted.plant(world));
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}: {:?}", planted.name, outcome.violation);
    true
}
