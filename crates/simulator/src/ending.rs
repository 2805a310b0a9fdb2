//! The end of a world: everything is answered and time passes until all executions have ended. Then all that was ever
//! acknowledged must be there, and nothing else.

use crate::{
    checks::{self, Seen},
    definitions::ACTIVITIES,
    hearing::is_unknown,
    moves::arn,
    world::{Life, Violation, World},
};
use asl::Arn;
use engine::{Engine, ExecutionFilter, Page};
use std::collections::BTreeSet;

/// Moves in which nothing happens, although time passes, before the world is stuck.
const FRUITLESS_MAX: u32 = 60;
const FIRST_STEP_MS: i64 = 1_000;
const LONGEST_STEP_MS: i64 = 400 * 86_400_000;
/// Rows of a list that are read at once.
const ROWS_AT_ONCE: usize = 7;
/// In how many of a thousand cases an execution is read again that cannot have changed.
const READ_AGAIN: usize = 100;
/// Times that a token is answered in the end.
const SENT_MAX: u32 = 6;

impl World {
    /// I1: what was acknowledged is there after every start. What nothing was written of since it was last read is
    /// read again now and then only.
    pub(crate) async fn check_acknowledged(&mut self, engine: &Engine) -> Result<(), Violation> {
        for number in 0..self.asked.len() {
            let Some(asked) = self.asked.get(number) else { continue };
            let (Some(arn), Some(start_ms), seen) = (asked.arn.clone(), asked.start_ms, asked.seen.clone()) else {
                continue;
            };
            let touched = self.disk.touched(&arn.to_string());
            if touched.is_some() && touched == asked.read_at && !self.random.per_mille(READ_AGAIN) {
                continue;
            }
            let Some(record) = self.record(engine, &arn).await? else { continue };
            // Of an open one that was read before it is enough to see how it goes on; its end shows all of it.
            let read_to = self.asked.get(number).filter(|_| record.stop_ms.is_none()).map_or(0, |asked| asked.read_to);
            let Some(events) = self.read_after(engine, &arn, read_to).await? else { continue };
            checks::goes_on(&events, read_to).map_err(|why| format!("{arn}: {why}"))?;
            let Some(asked) = self.asked.get_mut(number) else { continue };
            asked.read_at = touched;
            asked.read_to = events.last().map_or(read_to, |event| event.id);
            if record.start_ms != start_ms || record.input_text != asked.input {
                return Err(format!("I1: e{number} was started at {start_ms}, and is now {record:?}"));
            }
            // A redrive that nobody has answered may have been done since.
            let is_redriven = seen.as_ref().is_some_and(|seen| record.redrive_count > seen.redrive_count);
            if !is_redriven && asked.stop_ms.is_some_and(|stop_ms| record.stop_ms != Some(stop_ms)) {
                return Err(format!("I10: the stop of e{number} was acknowledged, and it is {:?}", record.status));
            }
            if record.redrive_count < asked.redrives {
                return Err(format!("I1: a redrive of e{number} was acknowledged, and is gone"));
            }
            if seen
                .is_some_and(|seen| asked.redrives_tried == seen.redrive_count && seen != Seen::new(&record, &events))
            {
                return Err(format!("I11: e{number} had ended, and is not what it was"));
            }
        }
        self.check_none_aside()
    }

    /// Nothing was ever corrupt here, so nothing is set aside.
    pub(crate) fn check_none_aside(&self) -> Result<(), Violation> {
        if self.disk.is_empty("aside") { Ok(()) } else { Err("I13: an execution was set aside".into()) }
    }

