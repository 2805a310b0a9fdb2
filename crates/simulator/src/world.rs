//! One world: a disk, a clock and services that outlive the processes in which the engine runs on them.
//!
//! A process is a tokio runtime of one thread. The world lets it run for a few rounds, hears what came of that, makes a
//! move, and so on. The move may be that the process dies: its runtime is dropped with everything in it.

use crate::{
    answers::Answers,
    clock::SimulatedClock,
    disk::Disk,
    figures::Figures,
    hearing::Heard,
    model::{Asked, Machine, Token},
    plan::Plan,
    random::Random,
    services::{Attempt, Made, Services},
    trace::Trace,
};
use engine::{Clock, Engine};
use json::Text;
use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{runtime::Builder, task::yield_now};

/// What is wrong, in a sentence. It ends the world.
pub type Violation = String;

/// Processes in which a world does not come to its end: something makes each of them fail.
const PROCESSES_MAX: u64 = 400;
/// Rounds in which an engine must have opened its store.
const OPENING_ROUNDS_MAX: usize = 10_000;

/// A world.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that may be so or not")]
pub struct World {
    pub(crate) random: Random,
    pub(crate) plan: Plan,
    pub(crate) trace: Trace,
    pub(crate) figures: Figures,
    pub(crate) disk: Disk,
    pub(crate) clock: SimulatedClock,
    pub(crate) services: Services,
    pub(crate) machines: Vec<Machine>,
    pub(crate) asked: Vec<Asked>,
    /// Calls that the world has not answered.
    pub(crate) calls: Vec<Made>,
    /// How often each attempt was called.
    pub(crate) attempts: BTreeMap<Attempt, u32>,
    pub(crate) tokens: Vec<Token>,
    /// The number of the next answer.
    pub(crate) next_answer: u64,
    /// What histories tell of answers.
    pub(crate) answers: Answers,
    /// Executions that have ended: they have no call any more.
    pub(crate) quiet: Vec<(String, u32)>,
    pub(crate) heard: Heard,
    /// Requests that are not answered.
    pub(crate) requests: usize,
    /// The number of the next worker.
    pub(crate) next_worker: u64,
    /// Who polls an activity.
    pub(crate) polls: BTreeMap<&'static str, Text>,
    pub(crate) moves_left: usize,
    /// Whether nothing goes wrong any more, and everything is answered.
    pub(crate) is_calm: bool,
    /// Whether the engine was told to shut down.
    pub(crate) is_stopping: bool,
    pub(crate) is_shut_down: bool,
    /// Whether state machines or activities must be created again.
    pub(crate) lacks_machines: bool,
    /// What has happened since this was last looked at.
    pub(crate) progress: u64,
    /// Batches that were synced when this was last looked at.
    pub(crate) synced: u64,
    /// Moves in which nothing happened, and for how long time passes in the next.
    pub(crate) fruitless: u32,
    pub(crate) step_ms: i64,
}

/// How the time of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Crashed,
    ShutDown,
    /// Nothing is left to do.
    Over,
}

/// What a world came to.
pub struct Outcome {
    pub violation: Option<Violation>,
    /// The same for the same seed.
    pub fingerprint: u64,
    pub figures: Figures,
    /// What happened, with all histories, if that was asked for.
    pub lines: Vec<String>,
    /// What the disk has in the end; a bare world has none.
    pub disk: Disk,
}

/// Lives through the world of a seed.
pub fn live(seed: u64, is_logged: bool, prepare: impl FnOnce(&mut World)) -> Outcome {
    let mut world = World::new(seed, is_logged);
    prepare(&mut world);
    let violation = world.live().err();
    world.finish(violation)
}

