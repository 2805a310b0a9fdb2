//! The moves of a world while it is wild: what callers, workers, services, the disk and the clock do.

use crate::{
    checks::ANSWER,
    definitions::{self, ACTIVITIES, Ingredients, SCOPE},
    hearing::Answer,
    model::{Asked, Machine},
    plan::Plan,
    world::{Life, Violation, World, ask},
};
use asl::{Arn, StateMachineType};
use checker::Checker;
use engine::{Engine, NewActivity, NewStateMachine, RedriveExecution, StartExecution};
use json::{Payload, Text};
use machine::Failure;
use std::{sync::Arc, time::Duration};

/// How long a worker polls.
const POLL: Duration = Duration::from_secs(60);
/// How long a shutdown waits for running calls.
const DRAIN: Duration = Duration::from_secs(30);

impl World {
    pub(crate) fn make_machines(&mut self) -> Result<(), Violation> {
        for number in 0..self.plan.machines {
            let is_express = self.random.per_mille(250);
            let state_machine_type = type_of(is_express);
            let ingredients = Ingredients {
                state_machine_type,
                is_jsonata: self.plan.is_jsonata(&mut self.random),
                has_tasks: self.random.per_mille(800),
                has_map_runs: !is_express && self.random.per_mille(500),
                seconds_max: if is_express { 60 } else { self.plan.seconds_max },
            };
            let definition: Text = definitions::definition(&mut self.random, ingredients).into();
            self.tell(format_args!("state machine m{number}, {state_machine_type:?}: {definition}"));
            let mut checker = Checker::new(&definition, state_machine_type)
                .map_err(|diagnostics| format!("{definition} is no definition: {diagnostics:?}"))?;
            checker.limits = Plan::limits();
            let parsed = asl::parse_accepted(&definition, state_machine_type)
                .map(Arc::new)
                .ok_or_else(|| format!("{definition} is no definition"))?;
            let arn = arn("stateMachine", &format!("m{number}"));
            self.machines.push(Machine { arn, definition, parsed, is_express, checker });
        }
        Ok(())
    }

    /// Creates what callers need: it may have been lost. Creating it again changes nothing.
    pub(crate) fn create_machines(&mut self, engine: &Engine) {
        for machine in &self.machines {
            let state_machine_type = type_of(machine.is_express);
            let new = NewStateMachine {
                arn: machine.arn.clone(),
                definition: machine.definition.clone(),
                parsed: Arc::clone(&machine.parsed),
                role_arn: "arn:aws:iam::123456789012:role/r".into(),
                state_machine_type,
                logging: None,
                tracing: None,
                encryption: None,
                tags: Vec::new(),
                publish: None,
            };
            let engine = engine.clone();
            ask(&self.heard, async move { Answer::Created(engine.create_state_machine(new).await.err()) });
        }
        for name in ACTIVITIES {
            let new = NewActivity { arn: arn("activity", name), encryption: None, tags: Vec::new() };
            let engine = engine.clone();
            ask(&self.heard, async move { Answer::Created(engine.create_activity(new).await.err()) });
        }
        self.requests += self.machines.len() + ACTIVITIES.len();
    }

    /// One move. It may end the process.
    pub(crate) fn wild_move(&mut self, engine: &Engine) -> Option<Life> {
        if self.is_shut_down {
            return Some(Life::ShutDown);
        }
        if self.lacks_machines {
            self.lacks_machines = false;
            self.create_machines(engine);
        }
        if self.moves_left == 0 {
            self.tell("the world calms down");
            self.is_calm = true;
            return None;
        }
        self.moves_left -= 1;
        if self.is_faulty(self.plan.crashes) {
            return Some(Life::Crashed);
        }
        if self.strike(engine) {
            return None;
        }
        match self.random.below(20) {
            0..=6 => self.sync(),
            7..=9 => (0..=self.random.below(self.plan.starts_at_once)).for_each(|_| self.start(engine)),
            10..=12 => self.answer_call(),
            13 => self.poll(engine),
            14 | 15 => self.use_token(engine),
            16 => self.call_late(engine),
            _ => self.pass_time(),
        }
        None
    }

    /// Faults and other things that are seldom.
    fn strike(&mut self, engine: &Engine) -> bool {
        if self.is_faulty(self.plan.failing_commits) {
            let (pending, _) = self.disk.waiting();
            let kept = self.random.below(pending + 1);
            self.tell(format_args!("a commit fails, {kept} of {pending} batches are kept"));
            self.figures.count(if kept > 0 { "commits that failed and were kept" } else { "commits that failed" });
            self.disk.fail(kept);
            let openings = if self.random.per_mille(300) { self.random.below(3) } else { 0 };
            self.disk.fail_openings(u64::try_from(openings).unwrap_or(0));
        } else if self.is_faulty(self.plan.failing_reads) {
            self.figures.count("reads that failed");
            self.tell("the next read fails");
            self.disk.fail_reads(1);
        } else if self.is_faulty(self.plan.clock_jumps) {
            self.jump();
        } else if !self.is_stopping && self.is_faulty(self.plan.shutdowns) {
            self.figures.count("shutdowns");
            self.tell("the engine is shut down");
            self.is_stopping = true;
            let engine = engine.clone();
            ask(&self.heard, async move {
                engine.shutdown(DRAIN).await;
                Answer::ShutDown
            });
        } else if self.is_faulty(self.plan.stops) {
            self.stop(engine);
        } else if self.is_faulty(self.plan.redrives) {
            self.redrive(engine);
        } else {
            return false;
        }
        true
    }