    /// Answers everything, and lets time pass when nothing is left to answer.
    pub(crate) async fn calm_move(&mut self, engine: &Engine) -> Result<Option<Life>, Violation> {
        if self.is_shut_down {
            return Ok(Some(Life::ShutDown));
        }
        self.disk.sync(usize::MAX);
        self.disk.tell(usize::MAX);
        if self.lacks_machines {
            self.lacks_machines = false;
            self.create_machines(engine);
        }
        for call in std::mem::take(&mut self.calls) {
            call.answer(Ok(json::Payload::trusted(r#"{"Payload":0}"#.into())));
            self.progress += 1;
        }
        for number in 0..self.tokens.len() {
            if self.tokens.get(number).is_some_and(|token| !token.is_over && token.sent < SENT_MAX) {
                self.send_answer(engine, number);
            }
        }
        ACTIVITIES.iter().for_each(|activity| self.poll_of(engine, activity));
        self.settle(8).await;
        self.hear(engine).await?;
        // Whoever only waits, one time after the other, makes commits.
        let synced = self.disk.synced();
        let has_moved = std::mem::replace(&mut self.synced, synced) != synced;
        if std::mem::take(&mut self.progress) > 0 || has_moved || self.disk.waiting() != (0, 0) {
            (self.fruitless, self.step_ms) = (0, FIRST_STEP_MS);
            return Ok(None);
        }
        self.resolve_unknown(engine).await?;
        // While the store is opened again nothing can be read that is not in memory, as tags never are.
        let is_served = !engine.tags(&arn("activity", "left")).await.is_err_and(|error| is_unknown(&error));
        if is_served && self.is_over() {
            self.check_end(engine).await?;
            return Ok(Some(Life::Over));
        }
        self.fruitless += 1;
        if self.fruitless > FRUITLESS_MAX {
            let timers: Vec<String> = self.disk.keys("timers").into_iter().map(|(key, _)| hex(&key)).collect();
            self.trace.show(|| timers);
            return Err(self.stuck());
        }
        self.clock.pass(self.step_ms);
        self.step_ms = self.step_ms.saturating_mul(2).min(LONGEST_STEP_MS);
        Ok(None)
    }

    /// A start that nobody answered was carried out or was not.
    async fn resolve_unknown(&mut self, engine: &Engine) -> Result<(), Violation> {
        if self.requests > self.polls.len() {
            return Ok(());
        }
        for asked in &mut self.asked {
            let (Some(arn), None) = (&asked.arn, asked.start_ms) else { continue };
            match engine.execution(arn).await {
                Ok(record) => {
                    asked.start_ms = Some(record.start_ms);
                    self.progress += 1;
                }
                Err(engine::Error::ExecutionDoesNotExist(_)) => asked.arn = None,
                Err(error) if is_unknown(&error) => return Ok(()),
                Err(error) => return Err(format!("I1: {arn} is there by half: {error}")),
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let is_open = |keyspace| !self.disk.is_empty(keyspace);
        self.requests <= self.polls.len()
            && self.asked.iter().all(|asked| !asked.is_open())
            && !["open", "open_map_runs", "timers"].into_iter().any(is_open)
    }

    /// Says what is left.
    fn stuck(&self) -> Violation {
        let open: Vec<String> = self
            .asked
            .iter()
            .filter(|asked| asked.is_open())
            .map(|asked| format!("{} of m{}", asked.name, asked.machine))
            .collect();
        let left = |keyspace| self.disk.keys(keyspace).len();
        format!(
            "I2, I7: everything is answered and time passes, and yet {open:?} do not end; stored are {} open executions, \
             {} timers and {} open Map Runs; {} requests are not answered",
            left("open"),
            left("timers"),
            left("open_map_runs"),
            self.requests - self.polls.len(),
        )
    }

    async fn check_end(&mut self, engine: &Engine) -> Result<(), Violation> {
        self.check_none_aside()?;
        let mut children = 0;
        for number in 0..self.asked.len() {
            let Some(arn) =
                self.asked.get(number).filter(|asked| asked.seen.is_some()).and_then(|asked| asked.arn.clone())
            else {
                continue;
            };
            self.see_redrive(engine, number, &arn).await?;
            children += self.check_children(engine, number, &arn).await?;
            self.check_pages(engine, &arn).await?;
        }
        self.check_lists(engine).await?;
        self.answers.check(&self.tokens)?;
        let known = children + self.asked.iter().filter(|asked| asked.arn.is_some() && asked.seen.is_some()).count();
        let stored = self.disk.keys("executions").len();
        if stored == known { Ok(()) } else { Err(format!("I12: there are {stored} executions, and {known} are known")) }
    }

    /// A redrive whose answer was lost with a process may have been done, and its end was told to nobody.
    async fn see_redrive(&mut self, engine: &Engine, number: usize, arn: &Arn) -> Result<(), Violation> {
        let Some(asked) = self.asked.get(number) else { return Ok(()) };
        let redrives = asked.seen.as_ref().map_or(0, |seen| seen.redrive_count);
        if asked.redrives_tried <= redrives {
            return Ok(());
        }
        let Some((record, events)) = self.read(engine, arn).await? else { return Ok(()) };
        if record.redrive_count > redrives
            && let Some(asked) = self.asked.get_mut(number)
        {
            asked.goes_on();
            self.saw(number, &record, &events)?;
        }
        Ok(())
    }

    /// Map Runs of an execution, and their children: as many as there should be, each Standard one with a history of its
    /// own. Gives the number of these, which are stored.
    async fn check_children(&mut self, engine: &Engine, number: usize, arn: &Arn) -> Result<usize, Violation> {
        let page = Page { size: 1_000, after: None };
        let map_runs =
            engine.list_map_runs(arn, page).await.map_err(|error| format!("its Map Runs cannot be listed: {error}"))?;
        let mut children = 0;
        for map_run in map_runs.items {
            let counts = &map_run.progress.executions;
            let ended = counts.succeeded + counts.failed + counts.timed_out + counts.aborted;
            if map_run.stop_ms.is_none() || ended != map_run.progress.children_started {
                return Err(format!("I13: {} has ended: {:?}", map_run.arn, map_run.progress));
            }
            let of = Arn::parse(&map_run.arn).map_err(|error| error.message)?;
            let listed = list(engine, &of).await?;
            let checker = self.checker_of_children(number, &map_run.state_machine_arn);
            for child in &listed {
                let child = Arn::parse(child).map_err(|error| error.message)?;
                if matches!(child.resource, asl::Resource::ExpressExecution { .. }) {
                    continue;
                }
                children += 1;
                let Some((record, events)) = self.read(engine, &child).await? else { continue };
                checks::check(&record, &events)?;
                if let Some(checker) = &checker {
                    checks::judge(checker, &record, &events)?;
                }
                self.count(&record, &events);
            }
            let most = usize::try_from(map_run.progress.children_started).unwrap_or(usize::MAX);
            if listed.len() > most {
                return Err(format!("I12: {} has {} children, and began {most}", map_run.arn, listed.len()));
            }
        }
        Ok(children)
    }

    /// Children run the item processor of the state that their state machine is labelled with.
    fn checker_of_children(&self, number: usize, state_machine_arn: &str) -> Option<checker::Checker> {
        let machine = self.machines.get(self.asked.get(number)?.machine)?;
        machine.checker.of_children(state_machine_arn.rsplit_once('/')?.1)
    }

    /// I3: a history is the same list in pages, and from its end.
    async fn check_pages(&mut self, engine: &Engine, arn: &Arn) -> Result<(), Violation> {
        if !self.random.per_mille(100) {
            return Ok(());
        }
        let Some((_, whole)) = self.read(engine, arn).await? else { return Ok(()) };
        for reverse in [false, true] {
            let (mut events, mut after) = (Vec::new(), None);
            loop {
                let page = Page { size: ROWS_AT_ONCE, after };
                let read = engine.history(arn, reverse, page).await.map_err(|error| error.to_string())?;
                events.extend(read.items);
                after = read.next;
                if after.is_none() {
                    break;
                }
            }
            if reverse {
                events.reverse();
            }
            if events != whole {
                return Err(format!("I3: the pages of the history of {arn} are another list, reverse: {reverse}"));
            }
        }
        Ok(())
    }

    /// I12: what is listed is what was started.
    async fn check_lists(&self, engine: &Engine) -> Result<(), Violation> {
        for (number, machine) in self.machines.iter().enumerate() {
            if machine.is_express {
                continue;
            }
            let listed = list(engine, &machine.arn).await?;
            let of_machine = self.asked.iter().filter(|asked| asked.machine == number && asked.seen.is_some());
            let known: BTreeSet<String> =
                of_machine.filter_map(|asked| Some(asked.arn.as_ref()?.to_string())).collect();
            if listed != known {
                let differ: Vec<_> = listed.symmetric_difference(&known).collect();
                return Err(format!("I12: in the list of m{number}, or started, and not both: {differ:?}"));
            }
        }
        Ok(())
    }

    /// Opens the engine once more: nothing changes any more.
    pub(crate) fn last_process(&mut self) -> Result<(), Violation> {
        self.asked.iter_mut().for_each(|asked| asked.read_at = None);
        self.in_process(async |world, engine| {
            world.check_acknowledged(&engine).await?;
            world.check_lists(&engine).await?;
            Ok(Life::Over)
        })?;
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The ARNs of all executions that are listed.
async fn list(engine: &Engine, of: &Arn) -> Result<BTreeSet<String>, Violation> {
    let (mut found, mut after) = (BTreeSet::new(), None);
    loop {
        let filter =
            ExecutionFilter { state_machine: of.clone(), status: None, is_redriven: None, is_pending_redrive: false };
        let page = Page { size: ROWS_AT_ONCE, after };
        let listed =
            engine.list_executions(filter, page).await.map_err(|error| format!("{of} cannot be listed: {error}"))?;
        for record in listed.items {
            if !found.insert(record.arn.to_string()) {
                return Err(format!("I12: {} is listed twice", record.arn));
            }
        }
        after = listed.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