impl World {
    fn new(seed: u64, is_logged: bool) -> World {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random);
        let disk = Disk::default();
        World {
            moves_left: plan.moves,
            random,
            plan,
            trace: Trace::new(is_logged),
            figures: Figures { worlds: 1, ..Figures::default() },
            services: Services::new(disk.clone()),
            disk,
            clock: SimulatedClock::new(),
            machines: Vec::new(),
            asked: Vec::new(),
            calls: Vec::new(),
            attempts: BTreeMap::new(),
            tokens: Vec::new(),
            next_answer: 1,
            answers: Answers::default(),
            quiet: Vec::new(),
            heard: Heard::default(),
            requests: 0,
            next_worker: 0,
            polls: BTreeMap::new(),
            is_calm: false,
            is_stopping: false,
            is_shut_down: false,
            lacks_machines: false,
            progress: 0,
            synced: 0,
            fruitless: 0,
            step_ms: 1,
        }
    }

    fn live(&mut self) -> Result<(), Violation> {
        let plan = format!("{:?}", self.plan);
        self.tell(plan);
        self.make_machines()?;
        for _ in 0..PROCESSES_MAX {
            if self.process()? == Life::Over {
                // Once more, to see that all that was seen is there for ever.
                return self.last_process();
            }
        }
        Err("it does not come to an end".into())
    }

    /// One process, from its start to its end.
    fn process(&mut self) -> Result<Life, Violation> {
        let life = self.in_process(async |world, engine| world.live_in(&engine).await)?;
        self.die(life);
        Ok(life)
    }

    /// Does something with an engine that is opened for it.
    pub(crate) fn in_process(
        &mut self,
        live: impl AsyncFnOnce(&mut World, Engine) -> Result<Life, Violation>,
    ) -> Result<Life, Violation> {
        let runtime = Builder::new_current_thread().build().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            match self.open().await? {
                Some(engine) => live(self, engine).await,
                None => Ok(Life::Crashed),
            }
        })
    }

    /// Opens the engine; `None` if the process died before that.
    async fn open(&mut self) -> Result<Option<Engine>, Violation> {
        let (disk, services, clock) = (self.disk.clone(), self.services.clone(), self.clock.clone());
        let options = self.plan.options(self.random.next());
        let open_store: engine::OpenStore = Arc::new(move || disk.open());
        let opening = tokio::spawn(Engine::open(open_store, Arc::new(services), Arc::new(clock), options));
        for _ in 0..OPENING_ROUNDS_MAX {
            yield_now().await;
            if opening.is_finished() {
                let opened = opening.await.map_err(|error| format!("the engine cannot be opened: {error}"))?;
                let engine = opened.map_err(|error| format!("the engine cannot be opened: {error:?}"))?;
                self.tell("the engine is open");
                return Ok(Some(engine));
            }
            if self.is_faulty(self.plan.crashes) {
                return Ok(None);
            }
            self.disk.sync(usize::MAX);
            self.disk.tell(usize::MAX);
        }
        Err("the engine does not open".into())
    }

    /// The process is gone. What it had asked of the disk may be kept or not.
    fn die(&mut self, life: Life) {
        let (pending, _) = self.disk.waiting();
        let kept = self.random.below(pending + 1);
        self.tell(format_args!("the process ends: {life:?}, {kept} of {pending} batches are kept"));
        if life == Life::Crashed {
            self.figures.count("crashes");
            if pending > kept {
                self.figures.count("crashes that lost batches");
            }
        }
        self.disk.crash(kept);
        self.clock.forget_sleepers();
        self.calls.clear();
        self.services.take_new();
        self.quiet.clear();
        self.polls.clear();
        self.requests = 0;
        (self.is_stopping, self.is_shut_down) = (false, false);
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.asked.iter_mut().for_each(|asked| asked.is_awaited = false);
    }

    async fn live_in(&mut self, engine: &Engine) -> Result<Life, Violation> {
        self.check_acknowledged(engine).await?;
        self.create_machines(engine);
        loop {
            let rounds = if self.is_calm { 8 } else { 1 + self.random.below(4) };
            self.settle(rounds).await;
            self.disk.fail_reads(0);
            self.hear(engine).await?;
            if self.is_calm {
                if let Some(life) = self.calm_move(engine).await? {
                    return Ok(life);
                }
            } else if let Some(life) = self.wild_move(engine) {
                return Ok(life);
            }
            self.figures.moves += 1;
        }
    }

    /// Lets the process run: in a round each task that can go on does so, and each shard makes a pass.
    pub(crate) async fn settle(&mut self, rounds: usize) {
        for _ in 0..rounds {
            yield_now().await;
        }
        let committed = self.disk.take_committed();
        self.trace.bytes(&committed);
    }

    /// Whether a fault strikes, that does so in so many of a thousand cases.
    pub(crate) fn is_faulty(&mut self, per_mille: usize) -> bool {
        !self.is_calm && self.random.per_mille(per_mille)
    }

    pub(crate) fn tell(&mut self, what: impl Display) {
        self.trace.tell(self.clock.now_ms(), what);
    }

    fn finish(mut self, violation: Option<Violation>) -> Outcome {
        self.figures.commits = self.disk.synced();
        self.figures.simulated_ms = self.clock.passed_ms();
        Outcome { disk: self.disk, ..self.trace.finish(self.clock.now_ms(), violation, self.figures) }
    }
}

/// Spawns a request; what it is answered with is heard later.
pub(crate) fn ask<A: Send + 'static>(heard: &Arc<Mutex<Vec<A>>>, request: impl Future<Output = A> + Send + 'static) {
    let heard = Arc::clone(heard);
    tokio::spawn(async move {
        let answer = request.await;
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    });
}
