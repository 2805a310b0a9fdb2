//! What a shard is told.

use crate::{
    ActivityTask, Error, ExecutionRecord, Origin, RedriveExecution, Started, SyncResult,
    activities::{Offer, Poller},
    definitions::{Definition, DefinitionName},
    dispatch::{Attempt, Returned},
    map_run::{NewChild, RunningChild},
    shard::{
        item_reading::ReadItems, large::ReadExecution, live_map_run::OpenMapRun, map_run_reading::ReadMapRun,
        map_runs::SlowMapRunStep, result_writing::WrittenResults, slow_lane::SlowStep,
    },
    tables::{ExecutionKey, MapRunKey, StoredExecution, Tables, TimerRow},
    tokens::TaskToken,
};
use asl::{Arn, StateMachineType};
use json::{Payload, Text};
use machine::{EventId, Facts, Failure, HistoryEvent, MapRunOutcome, MapRunTrigger, MapRunUpdate, Trigger};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as channel, oneshot};

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// An execution that is to be started.
pub(crate) struct NewExecution {
    pub(crate) key: ExecutionKey,
    /// As it will be stored, but for the start time, which the shard sets.
    pub(crate) stored: StoredExecution,
    pub(crate) facts: Facts,
    pub(crate) definition: Arc<Definition>,
    /// How many deletions had begun when the definition was read.
    pub(crate) deletions_begun: u64,
}

/// What a caller asks for.
pub(crate) enum Request {
    Start {
        new: Box<NewExecution>,
        reply: Reply<Started>,
    },
    /// Express only: answered at the end.
    StartSync {
        new: Box<NewExecution>,
        reply: Reply<SyncResult>,
    },
    /// Answered with the time of the redrive.
    Redrive {
        redrive: RedriveExecution,
        reply: Reply<i64>,
    },
    Stop {
        arn: Arn,
        error: Option<Text>,
        cause: Option<Text>,
        reply: Reply<i64>,
    },
    /// What a worker sends with a task token.
    Answer {
        token: TaskToken,
        trigger: Trigger,
        origin: Option<Origin>,
        reply: Reply<()>,
    },
    /// The activity task that a call was handed before a restart; `None` if it is over.
    Handed {
        token: TaskToken,
        reply: Reply<Option<ActivityTask>>,
    },
    WaitUntilClosed {
        arn: Arn,
        reply: Reply<ExecutionRecord>,
    },
    /// Those of these executions that are in memory.
    InMemory {
        keys: Vec<ExecutionKey>,
        reply: Reply<Vec<ExecutionRecord>>,
    },
    /// How a Map Run stands; `None` if it has ended.
    OpenMapRun {
        /// The execution that made it.
        owner: ExecutionKey,
        map_run: MapRunKey,
        reply: Reply<Option<OpenMapRun>>,
    },
    UpdateMapRun {
        /// The execution that made it.
        owner: ExecutionKey,
        arn: Text,
        update: MapRunUpdate,
        reply: Reply<()>,
    },
    /// Events from now on; the answer says that what came before is in the store.
    Observe {
        arn: Arn,
        observer: channel::UnboundedSender<HistoryEvent>,
        reply: Reply<()>,
    },
}

/// What the shard's own tasks and its neighbours tell it. Their number is bounded by what the shard has begun.
pub(crate) enum Report {
    Committed {
        number: u64,
        result: Result<(), store::Error>,
    },
    Alarm,
    TaskEnded {
        attempt: Attempt,
        number: u64,
        returned: Returned,
        outcome: Result<Payload, Failure>,
    },
    SlowStep(Box<SlowStep>),
    TakeActivity {
        offer: Offer,
        poller: Poller,
    },
    /// The activity was deleted before a worker took the task.
    ActivityGone(Offer),
    /// A `.sync` call waits for the end of an execution.
    AwaitEnd {
        execution: ExecutionKey,
        attempt: Attempt,
    },
    /// The execution that the call waits for has ended.
    AwaitedEnded(Attempt),
    /// A caller that waited for the end of the execution has gone away.
    CallerGone(ExecutionKey),
    StartChild(Box<NewChild>),
    StopChild(Box<RunningChild>),
    ChildEnded {
        map_run: MapRunKey,
        trigger: Box<MapRunTrigger>,
    },
    MapRunEnded {
        owner: ExecutionKey,
        effect: EventId,
        outcome: MapRunOutcome,
    },
    /// What a Map Run came to cannot be read.
    MapRunUnreadable {
        owner: ExecutionKey,
        why: String,
    },
    SlowMapRunStep(Box<SlowMapRunStep>),
    MapRunRead(Box<ReadMapRun>),
    ItemsRead(Box<ReadItems>),
    ResultsWritten(Box<WrittenResults>),
    /// A Map Run has waited until fewer are open, and goes on.
    MapRunHasPlace(MapRunKey),
    /// A definition was read beside the loop; `None` if it cannot be.
    DefinitionRead {
        name: DefinitionName,
        definition: Option<Arc<Definition>>,
    },
    ExecutionRead(Box<ReadExecution>),
    /// Children that a Map Run had asked for have begun: there is room for further ones.
    MapRunHasRoom(MapRunKey),
    /// Express executions have ended: Express children that wait for room may find it.
    ExpressHasRoom,
}

