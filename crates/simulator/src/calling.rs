//! Calls that services hear of: each is held against the history of its execution.

use crate::{
    model::{Holder, Token},
    services::Made,
    world::{Violation, World},
};
use asl::Arn;
use engine::Engine;
use machine::{EventType, HistoryEvent};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Services are called. Calls of one execution that come together are held against one reading of its history, from the
    /// event on that scheduled the first of them.
    pub(crate) async fn called(&mut self, engine: &Engine) -> Result<(), Violation> {
        let calls = self.services.take_new();
        let mut read = BTreeMap::new();
        for call in &calls {
            let (arn, _, id) = &call.attempt;
            let first = read.entry(arn.clone()).or_insert((*id, None));
            first.0 = (*id).min(first.0);
        }
        for call in calls {
            self.progress += 1;
            if self.note_call(&call)? {
                // What was written since the call was made says nothing of what was known then.
                let is_again = self.attempts.get(&call.attempt).is_some_and(|made| *made > 1)
                    && call.submitted.is_none()
                    && self.disk.touched(&call.attempt.0) == call.touched;
                let (arn, _, id) = &call.attempt;
                let (first, events) = read.entry(arn.clone()).or_insert((*id, None));
                if events.is_none() {
                    let parsed = Arn::parse(arn).map_err(|error| error.message)?;
                    *events = self.read_after(engine, &parsed, first.saturating_sub(1)).await?;
                }
                if let Some(events) = events {
                    check_wanted(events, &call, is_again).map_err(|why| format!("{why}: {:?}", call.attempt))?;
                }
            }
            self.calls.push(call);
        }
        Ok(())
    }

    /// Whether the call is one that a history tells of: that it should be made must be durable, and not over.
    fn note_call(&mut self, call: &Made) -> Result<bool, Violation> {
        let known = self.tokens.iter().position(|known| Some(&known.text) == call.request.task_token.as_ref());
        let kind = if call.submitted.is_some() { "wait" } else { "call" };
        let (number, attempt, tokens) = (call.number, &call.attempt, self.tokens.len());
        self.tell(format_args!("{kind} {number}: {attempt:?}, token {known:?} of {tokens}"));
        if let (Some(token), None) = (&call.request.task_token, known) {
            self.tokens.push(Token::new(token.clone(), Holder::Service { execution: attempt.0.clone() }));
        }
        if call.facts.state_machine_type == asl::StateMachineType::Express {
            return Ok(false);
        }
        let is_first = call.submitted.is_none();
        let made = self.attempts.entry(call.attempt.clone()).or_default();
        *made += u32::from(is_first);
        if *made > 1 && is_first && call.is_made_once() {
            return Err(format!("I5: {:?} was called twice", call.attempt));
        }
        let (arn, ..) = &call.attempt;
        if self.quiet.iter().any(|(quiet, _)| quiet == &**arn) && is_first {
            return Err(format!("I10: {arn} has ended, and calls a service"));
        }
        Ok(true)
    }
}

/// What is called must have been scheduled, durably, and what is waited for submitted; and what is called again must not have
/// its outcome.
fn check_wanted(events: &[HistoryEvent], call: &Made, is_again: bool) -> Result<(), String> {
    use EventType as Type;
    let (.., id) = call.attempt;
    let is_scheduled = |event: &&HistoryEvent| {
        event.id == id && matches!(event.event_type, Type::TaskScheduled | Type::LambdaFunctionScheduled)
    };
    if events.iter().find(is_scheduled).is_none() {
        return Err("no effect before its commit: a service was called".into());
    }
    let (mut of, mut is_submitted) = (BTreeSet::from([id]), false);
    for event in events.iter().filter(|event| event.id > id) {
        if !of.contains(&event.previous_event_id) {
            continue;
        }
        match event.event_type {
            Type::TaskStarted | Type::TaskSubmitted | Type::LambdaFunctionStarted => {
                is_submitted |= event.event_type == Type::TaskSubmitted;
                of.insert(event.id);
            }
            Type::TaskSucceeded | Type::TaskFailed | Type::TaskTimedOut if is_again => {
                return Err("I5: the outcome is known, and the service was called again".into());
            }
            _ => {}
        }
    }
    if call.submitted.is_some() && !is_submitted {
        return Err("no effect before its commit: the end of what was submitted is waited for".into());
    }
    Ok(())
}
