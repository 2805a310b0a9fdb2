//! The history checker: proves from outside that a history is a legal path of its definition.
//!
//! It takes a definition, an input and a history, and nothing else: no state of an engine, no log. So it can judge any
//! engine that speaks the API of AWS Step Functions, and AWS itself. Each event must be explained by one position in the
//! definition, and each input, output, set of parameters and variable must be, byte by byte, what the definition makes
//! of the data before it.
//!
//! # What it is independent of
//!
//! It shares no code with the engine's `machine`: how states follow one another, how data flows through their fields, when
//! something is tried again, caught, joined or aborted is written down here a second time, as plainly as possible.
//! It does use `asl` to read the definition, `json` for values, and `query` to evaluate paths, intrinsic functions and
//! JSONata: those have reference suites of their own, and a fault in them would be shared.
//!
//! # What no history can tell
//!
//! Random numbers, UUIDs, the time that `$now()` gave, task tokens, names in the context object (unless DescribeExecution
//! is at hand): such values are taken from what the history shows next, and their form is checked. How is in `world`. The
//! verdict counts them. A Choice that depends on one may go any way that its rules leave open. The results of a Map Run
//! are in the histories of its children; here they are found in the output of the Map, and counted too. Known limits: an
//! expression that fails for some random numbers and not for others is judged by its best guess, and when both clocks of
//! a task have run down, its timeout is taken as the one that ended it; after a redrive, branches of several iterations that show
//! the same data at the same time are told apart only where an iteration ends.
//!
//! ```
//! let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": true}}}"#;
//! let history = r#"[
//!   {"id": 1, "previousEventId": 0, "type": "ExecutionStarted", "timestamp": 1.0,
//!    "executionStartedEventDetails": {"input": "{}", "roleArn": "arn:aws:iam::123456789012:role/r"}},
//!   {"id": 2, "previousEventId": 0, "type": "PassStateEntered", "timestamp": 1.0,
//!    "stateEnteredEventDetails": {"name": "A", "input": "{}"}},
//!   {"id": 3, "previousEventId": 2, "type": "PassStateExited", "timestamp": 1.0,
//!    "stateExitedEventDetails": {"name": "A", "output": "2"}}]"#;
//! let checker = checker::Checker::new(definition, asl::StateMachineType::Standard).unwrap();
//! let events = checker::read_events(history).unwrap();
//! let verdict = checker.check(&checker::History { input: "{}", events: &events, ..checker::History::default() });
//! assert_eq!(verdict.violations[0].to_string(), "event 3: data: `output` differs at byte 0: expected 1, found 2");
//! ```

mod choice;
mod data;
mod described;
mod event;
mod failure;
mod frame;
#[cfg(feature = "machine")]
mod of_machine;
mod plan;
mod read;
mod replay;
mod verdict;
mod visit;
mod world;

pub use described::Described;
pub use event::HistoryEvent;
pub use read::{ReadError, read_events};
pub use verdict::{Rule, Verdict, Violation};

use asl::{Diagnostic, Limits, Severity, StateMachine, StateMachineType};
use json::{Text, Value};
use query::Budget;
use replay::Replay;
use std::time::Duration;
use visit::Facts;

/// A definition, read once, and the histories of its executions are checked against it.
#[derive(Clone, Debug)]
pub struct Checker {
    definition: StateMachine,
    state_machine_type: StateMachineType,
    /// Quotas that the executions had; AWS's by default.
    pub limits: Limits,
    /// Limits of results (`result_bytes_max`) that they had at other times, where a server has gone on with another one. A
    /// Parallel or Map may fail by each that its results exceed, and go on by each that they do not.
    pub other_result_bytes_max: Vec<u64>,
    /// What one evaluation may use, here: more than an engine gives it by default, so that what an engine could evaluate
    /// can be evaluated.
    pub budget: Budget,
}

const BUDGET: Budget =
    Budget { time: Duration::from_secs(10), memory_bytes: Budget::MEMORY_BYTES, depth: 512, last: true };

/// What is known of one execution.
#[derive(Clone, Copy, Default)]
pub struct History<'a> {
    /// The input, as the caller wrote it.
    pub input: &'a str,
    pub events: &'a [HistoryEvent],
    /// What DescribeExecution answers, where that is to be compared.
    pub described: Option<&'a Described>,
    /// A synchronous Express execution: its context object has no `RedriveCount`.
    pub is_synchronous: bool,
    pub texts: Texts<'a>,
}