/// What the engine orders.
pub(crate) enum Order {
    /// The store failed: lose what is not durable, and wait.
    Halt { done: oneshot::Sender<()> },
    /// The store was opened again.
    Resume { tables: Tables },
    /// Say when all that was taken up before is durable.
    Settle { done: oneshot::Sender<()> },
    /// Begin no task, and say when those that run have ended.
    Drain { done: oneshot::Sender<()> },
    /// Commit what is left, and end.
    End { done: oneshot::Sender<()> },
    /// The time to end in is over: hear nothing new, and do not wait for the slow lane any more.
    Hurry,
    /// End at once, as in a crash.
    Abandon,
}

pub(crate) enum Message {
    /// The permit is given back when the request is taken up.
    Request(Request, OwnedSemaphorePermit),
    Report(Report),
    Order(Order),
}

/// What waits in line in a shard.
pub(crate) enum Work {
    Request(Request, Option<OwnedSemaphorePermit>),
    Report(Report),
    Trigger {
        key: ExecutionKey,
        trigger: Trigger,
        then: Then,
    },
    /// Begin the call, if it is still wanted: its turn in the line has come.
    Begin(Attempt),
    /// End the call, if it is not wanted any more: it ran while the store was opened again.
    EndUnwanted(Attempt),
    /// Go on with a call as its integration says: after a start, or when it was submitted.
    TakeUp {
        attempt: Attempt,
        /// Whether it is durable that it was submitted.
        is_submitted: bool,
    },
    /// Take the execution up after a start: its turn has come.
    Recover(ExecutionKey),
    /// Begin the asynchronous Express execution anew, after a start.
    BeginExpress(ExecutionKey),
    /// Fire the timer, if it is still set.
    Timer(TimerRow),
    /// What waited for a definition, and that, if it could be read.
    Read(Box<Work>, Option<Arc<Definition>>),
}

impl Work {
    /// A step was bounded, and the execution goes on with the next.
    pub(crate) fn go_on(key: ExecutionKey) -> Work {
        Work::Trigger { key, trigger: Trigger::Continue, then: Then::Nothing }
    }

    /// The execution that it is about, if it is about one.
    pub(crate) fn key(&self) -> Option<ExecutionKey> {
        match self {
            Work::Trigger { key, .. }
            | Work::Begin((key, _))
            | Work::EndUnwanted((key, _))
            | Work::TakeUp { attempt: (key, _), .. }
            | Work::Recover(key)
            | Work::BeginExpress(key)
            | Work::Timer(TimerRow { key, .. }) => Some(*key),
            Work::Read(work, _) => work.key(),
            Work::Request(request, _) => request.key(),
            Work::Report(report) => report.key(),
        }
    }
}

impl Work {
    /// The execution that is looked for in the store, if it is not in memory.
    pub(crate) fn loads(&self) -> Option<ExecutionKey> {
        match self {
            // An Express execution is loaded by nobody else.
            Work::Request(Request::Start { new, .. }, _) if !new.is_standard() => None,
            Work::Request(Request::StartSync { .. } | Request::UpdateMapRun { .. } | Request::OpenMapRun { .. }, _)
            // A child is loaded with the definition that its Map Run has.
            | Work::Report(Report::CallerGone(_) | Report::StopChild(_) | Report::SlowStep(_))
            | Work::Read(..) => None,
            _ => self.key(),
        }
    }

    /// Whether the next start does it, when the shard ends.
    pub(crate) fn is_left_to_next_start(&self) -> bool {
        matches!(
            self,
            Work::Trigger { trigger: Trigger::Continue, .. }
                | Work::Recover(_)
                | Work::BeginExpress(_)
                | Work::Timer(_)
        )
    }

