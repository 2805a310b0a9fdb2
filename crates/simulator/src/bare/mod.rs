//! Bare worlds: `machine` alone, stepped by the world itself. There is no engine, no store and no API in them, so a world
//! lives through many more states in the same time, and through orders of events that an engine does not make.
//!
//! What an engine does with an execution is done here in the plainest way: steps are committed later than they are made,
//! some are lost, what was stored is read back, calls are answered in any order, late, twice or not at all. What the steps
//! asked for is kept beside (`awaited`), and must be what the execution says that it waits for. In the end each history is
//! held against the same rules as in other worlds, and judged by the checker.
//!
//! | file | |
//! |---|---|
//! | `mod` | a world: its plan, its state machine, its executions one after the other |
//! | `run` | an execution: its steps, their commits, what a crash leaves |
//! | `moves` | what happens to an execution |
//! | `awaited` | what an execution waits for, as its effects have it |
//! | `spoiled` | faults that are planted |

mod awaited;
mod moves;
mod run;
#[cfg(feature = "planted-faults")]
mod spoiled;

#[cfg(feature = "planted-faults")]
pub use spoiled::Spoiled;

use crate::{
    checks,
    clock::START_MS,
    definitions::{self, Ingredients, SCOPE},
    figures::Figures,
    plan::Plan,
    random::Random,
    trace::Trace,
    world::{Outcome, Violation},
};
use asl::{Limits, StateMachine, StateMachineType};
use checker::Checker;
use engine::ExecutionRecord;
use json::{Payload, Text};
use machine::{Facts, HistoryEvent};
use query::Budget;
use run::Run;
use std::time::Duration;

/// What a bare world is like. Chances are in thousandths of a move.
#[derive(Clone, Debug)]
struct BarePlan {
    executions: usize,
    /// Items of a Map, at most, and bytes of a text.
    items_max: i64,
    text_max: i64,
    /// Seconds of a wait, at most.
    seconds_max: i64,
    /// Moves of an execution before all that it waits for is answered.
    moves: usize,
    /// Steps that may be made before the first of them is committed.
    uncommitted_max: usize,
    crashes: usize,
    clock_jumps: usize,
    stops: usize,
    /// In so many of a thousand cases an execution that can be redriven is.
    redrives: usize,
    failures: usize,
    is_jsonata: bool,
    /// Whether steps are tried with a budget that is too small for many of them, as on the loop of a shard.
    is_slow: bool,
}

impl BarePlan {
    fn draw(random: &mut Random) -> BarePlan {
        let mut chance =
            |max: i64| if random.per_mille(500) { usize::try_from(random.magnitude(max)).unwrap_or(0) } else { 0 };
        let (crashes, clock_jumps, stops) = (chance(250), chance(250), chance(16));
        let (redrives, failures) = (chance(1_000), chance(500));
        let is_wide = random.per_mille(100);
        let is_jsonata = random.per_mille(150);
        BarePlan {
            executions: if is_wide { 1 + random.below(4) } else { 50 + random.below(150) },
            items_max: if is_wide { 3_000 } else { 12 },
            text_max: if random.per_mille(200) { random.magnitude(100_000) } else { 0 },
            seconds_max: random.magnitude(1_000_000).max(10),
            moves: 1 + random.below(400),
            uncommitted_max: if random.per_mille(500) { 1 } else { 1 + random.below(6) },
            crashes,
            clock_jumps,
            stops,
            redrives,
            failures,
            is_jsonata,
            is_slow: !is_jsonata && random.per_mille(150),
        }
    }
}

/// A bare world.
pub struct BareWorld {
    random: Random,
    plan: BarePlan,
    trace: Trace,
    figures: Figures,
    now_ms: i64,
    /// The latest that the clock has shown, and what has passed on it.
    latest_ms: i64,
    passed_ms: i64,
    limits: Limits,
    state_machine_type: StateMachineType,
    definition: StateMachine,
    checker: Checker,
    /// What a step is first tried with, and what it must do with.
    budgets: [Budget; 2],
    #[cfg(feature = "planted-faults")]
    spoiled: Option<Spoiled>,
}

/// Lives through the bare world of a seed.
pub fn live_bare(seed: u64, is_logged: bool, prepare: impl FnOnce(&mut BareWorld)) -> Outcome {
    let mut random = Random::new(seed);
    let plan = BarePlan::draw(&mut random);
    let mut trace = Trace::new(is_logged);
    trace.tell(START_MS, format_args!("{plan:?}"));
    match BareWorld::new(random, plan, trace) {
        Ok(mut world) => {
            prepare(&mut world);
            let violation = world.live().err();
            world.figures.simulated_ms = world.passed_ms;
            world.trace.finish(world.now_ms, violation, world.figures)
        }
        Err((trace, violation)) => trace.finish(START_MS, Some(violation), Figures::default()),
    }
}

