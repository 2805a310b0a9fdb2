//! A shard: a thread that owns the executions whose keys fall to it, so that nothing in its path is locked.
//!
//! It takes what has come in, steps executions, and collects writes and what waits for them; it submits the batch and
//! steps on while the batch is on its way to the disk, unless there is nothing to step: then it waits for the disk itself.
//! Steps may build on steps that are not durable yet; answers and effects may not (see [`crate::outbox`]). A batch that grows
//! while earlier ones are in flight is the group commit.
//!
//! | file | |
//! |---|---|
//! | `message` | what a shard is told |
//! | `pipeline` | batches and their commits |
//! | `commit` | one that is on its way |
//! | `live` | the executions in memory |
//! | `requests` | what callers ask for |
//! | `redriving` | executions that ended and go on |
//! | `stepping` | a trigger to a step, a step to writes and effects |
//! | `live_map_run` | a Map Run in memory |
//! | `map_runs` | Map Runs whose execution the shard owns |
//! | `item_reading` | the items of Map Runs with an `ItemReader` |
//! | `result_writing` | the results of Map Runs with a `ResultWriter` |
//! | `map_run_reading` | Map Runs read from the store: after a start, for a redrive, for their results |
//! | `express_starts` | Express executions that are begun anew after a crash |
//! | `child_line` | children of Map Runs that wait to begin |
//! | `children` | children of Map Runs, on the shard that their own keys fall to |
//! | `telling` | what a step tells those who watch from outside |
//! | `room` | large executions that wait until there is room in memory |
//! | `settling` | who waits until all that was taken up is durable |
//! | `slice` | the time of each part of a pass |
//! | `slow_lane` | steps that need more time than the loop can give |
//! | `alarm` | when it is woken though nothing comes in |
//! | `effects` | tasks, activities and timers |
//! | `readings` | definitions that are read beside the loop, and who waits for them |
//! | `large` | large executions that are read beside the loop |
//! | `recovery` | taking up executions after a start, opening the store again |
//! | `aside` | executions that cannot be stepped |
//! | `supervision` | going on after a panic |
//! | `waiters` | who waits for the end of an execution |

mod alarm;
mod aside;
mod child_line;
mod children;
mod commit;
mod effects;
mod express_starts;
mod item_reading;
mod large;
mod live;
mod live_map_run;
mod map_run_reading;
mod map_runs;
mod message;
mod pipeline;
mod readings;
mod recovery;
mod redriving;
mod requests;
mod result_writing;
mod room;
mod settling;
mod slice;
mod slow_lane;
mod stepping;
mod supervision;
mod telling;
mod waiters;

pub(crate) use live_map_run::OpenMapRun;
use message::Found;
pub(crate) use message::{Message, NewExecution, Order, Reply, Report, Request, ShardSender};

use crate::{
    Error,
    dispatch::Dispatcher,
    environment::Environment,
    map_run::RunningChild,
    outbox::{Durable, Outbox, Released},
    planted::{Fault, strikes},
    tables::{ExecutionKey, Tables},
    timers::{self, Timers},
};
use child_line::ChildLine;
use live::LiveExecutions;
use machine::{HistoryEvent, Trigger};
use map_runs::MapRuns;
use message::Work;
use pipeline::Pipeline;
use readings::Readings;
use recovery::Recovery;
use settling::Settling;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::{mpsc as channel, oneshot, watch};
use waiters::Waiters;

/// Pieces of work between two submissions: bounds how long a commit waits for its batch.
const WORK_AT_ONCE_MAX: usize = 256;

/// The loop and all that it owns.
pub(crate) struct Shard {
    number: usize,
    environment: Arc<Environment>,
    own: ShardSender,
    inbound: channel::UnboundedReceiver<Message>,
    work: VecDeque<Work>,
    live: LiveExecutions,
    pipeline: Pipeline,
    timers: Timers,
    dispatcher: Dispatcher,
    recovery: Recovery,
    readings: Readings,
    map_runs: MapRuns,
    /// Children of Map Runs that are to be begun, behind everything else.
    children: ChildLine,
    /// Children of Map Runs that are to be stopped: there may be very many, and each may be large.
    stops: VecDeque<RunningChild>,
    /// Express executions that an earlier process had begun, and that are to be begun anew.
    begun_before: VecDeque<ExecutionKey>,
    /// Executions that were set aside by this process, whether or not that is durable yet.
    aside: HashMap<ExecutionKey, String>,
    /// The execution that the shard works for now.
    at: Option<ExecutionKey>,
    /// Executions at which the shard panicked, and how: they are set aside when the store is open again.
    blamed: Vec<(ExecutionKey, String)>,
    /// Outcomes of calls that came while the store was being opened again.
    stalled: VecDeque<Work>,
    waiters: Waiters,
    observers: HashMap<ExecutionKey, Vec<channel::UnboundedSender<HistoryEvent>>>,
    alarm: watch::Sender<i64>,
    /// The time that the alarm is set to; `None` after it has gone off.
    armed_ms: Option<i64>,
    seeds: query::Ambient,
    slow_steps: u64,
    /// Who waits until what was taken up is durable.
    settling: Vec<Settling>,
    /// Who waits until no call is running.
    drained: Option<oneshot::Sender<()>>,
    /// Who waits until everything is committed; the shard ends then.
    ended: Option<oneshot::Sender<()>>,
    /// Set when the time to end in is over: nothing new is heard, and neither the slow lane nor a reading is waited for. What
    /// led to it is lost, as in a crash.
    is_hurried: bool,
    is_over: bool,
}

