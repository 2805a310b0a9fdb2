//! What the world hears from a process: answers to requests, and calls to services. All of it is held against the model.

use crate::{
    checks::{self, Seen},
    model::{Holder, Token},
    plan::Plan,
    services::Made,
    world::{Violation, World, ask},
};
use asl::Arn;
use engine::{ActivityTask, Engine, Error, ExecutionRecord, Page, Started, SyncResult};
use machine::{EventId, HistoryEvent};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers that the world has not looked at.
pub(crate) type Heard = Arc<Mutex<Vec<Answer>>>;

/// What a request was answered with. The number is that of the execution or of the token.
pub(crate) enum Answer {
    Created(Option<Error>),
    Started(usize, Result<Started, Error>),
    Sync(usize, Result<SyncResult, Error>),
    Stopped(usize, Result<i64, Error>),
    Redriven(usize, Result<i64, Error>),
    Closed(usize, Result<ExecutionRecord, Error>),
    Polled(&'static str, Result<Option<ActivityTask>, Error>),
    Answered(usize, u64, Result<(), Error>),
    Failed(usize, Result<(), Error>),
    Beaten(Result<(), Error>),
    ShutDown,
}

/// Events of a history that are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// There was no room for one more.
const REFUSED: &str = "Express executions that were refused";

/// Whether a request may have been carried out or not: the store failed, or the engine ended.
pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Store(_) | Error::ShuttingDown)
}

impl World {
    /// Looks at everything that has come out of the process.
    pub(crate) async fn hear(&mut self, engine: &Engine) -> Result<(), Violation> {
        self.check_quiet()?;
        self.check_places()?;
        self.called(engine).await?;
        self.calls.retain(Made::is_waited_for);
        let answers = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        for answer in answers {
            self.answered(engine, answer).await?;
        }
        self.await_ends(engine);
        Ok(())
    }

    /// Waits for the end of every execution that is open.
    fn await_ends(&mut self, engine: &Engine) {
        for (number, asked) in
            self.asked.iter_mut().enumerate().filter(|(_, asked)| asked.is_open() && !asked.is_awaited)
        {
            let Some(arn) = asked.arn.clone() else { continue };
            asked.is_awaited = true;
            let engine = engine.clone();
            ask(&self.heard, async move { Answer::Closed(number, engine.wait_until_closed(&arn).await) });
        }
    }

    async fn answered(&mut self, engine: &Engine, answer: Answer) -> Result<(), Violation> {
        let is_request = !matches!(answer, Answer::Closed(..) | Answer::ShutDown);
        self.requests -= usize::from(is_request);
        // What is asked for again and again is progress only when it brings something.
        let brings_nothing = match &answer {
            Answer::Polled(_, task) => !matches!(task, Ok(Some(_))),
            Answer::Closed(_, closed) => closed.is_err(),
            Answer::Created(error) => error.is_some(),
            _ => false,
        };
        self.progress += u64::from(!brings_nothing);
        match answer {
            Answer::Created(None) => Ok(()),
            Answer::Created(Some(error)) => self.not_created(&error),
            Answer::Started(number, started) => self.started(number, started),
            Answer::Sync(number, result) => self.ended_at_once(number, result),
            Answer::Stopped(number, stopped) => self.stopped(number, stopped),
            Answer::Redriven(number, redriven) => self.redriven(number, redriven),
            Answer::Closed(number, closed) => self.closed(engine, number, closed).await,
            Answer::Polled(activity, task) => self.polled(activity, task),
            Answer::Answered(number, answer, outcome) => self.token_answered(number, Some(answer), outcome),
            Answer::Failed(number, outcome) => self.token_answered(number, None, outcome),
            Answer::Beaten(outcome) => self.beaten(outcome),
            Answer::ShutDown => {
                self.is_shut_down = true;
                Ok(())
            }
        }
    }

    fn not_created(&mut self, error: &Error) -> Result<(), Violation> {
        self.lacks_machines = true;
        if is_unknown(error) { Ok(()) } else { Err(format!("a state machine cannot be created: {error}")) }
    }

    /// I1: a name is one start.
    fn started(&mut self, number: usize, started: Result<Started, Error>) -> Result<(), Violation> {
        self.tell(format_args!("start of e{number}: {started:?}"));
        let Some(asked) = self.asked.get_mut(number) else { return Ok(()) };
        match started {
            Ok(started) if asked.arn.is_some() => match asked.start_ms.replace(started.start_ms) {
                Some(earlier) if earlier != started.start_ms => {
                    Err(format!("I1: e{number} started at {earlier}, and again at {}", started.start_ms))
                }
                _ => Ok(()),
            },
            Ok(_) | Err(Error::StateMachineDoesNotExist(_) | Error::ExecutionAlreadyExists(_)) => Ok(()),
            Err(Error::ExecutionLimitExceeded) => {
                self.figures.count(REFUSED);
                Ok(())
            }
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(format!("e{number} cannot be started: {error}")),
        }
    }