    /// Some of what is pending reaches the disk, and some of those who wait are told.
    fn sync(&mut self) {
        let (pending, untold) = self.disk.waiting();
        let synced = self.random.below(pending + 1);
        self.disk.sync(synced);
        let told = if self.random.per_mille(800) { untold + synced } else { self.random.below(untold + synced + 1) };
        self.disk.tell(told);
    }

    fn start(&mut self, engine: &Engine) {
        if self.asked.len() >= self.plan.executions {
            return;
        }
        let machine = self.random.below(self.machines.len());
        let input: Text = definitions::input(&mut self.random, self.plan.items_max, 0).into();
        let name: Text = format!("e{}", self.asked.len()).into();
        let Some(Machine { arn: state_machine, is_express, .. }) = self.machines.get(machine) else { return };
        let is_standard = !is_express;
        let execution = || arn("execution", &format!("m{machine}:{name}"));
        let (state_machine, number) = (state_machine.clone(), self.asked.len());
        self.tell(format_args!("start of {name} of m{machine} with {input}"));
        self.asked.push(Asked {
            machine,
            arn: is_standard.then(execution),
            name,
            input,
            start_ms: None,
            stop_ms: None,
            redrives: 0,
            redrives_tried: 0,
            seen: None,
            earlier: None,
            read_at: None,
            read_to: 0,
            is_awaited: false,
        });
        self.ask_to_start(engine, number, state_machine, is_standard);
    }

    /// StartExecution; an Express execution may be synchronous.
    fn ask_to_start(&mut self, engine: &Engine, number: usize, state_machine: Arn, is_standard: bool) {
        let Some(asked) = self.asked.get(number) else { return };
        let Ok(input) = Payload::parse(&asked.input) else { return };
        let start = StartExecution {
            state_machine,
            name: Some(asked.name.clone()),
            input,
            input_text: asked.input.clone(),
            trace_header: None,
            origin: None,
        };
        self.requests += 1;
        let engine = engine.clone();
        if !is_standard && self.random.per_mille(500) {
            ask(&self.heard, async move { Answer::Sync(number, engine.start_sync_execution(start).await) });
        } else {
            ask(&self.heard, async move { Answer::Started(number, engine.start_execution(start).await) });
        }
    }

    /// A caller that has waited long asks again: a start by the same name, or a description of anything.
    fn call_late(&mut self, engine: &Engine) {
        let number = self.random.below(self.asked.len());
        let Some(asked) = self.asked.get(number) else { return };
        if asked.arn.is_some()
            && let Some(machine) = self.machines.get(asked.machine)
        {
            let state_machine = machine.arn.clone();
            self.figures.count("starts by the same name");
            self.tell(format_args!("start of e{number} again"));
            self.ask_to_start(engine, number, state_machine, true);
        }
    }

    fn stop(&mut self, engine: &Engine) {
        let number = self.random.below(self.asked.len());
        let Some(arn) = self.asked.get(number).filter(|asked| asked.is_open()).and_then(|asked| asked.arn.clone())
        else {
            return;
        };
        self.figures.count("stops");
        self.tell(format_args!("stop of e{number}"));
        self.requests += 1;
        let engine = engine.clone();
        let (error, cause) = (Some("Stopped".into()), Some("by the world".into()));
        ask(&self.heard, async move { Answer::Stopped(number, engine.stop_execution(&arn, error, cause).await) });
    }

    fn redrive(&mut self, engine: &Engine) {
        let number = self.random.below(self.asked.len());
        let Some(asked) = self.asked.get_mut(number).filter(|asked| asked.seen.is_some()) else { return };
        let Some(execution) = asked.arn.clone() else { return };
        asked.redrives_tried += 1;
        // It may call services before the answer is heard.
        self.quiet.retain(|(quiet, _)| *quiet != execution.to_string());
        self.figures.count("redrives");
        self.tell(format_args!("redrive of e{number}"));
        self.requests += 1;
        let engine = engine.clone();
        let redrive = RedriveExecution { execution, client_token: None };
        ask(&self.heard, async move { Answer::Redriven(number, engine.redrive_execution(redrive).await) });
    }