impl Shard {
    /// Makes a shard and the task that wakes it when a timer is due. `run` is called on a thread of its own; in a
    /// simulation `run_in_turns` is a task.
    pub(crate) fn new(
        number: usize,
        environment: Arc<Environment>,
        own: ShardSender,
        inbound: channel::UnboundedReceiver<Message>,
        tables: Tables,
        seed: u64,
    ) -> Shard {
        let (alarm, due) = watch::channel(i64::MAX);
        environment.runtime.spawn(alarm::wake(Arc::clone(&environment), due, own.clone()));
        let options = &environment.options;
        Shard {
            number,
            live: LiveExecutions::new(
                options.per_shard(options.executions_in_memory_max),
                options.per_shard(options.executions_in_memory_bytes_max),
                Arc::clone(&environment.express_room),
            ),
            pipeline: Pipeline::new(tables, options.commits_in_flight_max, own.clone(), environment.runtime.clone()),
            timers: Timers::new(timers::AT_ONCE),
            dispatcher: Dispatcher::new(Arc::clone(&environment), own.clone()),
            recovery: Recovery::new(environment.partitions(number)),
            readings: Readings::default(),
            work: VecDeque::new(),
            map_runs: MapRuns::default(),
            children: ChildLine::default(),
            stops: VecDeque::new(),
            begun_before: VecDeque::new(),
            aside: HashMap::new(),
            at: None,
            blamed: Vec::new(),
            stalled: VecDeque::new(),
            waiters: Waiters::default(),
            observers: HashMap::new(),
            seeds: query::Ambient::new(0, seed, options.quick_budget),
            slow_steps: 0,
            armed_ms: None,
            settling: Vec::new(),
            drained: None,
            ended: None,
            is_hurried: false,
            is_over: false,
            alarm,
            environment,
            own,
            inbound,
        }
    }

    /// Runs until the shard is told to end.
    pub(crate) fn run(mut self) {
        self.supervised(Shard::begin_loop);
        while !self.is_over {
            if self.has_to_wait() {
                let message = self.inbound.blocking_recv();
                self.supervised(|shard| shard.wake_up(message));
            }
            self.supervised(Shard::pass);
        }
    }

    /// The same for a simulation: the shards take turns, each with one pass.
    pub(crate) async fn run_in_turns(mut self) {
        self.supervised(Shard::begin_loop);
        while !self.is_over {
            if self.has_to_wait() {
                let message = self.inbound.recv().await;
                self.supervised(|shard| shard.wake_up(message));
            }
            self.supervised(Shard::pass);
            tokio::task::yield_now().await;
        }
    }

    fn begin_loop(&mut self) {
        self.read_held();
        self.read_express_starts();
        self.take_up_map_runs();
    }

    /// One pass of the loop.
    fn pass(&mut self) {
        self.receive();
        self.work();
        self.work_at_hand();
        self.stop_children();
        self.begin_children();
        self.fire_timers();
        self.recover();
        self.go_on_in_line();
        self.begin_express_anew();
        self.step_map_runs();
        self.submit();
        self.end_stay();
        self.live.put_out(self.pipeline.durable());
        self.read_next();
        self.finish_settling();
        self.finish_drain();
    }

    /// Whether there is nothing to do before something comes in. If so, the alarm is set.
    fn has_to_wait(&mut self) -> bool {
        let can_step = self.pipeline.has_room(self.environment.options.batch_bytes_max);
        let has_to_wait = !can_step || self.is_idle();
        if has_to_wait {
            self.set_alarm();
        }
        has_to_wait
    }