    /// Whether an execution that has closed is loaded, too.
    pub(crate) fn loads_closed(&self) -> bool {
        matches!(self, Work::Request(Request::Redrive { .. }, _))
    }
}

impl NewExecution {
    pub(crate) fn is_standard(&self) -> bool {
        self.facts.state_machine_type == StateMachineType::Standard
    }
}

impl Request {
    fn key(&self) -> Option<ExecutionKey> {
        match self {
            Request::Start { new, .. } | Request::StartSync { new, .. } => Some(new.key),
            Request::Answer { token, .. } | Request::Handed { token, .. } => Some(token.key),
            Request::UpdateMapRun { owner, .. } | Request::OpenMapRun { owner, .. } => Some(*owner),
            Request::Redrive { redrive, .. } => Some(ExecutionKey::of(&redrive.execution.to_string())),
            Request::Stop { arn, .. } | Request::WaitUntilClosed { arn, .. } | Request::Observe { arn, .. } => {
                Some(ExecutionKey::of(&arn.to_string()))
            }
            Request::InMemory { .. } => None,
        }
    }
}

impl Report {
    fn key(&self) -> Option<ExecutionKey> {
        match self {
            Report::TaskEnded { attempt: (key, _), .. } | Report::AwaitedEnded((key, _)) => Some(*key),
            Report::AwaitEnd { execution, .. } | Report::CallerGone(execution) => Some(*execution),
            Report::SlowStep(step) => Some(step.key),
            Report::MapRunEnded { owner, .. } | Report::MapRunUnreadable { owner, .. } => Some(*owner),
            Report::TakeActivity { offer, .. } | Report::ActivityGone(offer) => Some(offer.key),
            Report::StartChild(_)
            | Report::StopChild(_)
            | Report::ChildEnded { .. }
            | Report::SlowMapRunStep(_)
            | Report::MapRunRead(_)
            | Report::ItemsRead(_)
            | Report::ResultsWritten(_)
            | Report::MapRunHasPlace(_)
            | Report::DefinitionRead { .. }
            | Report::ExecutionRead(_)
            | Report::MapRunHasRoom(_)
            | Report::ExpressHasRoom
            | Report::Committed { .. }
            | Report::Alarm => None,
        }
    }
}

/// Whose answer depends on a turn.
pub(crate) enum Then {
    Nothing,
    Started(Reply<Started>, Text),
    /// What a token was answered with; a call that may be made again is remembered.
    Answered(Reply<()>, Option<Origin>, TaskToken),
    /// A `.sync` call was submitted: its end is waited for.
    Submitted(Attempt),
    Stopped(Reply<i64>),
    Redriven(Reply<i64>, i64),
    /// A worker takes the task, if the step says so.
    Taken(Poller, Offer, ActivityTask),
}

/// What is found under an execution's key.
pub(crate) enum Found {
    Open,
    Closed(Box<StoredExecution>),
    Absent,
}

/// Sends to a shard.
#[derive(Clone)]
pub(crate) struct ShardSender {
    messages: channel::UnboundedSender<Message>,
    permits: Arc<Semaphore>,
}

impl ShardSender {
    pub(crate) fn channel(requests_waiting_max: usize) -> (ShardSender, channel::UnboundedReceiver<Message>) {
        let (messages, inbound) = channel::unbounded_channel();
        (ShardSender { messages, permits: Arc::new(Semaphore::new(requests_waiting_max)) }, inbound)
    }

    /// Waits until the shard can take one more request, sends it and waits for the answer.
    pub(crate) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Request(request(reply), permit)).map_err(|_| Error::ShuttingDown)?;
        answer.await.map_err(|_| if self.is_heard() { Error::AnswerLost } else { Error::ShuttingDown })?
    }

    /// Whether the shard takes requests: not when it has ended, or has to hurry.
    fn is_heard(&self) -> bool {
        !self.messages.is_closed() && !self.permits.is_closed()
    }

    /// Nobody needs to ask any more.
    pub(crate) fn refuse_requests(&self) {
        self.permits.close();
    }

    /// A shard that has ended hears nothing, and needs to hear nothing.
    pub(crate) fn report(&self, report: Report) {
        let _ = self.messages.send(Message::Report(report));
    }

    pub(crate) fn order(&self, order: Order) {
        let _ = self.messages.send(Message::Order(order));
    }
}