/// When two texts of a history are the same.
#[derive(Clone, Copy, Default)]
pub enum Texts<'a> {
    /// When all their bytes are.
    #[default]
    Exact,
    /// When they are JSON texts of the same value: for engines that write JSON with spaces.
    SameValue,
    /// When this says so, of what is expected and what was found: for histories in which something was replaced.
    Alike(&'a dyn Fn(&str, &str) -> bool),
}

impl Checker {
    /// Reads the definition, JSON text.
    ///
    /// # Errors
    /// The diagnostics, when it is no definition.
    pub fn new(definition: &str, state_machine_type: StateMachineType) -> Result<Checker, Vec<Diagnostic>> {
        let parsed = asl::parse(definition, state_machine_type, &Limits::of_accepted());
        let is_error = |found: &Diagnostic| found.severity == Severity::Error;
        let errors = || parsed.diagnostics.iter().filter(|found| is_error(found)).cloned().collect::<Vec<_>>();
        let definition = parsed.state_machine.ok_or_else(errors)?;
        let limits = Limits::default();
        Ok(Checker { definition, state_machine_type, limits, other_result_bytes_max: Vec::new(), budget: BUDGET })
    }

    /// The checker for the children of a distributed Map, whose definition is its item processor: the Map with this
    /// `Label`, as it stands after the `/` in the ARN of the children's state machine, or the one of this name. A label
    /// that the service made up, a UUID, is that of the only Map without one.
    pub fn of_children(&self, map: &str) -> Option<Checker> {
        let maps = distributed_maps(&self.definition.flow);
        let labelled = maps.iter().find(|(_, found)| found.label.as_deref() == Some(map));
        let named = maps.iter().find(|(name, _)| ***name == *map);
        let mut unlabelled = maps.iter().filter(|(_, found)| found.label.is_none());
        let only = unlabelled.next().filter(|_| unlabelled.next().is_none() && world::is_uuid(map));
        let (name, distributed) = labelled.or(named).or(only)?;
        let definition = self.definition.item_processor(name)?;
        let state_machine_type = distributed.execution_type;
        Some(Checker { definition, state_machine_type, ..self.clone() })
    }

    /// Events that a history may have.
    fn events_max(&self) -> u64 {
        self.limits.events_max(self.state_machine_type)
    }

    /// Checks one history. One that has not ended is checked as the beginning of a legal one.
    ///
    /// Takes time in proportion to the history and what its expressions cost.
    pub fn check(&self, history: &History<'_>) -> Verdict {
        let input = match Value::parse(history.input) {
            Ok(input) => input,
            Err(error) => return unreadable(format!("the input is no JSON: {}", error.message)),
        };
        let facts = Facts {
            input,
            role_arn: Text::default(),
            start_ms: 0,
            redrive_count: (!history.is_synchronous).then_some(0),
            redrive_ms: None,
            names: history.described.and_then(Described::names),
        };
        let redrives = history.events.iter().filter(|event| &*event.event_type == "ExecutionRedriven").count();
        let budget = replay::budget::budget(history.events, self.budget);
        let replay = Replay::new(self, history.texts, facts, history.input.into(), redrives);
        let mut replay = replay.within(budget).with_history(history.events);
        let is_lost = history.events.iter().any(|event| replay.take(event).is_err());
        replay.finish_history();
        let mut verdict = replay.verdict;
        read::check_envelopes(history.events, self.events_max(), &mut verdict);
        if let Some(described) = history.described.filter(|_| !is_lost) {
            described.check(history, &mut verdict);
        }
        verdict.violations.sort_by_key(|violation| violation.event_id);
        verdict
    }
}

/// The distributed Maps of a definition, by the names of their states.
fn distributed_maps(flow: &asl::Flow) -> Vec<(&Text, &asl::Distributed)> {
    let mut found = Vec::new();
    for (name, state) in &flow.states {
        if let asl::StateKind::Map(map) = &state.kind
            && let Some(distributed) = &map.distributed
        {
            found.push((name, distributed));
        }
        found.extend(state.flows().iter().flat_map(distributed_maps));
    }
    found
}

fn unreadable(message: String) -> Verdict {
    Verdict { violations: vec![Violation { event_id: 0, rule: Rule::Readable, message }], ..Verdict::default() }
}

impl std::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Texts::Exact => "Exact",
            Texts::SameValue => "SameValue",
            Texts::Alike(_) => "Alike",
        })
    }
}