    /// Whether all that has been taken in is done.
    fn is_idle(&self) -> bool {
        self.work.is_empty()
            && !self.readings.large.has_work_at_hand()
            && !self.has_map_work()
            && !self.is_recovering()
            && !self.has_express_to_begin()
            && self.next_in_line().is_none()
            && self.wake_ms() > self.environment.clock.now_ms()
    }

    /// Something came in, or nothing will any more.
    fn wake_up(&mut self, message: Option<Message>) {
        match message {
            Some(message) => self.accept(message),
            None => self.is_over = true,
        }
    }

    /// Takes what has come in.
    fn receive(&mut self) {
        for _ in 0..WORK_AT_ONCE_MAX {
            let Ok(message) = self.inbound.try_recv() else { break };
            self.accept(message);
        }
    }

    /// Commits, what was read and orders count at once; everything else waits in line, or is not heard any more.
    fn accept(&mut self, message: Message) {
        match message {
            Message::Report(Report::Committed { number, result }) => self.committed(number, result),
            Message::Report(Report::Alarm) => self.armed_ms = None,
            Message::Report(Report::ExecutionRead(read)) => self.execution_read(*read),
            Message::Order(order) => self.obey(order),
            Message::Request(..) | Message::Report(_) if self.is_hurried => {}
            Message::Request(request, permit) => self.work.push_back(Work::Request(request, Some(permit))),
            Message::Report(report) => self.work.push_back(Work::Report(report)),
        }
    }

    fn work(&mut self) {
        let slice = self.slice();
        for _ in 0..WORK_AT_ONCE_MAX {
            if slice.is_over() || !self.pipeline.has_room(self.environment.options.batch_bytes_max) {
                return;
            }
            let Some(work) = self.work.pop_front() else { return };
            self.at = work.key();
            self.perform(work);
            self.at = None;
        }
    }

    /// Does a piece of work, now or when what it needs has been read.
    fn perform(&mut self, work: Work) {
        if let Some(work) = self.when_read(work) {
            self.perform_now(work);
        }
        self.readings.put_down();
    }

    fn perform_now(&mut self, work: Work) {
        match work {
            Work::Request(request, _permit) => self.request(request),
            // An execution that always goes on must not hold up the end.
            work if self.is_ending() && work.is_left_to_next_start() => {}
            Work::Trigger { key, trigger, then } => self.turn(key, trigger, then),
            Work::Begin(attempt) => self.begin(attempt),
            Work::EndUnwanted(attempt) => self.end_unwanted(attempt),
            Work::TakeUp { attempt, is_submitted } => self.take_up(attempt, is_submitted),
            Work::Recover(key) => self.recover_one(key),
            Work::BeginExpress(key) => self.begin_express(key),
            Work::Timer(row) => self.fire(row),
            Work::Read(work, _) => self.perform_now(*work),
            Work::Report(Report::TaskEnded { attempt: (key, _), .. })
                if self.pipeline.tables().is_none() && !self.live.is_express(key) =>
            {
                self.stalled.push_back(work);
            }
            Work::Report(report) => self.hear(report),
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::TaskEnded { attempt, number, returned, outcome } => {
                self.task_ended(attempt, number, returned, outcome);
            }
            Report::SlowStep(step) => self.slow_step_ended(*step),
            Report::TakeActivity { offer, poller } => self.take_activity(offer, poller),
            Report::ActivityGone(offer) => self.activity_gone(offer),
            Report::AwaitEnd { execution, attempt } => self.await_end(execution, attempt),
            Report::AwaitedEnded(attempt) => self.awaited_ended(attempt),
            Report::CallerGone(key) => self.waiters.caller_gone(key),
            Report::StartChild(child) => self.children.push(*child),
            Report::StopChild(child) => self.stops.push_back(*child),
            Report::ChildEnded { map_run, trigger } => self.tell_map_run(map_run, *trigger),
            Report::MapRunEnded { owner, effect, outcome } => {
                self.turn(owner, Trigger::MapRunEnded { effect, outcome }, message::Then::Nothing);
            }
            Report::MapRunUnreadable { owner, why } => self.map_run_unreadable(owner, &why),
            Report::SlowMapRunStep(step) => self.slow_map_run_step_ended(*step),
            Report::MapRunRead(read) => self.map_run_read(*read),
            Report::ItemsRead(read) => self.items_read(*read),
            Report::ResultsWritten(written) => self.results_written(*written),
            Report::MapRunHasPlace(map_run) => self.map_run_has_place(map_run),
            Report::DefinitionRead { name, definition } => self.definition_read(&name, definition.as_ref()),
            Report::MapRunHasRoom(map_run) => self.map_run_has_room(map_run),
            // The shard looks for itself, now that it is awake; the others never wait in line.
            Report::ExpressHasRoom | Report::Committed { .. } | Report::ExecutionRead(_) | Report::Alarm => {}
        }
    }

