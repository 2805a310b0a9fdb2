//! `simulator [--seconds N] [--threads N] [--only engine|bare] [--seed N [--log]] [--planted [NAME]]`: lives through worlds, on
//! each core one at a time, until the time is over or one is found wrong; or plants faults, and says how long it took to find
//! them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command says what it found")]

use simulator::{Figures, Outcome, PLANTED, Planted, Violation, live, live_bare};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long it looks when nothing is said.
const SECONDS: u64 = 60;

/// What was asked for.
#[derive(Default)]
struct Wanted {
    seconds: Option<u64>,
    /// Worlds that are lived through at once; one for each core if nothing is said.
    threads: Option<u64>,
    seed: Option<u64>,
    /// Worlds of this kind and no others.
    only: Option<Kind>,
    is_logged: bool,
    /// Faults are planted: those whose names have this in them.
    planted: Option<String>,
}

fn main() -> ExitCode {
    let wanted = match parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!(
                "{why}\nusage: cargo xtask sim [--seconds N] [--threads N] [--only engine|bare] [--seed N [--log]] [--planted [NAME]]"
            );
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
            "--threads" => wanted.threads = number("--threads")?,
            "--seed" => wanted.seed = number("--seed")?,
            "--only" => {
                let kind = arguments.next().unwrap_or_default();
                wanted.only = match kind.as_str() {
                    "engine" => Some(Kind::Engine),
                    "bare" => Some(Kind::Bare),
                    _ => return Err(format!("--only takes `engine` or `bare`, and not `{kind}`")),
                };
            }
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
    let is_one = wanted.seed.is_some() && wanted.seconds.is_none();
    let cores = || thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let threads = if is_one { 1 } else { wanted.threads.unwrap_or_else(cores).max(1) };
    let first = wanted.seed.unwrap_or(1);
    let search = Search {
        next: [AtomicU64::new(first), AtomicU64::new(first)],
        until: Instant::now() + Duration::from_secs(wanted.seconds.unwrap_or(SECONDS)),
        only: wanted.only.or(is_one.then_some(Kind::Engine)),
        is_one,
        is_logged: wanted.is_logged,
        violations: Mutex::default(),
    };
    let lived = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| search.run())).collect();
        let mut sums = <[Lived; 2]>::default();
        for thread in threads {
            // A world that panics is as wrong as can be.
            let lived = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sums.iter_mut().zip(lived).for_each(|(sum, lived)| sum.add(&lived.figures, lived.time));
        }
        sums
    });
    for (kind, lived) in [Kind::Engine, Kind::Bare].into_iter().zip(lived) {
        if lived.figures.worlds > 0 {
            println!("{}:\n{}", kind.name(), lived.figures.table(lived.time));
        }
    }
    let violations = search.violations.into_inner().unwrap_or_else(PoisonError::into_inner);
    for ((kind, seed), violation) in &violations {
        let only = if *kind == Kind::Bare { "--only bare " } else { "" };
        eprintln!("seed {seed}: {violation}\nit happens again with: cargo xtask sim {only}--seed {seed} --log");
    }
    violations.is_empty()
}

/// The kinds of worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Engine,
    Bare,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Engine => "worlds with the whole engine",
            Kind::Bare => "bare worlds, with the state machine of executions alone",
        }
    }

    fn live(self, seed: u64, is_logged: bool) -> Outcome {
        match self {
            Kind::Engine => live(seed, is_logged, |_| {}),
            Kind::Bare => live_bare(seed, is_logged, |_| {}),
        }
    }
}

/// What a thread has lived through of one kind of worlds.
#[derive(Default)]
struct Lived {
    figures: Figures,
    time: Duration,
}

impl Lived {
    fn add(&mut self, figures: &Figures, time: Duration) {
        self.figures.add(figures);
        self.time += time;
    }
}

/// Worlds that several threads live through.
struct Search {
    /// The seeds of the next ones.
    next: [AtomicU64; 2],
    until: Instant,
    only: Option<Kind>,
    is_one: bool,
    is_logged: bool,
    /// By kind and seed.
    violations: Mutex<BTreeMap<(Kind, u64), Violation>>,
}

impl Search {
    /// One thread of it. A world is of one thread, and knows nothing of the others. Bare worlds have a fifth of the time.
    fn run(&self) -> [Lived; 2] {
        let [mut engine, mut bare] = <[Lived; 2]>::default();
        let [next_engine, next_bare] = &self.next;
        loop {
            let kind = self.only.unwrap_or(if engine.time > bare.time * 4 { Kind::Bare } else { Kind::Engine });
            let (next, lived) = match kind {
                Kind::Engine => (next_engine, &mut engine),
                Kind::Bare => (next_bare, &mut bare),
            };
            let (seed, started) = (next.fetch_add(1, Ordering::Relaxed), Instant::now());
            let outcome = kind.live(seed, self.is_logged);
            lived.add(&outcome.figures, started.elapsed());
            outcome.lines.iter().for_each(|line| println!("{line}"));
            let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(violation) = outcome.violation {
                violations.insert((kind, seed), violation);
            }
            // The first world of a thread is lived through in any case.
            if self.is_one || !violations.is_empty() || Instant::now() > self.until {
                return [engine, bare];
            }
        }
    }
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
    let outcome = planted.live(seed, is_logged);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}: {:?}", planted.name, outcome.violation);
    true
}
