//! Frames: positions in the definition, and what may happen next at each.

use crate::data::{Exit, Way};
use crate::failure::{Failure, Fault};
use crate::plan::{Forking, Request};
use asl::{Flow, State, Transition};
use json::{Object, Payload, Text};
use query::MapItem;
use std::collections::{BTreeSet, VecDeque};

/// A place in [`Frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FrameId(usize);

/// All frames of an execution. None is ever taken out: one that has ended is `Phase::Gone`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames<'d>(Vec<Frame<'d>>);

/// A position: of the execution itself, of a branch of a Parallel, or of an iteration of a Map.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'d> {
    /// The frame around it, and which of its children this is.
    pub(crate) parent: Option<(FrameId, u64)>,
    pub(crate) flow: &'d Flow,
    /// The state it is in, or comes to.
    pub(crate) state: &'d State,
    /// `None`: it is what the event that enters the state shows.
    pub(crate) input: Option<Payload>,
    /// The event that the next one of this frame follows.
    pub(crate) position: u64,
    pub(crate) entered: Option<Entered>,
    /// How often each retrier has had the state tried again.
    pub(crate) retries: Vec<u64>,
    /// What was assigned in this scope.
    pub(crate) variables: Object,
    /// What its values come to, as JSON texts.
    pub(crate) variables_bytes: usize,
    pub(crate) fork: Option<Fork<'d>>,
    /// The Map Run that a redrive goes on with: it has not ended, or has failed.
    pub(crate) map_run: Option<MapRun>,
    /// The next event of this frame is not earlier than this, and why.
    pub(crate) not_before: Option<(i64, &'static str)>,
    pub(crate) phase: Phase<'d>,
}

/// The event that entered a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entered {
    pub(crate) event: u64,
    /// What that event followed.
    pub(crate) previous: u64,
    pub(crate) at_ms: i64,
}

/// The children of a Parallel or Map.
#[derive(Clone, Debug)]
pub(crate) struct Fork<'d> {
    pub(crate) outputs: Vec<Option<Payload>>,
    pub(crate) running: BTreeSet<FrameId>,
    pub(crate) succeeded: u64,
    /// Of a Map.
    pub(crate) iterations: Option<Iterations<'d>>,
}

/// The iterations of a Map.
#[derive(Clone, Debug)]
pub(crate) struct Iterations<'d> {
    pub(crate) processor: &'d Flow,
    /// `None`: no history tells the items.
    pub(crate) items: Option<Payload>,
    pub(crate) concurrency: u64,
    /// How many have begun or are to begin now.
    pub(crate) begun: u64,
    /// Those that are to begin now, in their order.
    pub(crate) offers: VecDeque<Offer>,
    /// The one behind the offers cannot begin, and the Map fails after this event.
    pub(crate) fault: Option<(Fault, u64)>,
}

/// An iteration that is to begin.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) previous: u64,
    pub(crate) index: u64,
    pub(crate) input: Option<Payload>,
}

/// What may happen next.
#[derive(Clone, Debug)]
pub(crate) enum Phase<'d> {
    /// One of these states is entered.
    Arriving(Vec<&'d Text>),
    /// The state is left in one of these ways.
    Leaving(Vec<Leaving<'d>>),
    /// A call is made, and answered.
    Calling(Box<Call<'d>>),
    /// `…StateStarted`.
    Forking(Box<Forking>),
    /// The children have their turn.
    Forked,
    /// `…StateSucceeded`.
    Joining,
    /// `MapIterationSucceeded`.
    IterationOver(Payload),
    /// A Map Run begins, and ends.
    MapRun(MapRunStage),
    /// `EvaluationFailed`.
    Evaluation(Box<Evaluation>),
    /// Children are aborted.
    Aborting { left: usize, failed: Failed },
    /// `…StateFailed`.
    Failing(Failed),
    /// It is looked at now.
    Busy,
    /// Nothing: the frame has ended.
    Gone,
}

/// A way in which a state may be left.
#[derive(Clone, Debug)]
pub(crate) struct Leaving<'d> {
    pub(crate) way: Way<'d>,
    pub(crate) exit: Exit,
    pub(crate) to: To<'d>,
}

/// Where a flow goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To<'d> {
    Next(&'d Text),
    End,
}

/// A failure, and whether a missed heartbeat is what happened.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) is_heartbeat: bool,
}

