//! `simulator [--seconds N] [--threads N] [--seed N [--log]] [--planted [NAME]]`: lives through worlds, on each core one at
//! a time, until the time is over or one is found wrong; or plants faults, and says how long it took to find them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command says what it found")]

use simulator::{Figures, PLANTED, Planted, Violation, live};
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
    is_logged: bool,
    /// Faults are planted: those whose names have this in them.
    planted: Option<String>,
}

fn main() -> ExitCode {
    let wanted = match parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!(
                "{why}\nusage: cargo xtask sim [--seconds N] [--threads N] [--seed N [--log]] [--planted [NAME]]"
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
    let is_one = wanted.seed.is_some() && wanted.seconds.is_none();
    let cores = || thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let threads = if is_one { 1 } else { wanted.threads.unwrap_or_else(cores).max(1) };
    let search = Search {
        next: AtomicU64::new(wanted.seed.unwrap_or(1)),
        until: started + Duration::from_secs(wanted.seconds.unwrap_or(SECONDS)),
        worlds_max: if is_one { 1 } else { u64::MAX },
        is_logged: wanted.is_logged,
        violations: Mutex::default(),
    };
    let figures = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| search.run())).collect();
        let mut sum = Figures::default();
        for thread in threads {
            // A world that panics is as wrong as can be.
            sum.add(&thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        sum
    });
    println!("{}", figures.table(started.elapsed(), threads));
    let violations = search.violations.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (seed, violation) in &violations {
        eprintln!("seed {seed}: {violation}\nit happens again with: cargo xtask sim --seed {seed} --log");
    }
    violations.is_empty()
}

/// Worlds that several threads live through.
struct Search {
    /// The seed of the next one.
    next: AtomicU64,
    until: Instant,
    /// Of each thread.
    worlds_max: u64,
    is_logged: bool,
    /// By seed.
    violations: Mutex<BTreeMap<u64, Violation>>,
}

impl Search {
    /// One thread of it. A world is of one thread, and knows nothing of the others.
    fn run(&self) -> Figures {
        let mut figures = Figures::default();
        while figures.worlds < self.worlds_max && !self.is_over(&figures) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            let outcome = live(seed, self.is_logged, |_| {});
            outcome.lines.iter().for_each(|line| println!("{line}"));
            figures.add(&outcome.figures);
            if let Some(violation) = outcome.violation {
                self.violations.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, violation);
            }
        }
        figures
    }

    /// The first world of a thread is lived through in any case.
    fn is_over(&self, figures: &Figures) -> bool {
        let is_found = !self.violations.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        figures.worlds > 0 && (is_found || Instant::now() > self.until)
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
    let outcome = live(seed, is_logged, |world| planted.plant(world));
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}: {:?}", planted.name, outcome.violation);
    true
}
