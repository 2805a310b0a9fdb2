//! Faults that can be planted in the engine, so that it can be seen that the simulator finds them.
//!
//! Each stands at its place in the engine as one question, whose answer is always no: only with the feature
//! `planted-faults`, which nothing but the simulator turns on, a fault can be planted at all. It then strikes now and
//! then, as a fault does.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Effects are carried out before the commit of the step that asks for them.
    EffectBeforeCommit,
    /// A caller is answered before the commit.
    AnswerBeforeCommit,
    /// The shard goes on after a failed commit as if it had been kept.
    FailedCommitIgnored,
    /// A start by a name that is taken begins another execution.
    NameStartedTwice,
    /// A token is accepted although its task has its answer.
    TokenAcceptedTwice,
    /// A timer fires before it is due.
    TimerEarly,
    /// Timers are not read again when the store was opened again.
    TimersNotReadAgain,
    /// The stored row of a timer stays when the timer is cancelled.
    TimerRowKept,
    /// A call goes on when its execution was stopped or its task timed out.
    CallNotCancelled,
    /// More calls run at once than may.
    TooManyCalls,
    /// A child of a Map Run is not begun.
    ChildForgotten,
    /// An execution that waits for room in memory does not go on when it is its turn.
    TurnForgotten,
    /// What waits until a large execution has been read is not done.
    ReadingForgotten,
    /// An open execution is not taken up after a restart.
    ExecutionForgotten,
}

/// Whether the fault strikes now.
#[cfg(not(feature = "planted-faults"))]
pub(crate) const fn strikes(_fault: Fault) -> bool {
    false
}

#[cfg(feature = "planted-faults")]
pub use planting::plant;
#[cfg(feature = "planted-faults")]
pub(crate) use planting::strikes;

#[cfg(feature = "planted-faults")]
mod planting {
    use super::Fault;
    use std::cell::Cell;

    /// It strikes one time in so many.
    const EVERY: u64 = 3;

    thread_local! {
        /// A simulated engine has one thread, so each thread can have a fault of its own.
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
        static ASKED: Cell<u64> = const { Cell::new(0) };
    }

    /// Plants a fault in the engines of this thread, or none.
    pub fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
        ASKED.set(0);
    }

    pub(crate) fn strikes(fault: Fault) -> bool {
        if PLANTED.get() != Some(fault) {
            return false;
        }
        ASKED.set(ASKED.get() + 1);
        ASKED.get().is_multiple_of(EVERY)
    }
}