    fn submit(&mut self) {
        // Express executions do not wait for the disk.
        let has_time = self.inbound.is_empty() && self.is_idle() && self.environment.express_room.is_empty();
        if let Some(outbox) = self.pipeline.submit(has_time) {
            self.release(outbox, &Durable::committed());
        }
    }

    fn committed(&mut self, number: u64, result: Result<(), store::Error>) {
        match self.pipeline.committed(number, result) {
            Ok(settled) => {
                for batch in settled {
                    self.release(batch.outbox, &Durable::committed());
                    for key in batch.closed {
                        self.live.remove_closed(key, self.pipeline.durable());
                    }
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn release(&mut self, outbox: Outbox, proof: &Durable) {
        for effect in outbox.release(proof) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Released) {
        match effect {
            Released::Run { key, request, facts } => self.dispatcher.run(key, request, facts),
            Released::Begin(attempt) => self.work.push_back(Work::Begin(attempt)),
            Released::Cancel { .. } if strikes(Fault::CallNotCancelled) => {}
            Released::StartChild(_) if strikes(Fault::ChildForgotten) => {}
            Released::Cancel { key, id } => self.cancel((key, id)),
            Released::Stop { request, facts, submitted } => self.dispatcher.stop(request, facts, submitted),
            Released::TakeUp(attempt) => self.work.push_back(Work::TakeUp { attempt, is_submitted: true }),
            Released::SetTimer { key, timer, due_ms, is_stored: true } => self.timers.set(key, timer, due_ms),
            Released::SetTimer { key, timer, due_ms, is_stored: false } => {
                self.timers.set_in_memory(key, timer, due_ms);
            }
            Released::CancelTimer { key, timer, due_ms } => self.timers.cancel(key, timer, due_ms),
            Released::GoOn(key) => self.work.push_back(Work::go_on(key)),
            Released::StartChild(child) => self.to_shard(child.key, Report::StartChild(child)),
            Released::StopChild(child) => self.to_shard(child.key, Report::StopChild(child)),
            Released::WriteResults { map_run } => self.write_results_of(map_run),
            Released::MapRunEnded { map_run, owner } => self.map_run_ended(map_run, owner),
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Halt { done } => {
                self.halt();
                // The keeper waits, or is gone with the engine.
                let _ = done.send(());
            }
            Order::Resume { tables } => self.resume(tables),
            Order::Settle { done } => self.settle(done),
            Order::Drain { done } => {
                self.dispatcher.drain();
                self.drained = Some(done);
            }
            Order::End { done } => {
                self.environment.leave_unfinished(self.dispatcher.calling());
                self.ended = Some(done);
            }
            Order::Hurry => self.is_hurried = true,
            Order::Abandon => self.is_over = true,
        }
    }

    fn finish_drain(&mut self) {
        if !self.work.is_empty() {
            return;
        }
        let drained = self.drained.take_if(|_| self.dispatcher.calling() == 0);
        let ended = if self.ended.is_some() && self.is_at_rest() { self.ended.take() } else { None };
        self.is_over |= ended.is_some();
        for done in drained.into_iter().chain(ended) {
            // Who waits may have given up.
            let _ = done.send(());
        }
    }

    /// Whether nothing is left to commit. What led to a step of the slow lane, or waits until something has been read, would be
    /// lost without it. What a commit releases goes in line: the line is marked when the commits are through, and that is
    /// committed, too.
    fn is_at_rest(&mut self) -> bool {
        let is_awaited = (self.live.has_slow_step() || !self.readings.is_empty()) && !self.is_hurried;
        if !self.pipeline.is_settled() || is_awaited || self.has_map_work() {
            return false;
        }
        self.hold_line();
        self.submit();
        self.pipeline.is_settled()
    }

    fn is_recovering(&self) -> bool {
        self.recovery.is_going_on() && self.pipeline.tables().is_some() && !self.is_ending()
    }

    /// What is in the store waits for the next start: timers that fall due one after the other, and executions that are
    /// still to be taken up, must not hold up the end.
    fn is_ending(&self) -> bool {
        self.ended.is_some()
    }

    fn tables(&self) -> Result<&Tables, Error> {
        self.pipeline.tables().ok_or(Error::Store(store::Error::Poisoned))
    }
}