/// An `EvaluationFailed` that is to come.
#[derive(Clone, Debug)]
pub(crate) struct Evaluation {
    /// It follows one of these.
    pub(crate) previous: Vec<u64>,
    pub(crate) failure: Failure,
    pub(crate) location: String,
    /// It is the catcher that failed: nothing catches that.
    pub(crate) in_catcher: bool,
}

/// A call of a Task.
#[derive(Clone, Debug)]
pub(crate) struct Call<'d> {
    pub(crate) request: Request<'d>,
    pub(crate) stage: Stage,
    /// When its clocks began.
    pub(crate) since_ms: i64,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Planned,
    Scheduled,
    Started,
    Submitted,
}

/// A Map Run that has begun.
#[derive(Clone, Debug)]
pub(crate) struct MapRun {
    pub(crate) arn: Text,
    pub(crate) length: Option<u64>,
    pub(crate) redrives: u64,
}

/// How far a Map Run has come.
#[derive(Clone, Debug)]
pub(crate) enum MapRunStage {
    Planned {
        length: Option<u64>,
    },
    Running {
        length: Option<u64>,
    },
    /// The execution is redriven, and the Map Run with it.
    Redriving {
        length: Option<u64>,
    },
    /// `MapRunSucceeded` was this event.
    Succeeded {
        length: Option<u64>,
        event: u64,
    },
}

impl<'d> Frames<'d> {
    pub(crate) fn add(&mut self, frame: Frame<'d>) -> FrameId {
        self.0.push(frame);
        FrameId(self.0.len() - 1)
    }

    /// Those that are not gone.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (FrameId, &Frame<'d>)> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, frame)| !matches!(frame.phase, Phase::Gone))
            .map(|(id, frame)| (FrameId(id), frame))
    }
}

#[expect(clippy::indexing_slicing, reason = "ids are made by `add`, and no frame is ever taken out")]
impl<'d> std::ops::Index<FrameId> for Frames<'d> {
    type Output = Frame<'d>;

    fn index(&self, id: FrameId) -> &Frame<'d> {
        &self.0[id.0]
    }
}

#[expect(clippy::indexing_slicing, reason = "ids are made by `add`, and no frame is ever taken out")]
impl<'d> std::ops::IndexMut<FrameId> for Frames<'d> {
    fn index_mut(&mut self, id: FrameId) -> &mut Frame<'d> {
        &mut self.0[id.0]
    }
}

impl<'d> Frame<'d> {
    /// At the beginning of a flow, after the event `position`. `None` where the flow has no such state.
    pub(crate) fn begin(
        parent: Option<(FrameId, u64)>,
        flow: &'d Flow,
        input: Option<Payload>,
        position: u64,
    ) -> Option<Frame<'d>> {
        Some(Frame {
            parent,
            flow,
            state: flow.states.get(&flow.start_at)?,
            input,
            position,
            entered: None,
            retries: Vec::new(),
            variables: Object::new(),
            variables_bytes: 0,
            fork: None,
            map_run: None,
            not_before: None,
            phase: Phase::Arriving(vec![&flow.start_at]),
        })
    }

    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }
}

impl<'d> To<'d> {
    pub(crate) fn of(transition: &'d Transition) -> To<'d> {
        match transition {
            Transition::Next(next) => To::Next(next),
            Transition::End => To::End,
        }
    }
}

impl Fork<'_> {
    /// `$$.Map.Item` of a child.
    pub(crate) fn item(&self, index: u64) -> Option<MapItem> {
        let items = self.iterations.as_ref()?.items.as_ref()?;
        let value = items.value().as_array()?.get(usize::try_from(index).ok()?)?.clone();
        Some(MapItem { index, key: None, value, source: None })
    }
}