    fn ended_at_once(&mut self, number: usize, result: Result<SyncResult, Error>) -> Result<(), Violation> {
        match result {
            Ok(result) if result.record.stop_ms.is_none() => Err(format!("e{number} was answered before its end")),
            Ok(_) => {
                self.figures.count("synchronous executions that were answered");
                Ok(())
            }
            Err(Error::StateMachineDoesNotExist(_)) => Ok(()),
            Err(Error::Throttled) => {
                self.figures.count(REFUSED);
                Ok(())
            }
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(format!("e{number} cannot be started: {error}")),
        }
    }

    fn stopped(&mut self, number: usize, stopped: Result<i64, Error>) -> Result<(), Violation> {
        self.tell(format_args!("stop of e{number}: {stopped:?}"));
        let Some(asked) = self.asked.get_mut(number) else { return Ok(()) };
        match stopped {
            Ok(stop_ms) => {
                asked.stop_ms = Some(stop_ms);
                self.falls_quiet(number);
                Ok(())
            }
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(format!("e{number} cannot be stopped: {error}")),
        }
    }

    /// Whatever became of it: what was seen is what was before.
    fn redriven(&mut self, number: usize, redriven: Result<i64, Error>) -> Result<(), Violation> {
        self.tell(format_args!("redrive of e{number}: {redriven:?}"));
        let Some(asked) = self.asked.get_mut(number) else { return Ok(()) };
        match redriven {
            Err(Error::ExecutionNotRedrivable { .. }) => return Ok(()),
            Ok(_) => asked.redrives += 1,
            Err(error) if is_unknown(&error) => {}
            Err(error) => return Err(format!("e{number} cannot be redriven: {error}")),
        }
        asked.goes_on();
        let arn = asked.arn.as_ref().map(ToString::to_string);
        self.quiet.retain(|(quiet, _)| Some(quiet) != arn.as_ref());
        Ok(())
    }

    async fn closed(
        &mut self,
        engine: &Engine,
        number: usize,
        closed: Result<ExecutionRecord, Error>,
    ) -> Result<(), Violation> {
        let Some(asked) = self.asked.get_mut(number) else { return Ok(()) };
        asked.is_awaited = false;
        let record = match closed {
            Ok(record) => record,
            Err(error) if is_unknown(&error) => return Ok(()),
            Err(error) => return Err(format!("the end of e{number} cannot be waited for: {error}")),
        };
        let Some(arn) = asked.arn.clone() else { return Ok(()) };
        // Nobody is told of an end before it is durable, so it is in the store.
        let Some((stored, events)) = self.read(engine, &arn).await? else { return Ok(()) };
        if stored.redrive_count == record.redrive_count && checks::written(&stored) != checks::written(&record) {
            return Err(format!("I2: e{number} was told to end as {record:?}, and is {stored:?}"));
        }
        if stored.stop_ms.is_none() {
            // It was redriven meanwhile.
            return Ok(());
        }
        self.tell(format_args!("end of e{number}: {:?} after {} events", stored.status, events.len()));
        self.saw(number, &stored, &events)
    }

    /// An execution is closed: holds it against the rules, and against what was acknowledged and seen before.
    pub(crate) fn saw(
        &mut self,
        number: usize,
        record: &ExecutionRecord,
        events: &[HistoryEvent],
    ) -> Result<(), Violation> {
        self.trace.show(|| events.iter().map(checks::told).collect());
        checks::check(record, events)?;
        checks::has_been(events, self.clock.latest_ms()).map_err(|why| format!("{}: {why}", record.arn))?;
        if let Some(machine) = self.asked.get(number).and_then(|asked| self.machines.get(asked.machine)) {
            checks::judge(&machine.checker, record, events)?;
        }
        let Some(asked) = self.asked.get_mut(number) else { return Ok(()) };
        let seen = Seen::new(record, events);
        if record.start_ms != asked.start_ms.unwrap_or(record.start_ms) || record.input_text != asked.input {
            return Err(format!("I1: e{number} is another one than was started: {record:?}"));
        }
        if asked.redrives > record.redrive_count || asked.redrives_tried < record.redrive_count {
            return Err(format!(
                "I1: e{number} was redriven {} times, and not {}",
                record.redrive_count, asked.redrives
            ));
        }
        if asked.stop_ms.is_some_and(|stop_ms| record.stop_ms != Some(stop_ms)) {
            return Err(format!(
                "I10: e{number} was stopped at {:?}, and ended at {:?}",
                asked.stop_ms, record.stop_ms
            ));
        }
        let before = asked.earlier.as_ref().map_or(0, |earlier| earlier.events);
        if let Some(earlier) = &asked.earlier {
            earlier.check_kept(&seen, events).map_err(|why| format!("e{number}: {why}"))?;
        }
        let is_new = asked.seen.replace(seen).is_none();
        asked.start_ms = Some(record.start_ms);
        if is_new {
            self.count(record, events.get(before..).unwrap_or_default());
            self.falls_quiet(number);
        }
        Ok(())
    }

