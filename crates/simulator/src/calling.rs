//! Calls that services hear of: each is held against the history of its execution.

use crate::{
    disk::Disk,
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
                let times = self.attempts.get(&call.attempt).copied().unwrap_or(0);
                let is_again = is_made_again(&call, times, &self.disk);
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
            let holder = Holder::Service { execution: attempt.0.clone(), scheduled: attempt.2 };
            self.tokens.push(Token::new(token.clone(), holder));
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

/// Whether the call was made before, and its history still is what it was when it was made again: what was written since says
/// nothing of what was known then.
fn is_made_again(call: &Made, times: u32, disk: &Disk) -> bool {
    times > 1 && call.submitted.is_none() && disk.touched(&call.attempt.0) == call.touched
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Services;
    use asl::{IntegrationPattern, StateMachineType};
    use engine::{Call, Task};
    use json::Payload;
    use machine::{EventDetails, Facts, TaskRequest};
    use sha2::{Digest, Sha256};
    use std::sync::Arc;
    use store::{Batch, Keyspace};

    const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:e";
    const SCHEDULED: u64 = 3;
    const SUBMITTED: &str = "no effect before its commit: the end of what was submitted is waited for";

    /// The call that the event [`SCHEDULED`] asks for.
    fn call() -> Call {
        let request = TaskRequest {
            id: SCHEDULED,
            resource: "arn:aws:states:::lambda:invoke".into(),
            service: "lambda".into(),
            action: "invoke".into(),
            pattern: IntegrationPattern::RequestResponse,
            parameters: Payload::trusted("{}".into()),
            jsonata: false,
            task_token: None,
            timeout_seconds: None,
            heartbeat_seconds: None,
            role_arn: None,
        };
        let facts = Facts {
            execution_arn: EXECUTION.into(),
            name: "e".into(),
            state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
            state_machine_name: "m".into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            state_machine_type: StateMachineType::Standard,
            is_synchronous: false,
            start_ms: 0,
            input: Payload::trusted("{}".into()),
            input_text: "{}".into(),
            region: "us-east-1".into(),
            account: "123456789012".into(),
            redrive_count: 0,
            redrive_ms: None,
        };
        Call::new(request, Arc::new(facts), String::new())
    }

    /// A service hears of the call, or of the wait for the end of what it submitted.
    fn made(services: &Services, submitted: bool) -> Made {
        // Nobody waits for the answer.
        drop(if submitted { services.resume(call(), Payload::trusted("{}".into())) } else { services.run(call()) });
        services.take_new().pop().unwrap()
    }

    /// One more event of the execution is durable.
    fn write(disk: &Disk) {
        let mut batch = Batch::new();
        batch.put(Keyspace("history"), Sha256::digest(EXECUTION).to_vec(), "an event");
        // Whoever waits for the commit is told of nothing here.
        drop(disk.open().unwrap().commit(batch));
        disk.sync(usize::MAX);
    }

    /// What is wrong with a call when these events follow the one that scheduled it, if it is made again or not.
    #[track_caller]
    fn check(call: &Made, is_again: bool, then: &[EventType], wrong: Option<&str>) {
        let types = [EventType::TaskStateEntered, EventType::TaskScheduled].iter().chain(then);
        let events: Vec<HistoryEvent> = types
            .zip(SCHEDULED - 1..)
            .map(|(event_type, id)| HistoryEvent {
                id,
                previous_event_id: id - 1,
                timestamp_ms: 0,
                event_type: *event_type,
                details: EventDetails::None,
            })
            .collect();
        assert_eq!(check_wanted(&events, call, is_again).err().as_deref(), wrong, "{then:?}");
    }

    #[test]
    fn what_is_called_is_scheduled_and_what_is_waited_for_submitted() {
        let services = Services::new(Disk::default());
        let mut call = made(&services, false);
        check(&call, false, &[EventType::TaskStarted, EventType::TaskSucceeded], None);
        check(&call, true, &[EventType::TaskStarted], None);
        call.attempt.2 = SCHEDULED - 1;
        check(&call, false, &[], Some("no effect before its commit: a service was called"));
        let wait = made(&services, true);
        check(&wait, false, &[EventType::TaskStarted, EventType::TaskSubmitted], None);
        check(&wait, false, &[EventType::TaskStarted], Some(SUBMITTED));
    }

    /// Found in the world of seed 100703: a call whose outcome is unknown is made again after a restart, and times out at
    /// once: its outcome is written after it was called, and before the world looks.
    #[test]
    fn what_is_made_again_has_no_outcome_that_was_known_then() {
        const ENDED: [EventType; 2] = [EventType::TaskStarted, EventType::TaskTimedOut];
        let disk = Disk::default();
        let services = Services::new(disk.clone());
        write(&disk);
        let again = made(&services, false);
        assert!(!is_made_again(&again, 1, &disk), "it is the first time");
        assert!(!is_made_again(&made(&services, true), 2, &disk), "its end is waited for, as often as it takes");
        assert!(is_made_again(&again, 2, &disk));
        check(&again, true, &ENDED, Some("I5: the outcome is known, and the service was called again"));
        write(&disk);
        let is_again = is_made_again(&again, 2, &disk);
        check(&again, is_again, &ENDED, None);
    }
}
