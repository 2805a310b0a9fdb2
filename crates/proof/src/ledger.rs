//! What the load was answered: the server is held to all of it, whatever happens to it meanwhile.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// An execution that the load asked for.
#[derive(Clone, Debug)]
pub struct Start {
    /// Which of [`crate::definitions::Deployed::state_machines`].
    pub state_machine: usize,
    pub input: Value,
    /// Where it was acknowledged; `None`: no answer came, and nobody asked again.
    pub execution_arn: Option<String>,
    /// The history that it had when it was to be redriven: whatever follows, it begins like that.
    pub before_redrive: Vec<Value>,
}

/// An answer to a task token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Accepted,
    Refused,
    /// No answer came: it may or may not have been accepted.
    Unknown,
}

/// A task that the worker was handed.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    pub times: usize,
    pub answers: Vec<Answered>,
}

/// Everything that was answered, by the name of the execution and by the task token.
#[derive(Default)]
pub struct Ledger {
    starts: Mutex<BTreeMap<String, Start>>,
    tasks: Mutex<BTreeMap<String, Handed>>,
}

impl Ledger {
    pub fn asked(&self, name: &str, state_machine: usize, input: &Value) {
        let input = input.clone();
        let start = Start { state_machine, input, execution_arn: None, before_redrive: Vec::new() };
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), start);
    }

    pub fn acknowledged(&self, name: &str, execution_arn: &str) {
        self.change(name, |start| start.execution_arn = Some(execution_arn.to_owned()));
    }

    /// Knows no more of an execution; gives what was known.
    pub fn forget(&self, name: &str) -> Option<Start> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    pub fn to_be_redriven(&self, name: &str, history: Vec<Value>) {
        self.change(name, |start| start.before_redrive = history);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Start)) {
        if let Some(start) = self.starts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
            change(start);
        }
    }

    pub fn handed(&self, token: &str) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).entry(token.to_owned()).or_default().times += 1;
    }

    pub fn answered(&self, token: &str, answered: Answered) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.entry(token.to_owned()).or_default().answers.push(answered);
    }

    /// By name.
    pub fn starts(&self) -> BTreeMap<String, Start> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// By token.
    pub fn tasks(&self) -> BTreeMap<String, Handed> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