    /// Events of an execution that has ended, that were not seen before.
    pub(crate) fn count(&mut self, record: &ExecutionRecord, events: &[HistoryEvent]) {
        self.figures.executions += 1;
        self.figures.events += u64::try_from(events.len()).unwrap_or(0);
        self.figures.transitions += checks::transitions(events);
        self.answers.see(&record.arn, events, Plan::limits().history_events_max);
    }

    /// Record and whole history; `None` while the store is opened again.
    pub(crate) async fn read(
        &self,
        engine: &Engine,
        arn: &Arn,
    ) -> Result<Option<(ExecutionRecord, Vec<HistoryEvent>)>, Violation> {
        let Some(record) = self.record(engine, arn).await? else { return Ok(None) };
        let Some(events) = self.read_after(engine, arn, 0).await? else { return Ok(None) };
        Ok(Some((record, events)))
    }

    /// The record; `None` while the store is opened again.
    pub(crate) async fn record(&self, engine: &Engine, arn: &Arn) -> Result<Option<ExecutionRecord>, Violation> {
        match engine.execution(arn).await {
            Ok(record) => Ok(Some(record)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(format!("I1: {arn} cannot be read: {error}")),
        }
    }

    /// The history after an event; `None` while the store is opened again.
    pub(crate) async fn read_after(
        &self,
        engine: &Engine,
        arn: &Arn,
        event: EventId,
    ) -> Result<Option<Vec<HistoryEvent>>, Violation> {
        let (mut events, mut page) = (Vec::new(), Page::after_event(event, EVENTS_AT_ONCE));
        loop {
            match engine.history(arn, false, page).await {
                Ok(read) => {
                    events.extend(read.items);
                    let Some(after) = read.next else { return Ok(Some(events)) };
                    page = Page { size: EVENTS_AT_ONCE, after: Some(after) };
                }
                Err(error) if is_unknown(&error) => return Ok(None),
                Err(error) => return Err(format!("I3: the history of {arn} cannot be read: {error}")),
            }
        }
    }

    fn polled(&mut self, activity: &'static str, task: Result<Option<ActivityTask>, Error>) -> Result<(), Violation> {
        let worker = self.polls.remove(activity);
        match (task, worker) {
            (Ok(Some(task)), Some(name)) => {
                if self.tokens.iter().any(|token| token.text == task.token) {
                    return Err(format!("I5: a task of `{activity}` was handed out twice"));
                }
                self.tell(format_args!("token {}: a task of {activity}", self.tokens.len()));
                self.tokens.push(Token::new(task.token, Holder::Worker { name }));
                Ok(())
            }
            (Ok(Some(_)), None) => Err(format!("I5: a task of `{activity}` was handed out, and nobody polled")),
            (Ok(None) | Err(Error::ActivityDoesNotExist(_)), _) => Ok(()),
            (Err(error), _) if is_unknown(&error) => Ok(()),
            (Err(error), _) => Err(format!("`{activity}` cannot be polled: {error}")),
        }
    }

    /// I6: a token is accepted once.
    fn token_answered(
        &mut self,
        number: usize,
        answer: Option<u64>,
        outcome: Result<(), Error>,
    ) -> Result<(), Violation> {
        self.tell(format_args!("token {number}: {outcome:?}"));
        let Some(token) = self.tokens.get_mut(number) else { return Ok(()) };
        match outcome {
            Ok(()) if token.is_accepted => Err(format!("I6: token {number} was accepted twice")),
            Ok(()) => {
                (token.is_accepted, token.is_over, token.answer) = (true, true, answer);
                Ok(())
            }
            Err(Error::TaskTimedOut) => {
                token.is_over = true;
                Ok(())
            }
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(format!("I6: token {number} was given out, and is refused: {error}")),
        }
    }

    fn beaten(&mut self, outcome: Result<(), Error>) -> Result<(), Violation> {
        match outcome {
            Ok(()) => {
                self.figures.count("heartbeats");
                Ok(())
            }
            Err(Error::TaskTimedOut) => Ok(()),
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(format!("I6: a heartbeat is refused: {error}")),
        }
    }

    /// An execution has ended, and that was acknowledged: its calls are given up at once.
    fn falls_quiet(&mut self, number: usize) {
        if let Some(arn) = self.asked.get(number).and_then(|asked| asked.arn.as_ref()) {
            self.quiet.push((arn.to_string(), 0));
        }
    }

    /// I10: who has ended calls nobody.
    fn check_quiet(&mut self) -> Result<(), Violation> {
        const HEARD_MAX: u32 = 4;
        for (arn, times) in &mut self.quiet {
            *times += 1;
            if *times == HEARD_MAX && self.services.held_by(arn) > 0 {
                return Err(format!("I10: {arn} has ended, and its calls go on"));
            }
        }
        self.quiet.retain(|(_, times)| *times < HEARD_MAX);
        Ok(())
    }

    /// No more calls run at once than may.
    fn check_places(&self) -> Result<(), Violation> {
        let (_, tasks_at_once_max, ..) = self.plan.memory;
        let most = tasks_at_once_max.div_ceil(self.plan.shards).max(1) * self.plan.shards;
        let running = self.services.running();
        if running > most { Err(format!("{running} calls run at once, and {most} may")) } else { Ok(()) }
    }
}