impl BareWorld {
    fn new(mut random: Random, plan: BarePlan, mut trace: Trace) -> Result<BareWorld, (Trace, Violation)> {
        let is_express = random.per_mille(150);
        let state_machine_type = if is_express { StateMachineType::Express } else { StateMachineType::Standard };
        let ingredients = Ingredients {
            state_machine_type,
            is_jsonata: plan.is_jsonata,
            has_tasks: random.per_mille(800),
            has_map_runs: !is_express && random.per_mille(500),
            seconds_max: if is_express { 60 } else { plan.seconds_max },
        };
        let text = definitions::definition(&mut random, ingredients);
        trace.tell(START_MS, format_args!("{state_machine_type:?}: {text}"));
        let parsed = asl::parse_accepted(&text, state_machine_type);
        let (definition, mut checker) = match (parsed, Checker::new(&text, state_machine_type)) {
            (Some(definition), Ok(checker)) => (definition, checker),
            (_, refused) => return Err((trace, format!("{text} is no definition: {:?}", refused.err()))),
        };
        checker.limits = Plan::limits();
        let figures = Figures { worlds: 1, ..Figures::default() };
        let enough = Budget { time: Duration::from_secs(1_000), ..engine::Options::default().slow_budget };
        let small = Budget { time: Duration::from_nanos(300), last: false, ..enough };
        let budgets = [if plan.is_slow { small } else { enough }, enough];
        Ok(BareWorld {
            random,
            plan,
            trace,
            figures,
            now_ms: START_MS,
            latest_ms: START_MS,
            passed_ms: 0,
            limits: Plan::limits(),
            state_machine_type,
            definition,
            checker,
            budgets,
            #[cfg(feature = "planted-faults")]
            spoiled: None,
        })
    }

    fn live(&mut self) -> Result<(), Violation> {
        for number in 0..self.plan.executions {
            let facts = self.facts(number);
            self.tell(format_args!("start of e{number} with {}", facts.input_text));
            Run::live(self, facts).map_err(|why| format!("e{number}: {why}"))?;
        }
        Ok(())
    }

    fn facts(&mut self, number: usize) -> Facts {
        let input: Text = definitions::input(&mut self.random, self.plan.items_max, self.plan.text_max).into();
        Facts {
            execution_arn: format!("{SCOPE}:execution:m:e{number}").into(),
            name: format!("e{number}").into(),
            state_machine_arn: format!("{SCOPE}:stateMachine:m").into(),
            state_machine_name: "m".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            state_machine_type: self.state_machine_type,
            is_synchronous: false,
            start_ms: self.now_ms,
            input: Payload::parse(&input).unwrap_or_default(),
            input_text: input,
            region: "us-east-1".into(),
            account: "123456789012".into(),
            redrive_count: 0,
            redrive_ms: None,
        }
    }

    /// An execution has ended: it is held against the rules, and judged.
    fn check(&mut self, facts: &Facts, outcome: &machine::Outcome, events: &[HistoryEvent]) -> Result<(), Violation> {
        self.trace.show(|| events.iter().map(checks::told).collect());
        let record = record(facts, outcome, events.last().map(|event| event.timestamp_ms));
        checks::check(&record, events)?;
        checks::has_been(events, self.latest_ms)?;
        checks::judge(&self.checker, &record, events)
    }

    /// Counts events that no other execution, and no earlier end of this one, has shown.
    fn count(&mut self, events: &[HistoryEvent]) {
        self.figures.executions += 1;
        self.figures.events += u64::try_from(events.len()).unwrap_or(0);
        self.figures.transitions += checks::transitions(events);
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.trace.tell(self.now_ms, what);
    }
}

/// What an engine would say of an execution that has ended.
fn record(facts: &Facts, outcome: &machine::Outcome, stop_ms: Option<i64>) -> ExecutionRecord {
    ExecutionRecord {
        arn: facts.execution_arn.clone(),
        name: facts.name.clone(),
        state_machine_arn: facts.state_machine_arn.clone(),
        state_machine_name: facts.state_machine_name.clone(),
        role_arn: facts.role_arn.clone(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        state_machine_type: facts.state_machine_type,
        status: outcome.status(),
        start_ms: facts.start_ms,
        stop_ms,
        input_text: facts.input_text.clone(),
        outcome: Some(outcome.clone()),
        trace_header: None,
        redrive_count: facts.redrive_count,
        redrive_ms: facts.redrive_ms,
        origin: None,
        remains: None,
        map_run_arn: None,
        item_count: None,
        map_run_redrives: 0,
        is_pending_redrive: false,
    }
}