    pub(crate) fn poll(&mut self, engine: &Engine) {
        let activity = self.random.word(&ACTIVITIES);
        self.poll_of(engine, activity);
    }

    pub(crate) fn poll_of(&mut self, engine: &Engine, activity: &'static str) {
        if self.polls.contains_key(activity) {
            return;
        }
        self.next_worker += 1;
        // All names are of one length, so that the bytes of a history do not depend on how many have polled before.
        let worker: Text = format!("w{:05}", self.next_worker).into();
        self.polls.insert(activity, worker.clone());
        self.requests += 1;
        let engine = engine.clone();
        let arn = arn("activity", activity);
        ask(&self.heard, async move { Answer::Polled(activity, engine.activity_task(&arn, Some(worker), POLL).await) });
    }

    /// A worker sends a token: with an answer or as a heartbeat, once, twice or late.
    fn use_token(&mut self, engine: &Engine) {
        let number = self.random.below(self.tokens.len());
        if self.random.per_mille(250) {
            self.beat(engine, number);
        } else {
            self.send_answer(engine, number);
            if self.random.per_mille(200) {
                self.figures.count("answers that were sent twice");
                self.send_answer(engine, number);
            }
        }
    }

    fn beat(&mut self, engine: &Engine, number: usize) {
        let Some(text) = self.tokens.get(number).map(|token| token.text.clone()) else { return };
        self.requests += 1;
        let engine = engine.clone();
        ask(&self.heard, async move { Answer::Beaten(engine.task_heartbeat(&text).await) });
    }

    pub(crate) fn send_answer(&mut self, engine: &Engine, number: usize) {
        let Some(token) = self.tokens.get_mut(number) else { return };
        token.sent += 1;
        let text = token.text.clone();
        let answer = self.next_answer;
        self.next_answer += 1;
        self.requests += 1;
        let engine = engine.clone();
        if !self.is_calm && self.random.per_mille(200) {
            let failure = Failure { error: Some("Boom".into()), cause: Some("a worker says so".into()) };
            self.tell(format_args!("token {number} is answered with a failure"));
            ask(&self.heard, async move { Answer::Failed(number, engine.task_failed(&text, failure).await) });
        } else {
            self.tell(format_args!("token {number} is answered with {answer}"));
            let output = Payload::trusted(format!(r#"{{"{ANSWER}":{answer}}}"#).into());
            ask(
                &self.heard,
                async move { Answer::Answered(number, answer, engine.task_succeeded(&text, output).await) },
            );
        }
    }

    /// A service answers, or its answer is lost.
    fn answer_call(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let call = self.calls.swap_remove(self.random.below(self.calls.len()));
        if self.random.per_mille(50) {
            // Only a timeout of the task ends that; it is kept for the end, where everything is answered.
            self.figures.count("answers that were late");
            self.calls.push(call);
            return;
        }
        let outcome = self.outcome();
        self.tell(format_args!(
            "call {} is answered with {}",
            call.number,
            if outcome.is_ok() { "success" } else { "failure" }
        ));
        call.answer(outcome);
    }

    fn outcome(&mut self) -> Result<Payload, Failure> {
        if self.is_faulty(300) {
            let error = self.random.word(&["Boom", "States.TaskFailed", "Lambda.TooManyRequestsException"]);
            return Err(Failure { error: Some(error.into()), cause: Some("a service says so".into()) });
        }
        Ok(Payload::trusted(format!(r#"{{"Payload":{}}}"#, self.random.below(100)).into()))
    }

    /// Time passes: to the moment in which something is due, or any.
    fn pass_time(&mut self) {
        let ms = match self.random.below(4) {
            0 => self.random.magnitude(1_000),
            1 => self.random.magnitude(self.plan.seconds_max.saturating_mul(1_000)),
            _ => self.clock.until_next_ms().unwrap_or(0).min(self.plan.seconds_max.saturating_mul(1_000)),
        };
        self.tell(format_args!("{ms} ms pass"));
        self.clock.pass(ms);
    }

    fn jump(&mut self) {
        const DAY_MS: i64 = 86_400_000;
        let ms = if self.random.per_mille(500) {
            self.figures.count("jumps of the clock, forward");
            self.random.magnitude(400 * DAY_MS)
        } else {
            self.figures.count("jumps of the clock, back");
            -self.random.magnitude(3 * DAY_MS)
        };
        self.tell(format_args!("the clock jumps by {ms} ms"));
        self.clock.jump(ms);
    }
}

fn type_of(is_express: bool) -> StateMachineType {
    if is_express { StateMachineType::Express } else { StateMachineType::Standard }
}

/// The ARN of something in the world.
pub(crate) fn arn(kind: &str, name: &str) -> Arn {
    let text = format!("{SCOPE}:{kind}:{name}");
    Arn::parse(&text).unwrap_or_else(|_| Arn::of_states("us-east-1", "123456789012", asl::Resource::Other(text.into())))
}
