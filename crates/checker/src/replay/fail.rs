//! States fail: their retriers are asked, then their catchers, then whoever is around them.

use super::Replay;
use super::ending::Ending;
use crate::data::Way;
use crate::event::HistoryEvent;
use crate::failure::{Fault, QUERY_EVALUATION_ERROR, RUNTIME};
use crate::frame::{Evaluation, Failed, FrameId, Phase, To};
use asl::{Catcher, JitterStrategy, Retrier, StateKind};

impl Replay<'_> {
    /// A field could not be evaluated, or is too large.
    pub(super) fn fault(&mut self, id: FrameId, fault: &Fault, is_volatile: bool, in_catcher: bool) {
        let frame = &self.frames[id];
        let entered = frame.entered.map_or(0, |entered| entered.event);
        let failure = fault.failure(&frame.state.name, entered, is_volatile);
        let Fault::Evaluating(found) = fault else { return self.failed_with(id, failure, in_catcher) };
        if found.error != QUERY_EVALUATION_ERROR {
            return self.failed_with(id, failure, in_catcher);
        }
        // Right after it was entered, the event may also follow what `…StateEntered` follows.
        let previous = match frame.entered {
            Some(entered) if entered.event == frame.position && !in_catcher => vec![entered.previous, frame.position],
            _ => vec![frame.position],
        };
        self.remember_failure();
        let evaluation = Evaluation { previous, failure, location: found.location.clone(), in_catcher };
        self.stay(id, Phase::Evaluation(Box::new(evaluation)));
    }

    fn failed_with(&mut self, id: FrameId, failure: crate::failure::Failure, in_catcher: bool) {
        let failed = Failed { failure, is_heartbeat: false };
        if in_catcher { self.give_up(id, failed) } else { self.fail(id, failed) }
    }

    /// `EvaluationFailed`: the history shows what JSONata could not evaluate.
    pub(super) fn evaluation_failed(&mut self, id: FrameId, evaluation: &Evaluation, event: &HistoryEvent) {
        let failure = self.expect_failure(event, &evaluation.failure);
        let state = self.frames[id].state.name.clone();
        self.expect_text(event, "state", Some(&state));
        let location = (!evaluation.location.is_empty()).then_some(&*evaluation.location);
        self.expect_text(event, "location", location);
        self.frames[id].position = event.id;
        self.failed_with(id, failure, evaluation.in_catcher);
    }

    /// The state failed.
    pub(super) fn fail(&mut self, id: FrameId, failed: Failed) {
        self.remember_failure();
        if failed.failure.name() == RUNTIME {
            // Nothing retries or catches it, and nothing around the state hears of it.
            return self.end_failed(id, failed);
        }
        match self.abort_children(id) {
            0 => self.retry_or_catch(id, failed),
            left => self.frames[id].phase = Phase::Aborting { left, failed },
        }
    }

    /// All children are aborted; there may have been none.
    pub(super) fn retry_or_catch(&mut self, id: FrameId, failed: Failed) {
        self.frames[id].fork = None;
        if self.retries(id, &failed) {
            return;
        }
        if matches!(self.frames[id].state.kind, StateKind::Parallel(_) | StateKind::Map(_)) {
            return self.stay(id, Phase::Failing(failed));
        }
        self.catch(id, failed);
    }

    /// Whether a retrier has the state tried again: the first one that names the error decides, also when its attempts are
    /// used up.
    fn retries(&mut self, id: FrameId, failed: &Failed) -> bool {
        let (retriers, _) = retriers_and_catchers(&self.frames[id].state.kind);
        let named = |retrier: &Retrier| failed.failure.is_named_by(&retrier.error_equals, failed.is_heartbeat);
        let Some(place) = retriers.iter().position(named) else { return false };
        let Some(retrier) = retriers.get(place) else { return false };
        let counts = &mut self.frames[id].retries;
        counts.resize(retriers.len(), 0);
        let Some(made) = counts.get_mut(place).filter(|made| **made < retrier.max_attempts) else { return false };
        let delay_ms = shortest_delay_ms(retrier, *made);
        *made += 1;
        self.failed_at = None;
        let not_before_ms = self.now.last_ms.saturating_add(delay_ms);
        self.not_before(id, not_before_ms, "the delay of the retry");
        self.begin(id);
        true
    }

    /// `…StateFailed`.
    pub(super) fn state_failed(&mut self, id: FrameId, failed: Failed) {
        self.frames[id].position = self.now.event_id;
        self.catch(id, failed);
    }

    /// The first catcher that names the error.
    fn catch(&mut self, id: FrameId, failed: Failed) {
        let (_, catchers) = retriers_and_catchers(&self.frames[id].state.kind);
        let named = |catcher: &&Catcher| failed.failure.is_named_by(&catcher.error_equals, failed.is_heartbeat);
        match catchers.iter().find(named) {
            Some(catcher) => {
                let way = Way::Caught { catcher, failure: failed.failure };
                self.leave(id, way, To::Next(&catcher.next));
                if matches!(self.frames[id].phase, Phase::Leaving(_)) {
                    self.failed_at = None;
                }
            }
            None => self.give_up(id, failed),
        }
    }

    /// The flow fails with its state.
    pub(super) fn give_up(&mut self, id: FrameId, failed: Failed) {
        match self.frames[id].parent {
            Some((parent, index)) if failed.failure.name() != RUNTIME => self.child_failed(id, parent, index, failed),
            _ => self.end_failed(id, failed),
        }
    }

    /// A branch or iteration failed, and the state fails with it. What else runs is aborted.
    fn child_failed(&mut self, child: FrameId, parent: FrameId, index: u64, failed: Failed) {
        let position = self.frames[child].position;
        let not_before = self.frames[child].not_before;
        let mut left = self.expect_child_failed(child, parent, index);
        self.remove(child);
        if let Some(fork) = &mut self.frames[parent].fork {
            fork.running.remove(&child);
        }
        self.frames[parent].position = position;
        if let Some((not_before_ms, why)) = not_before {
            self.not_before(parent, not_before_ms, why);
        }
        left += self.abort_children(parent);
        let failed = Failed { is_heartbeat: false, ..failed };
        match left {
            0 => self.retry_or_catch(parent, failed),
            left => self.frames[parent].phase = Phase::Aborting { left, failed },
        }
    }

    fn end_failed(&mut self, id: FrameId, failed: Failed) {
        let frame = &self.frames[id];
        let (previous, not_before) = (frame.position, frame.not_before);
        self.remove(id);
        self.end(Ending::Failed { previous, failure: failed.failure, not_before });
    }

    /// What a redrive goes on from: everything as it was before the failure went up.
    pub(super) fn remember_failure(&mut self) {
        if self.redrives_ahead > 0 && self.failed_at.is_none() {
            self.failed_at = Some(self.frames.clone());
        }
    }
}

fn retriers_and_catchers(kind: &StateKind) -> (&[Retrier], &[Catcher]) {
    match kind {
        StateKind::Task(task) => (&task.retry, &task.catch),
        StateKind::Parallel(parallel) => (&parallel.retry, &parallel.catch),
        StateKind::Map(map) => (&map.retry, &map.catch),
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed(_) | StateKind::Fail(_) => {
            (&[], &[])
        }
    }
}

/// `IntervalSeconds`, times `BackoffRate` for each retry made before, at most `MaxDelaySeconds`. Full jitter may make it
/// as short as it wants.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "delays are told in floats by the language; the cast back saturates, and no one waits that long"
)]
fn shortest_delay_ms(retrier: &Retrier, made: u64) -> i64 {
    if retrier.jitter_strategy == JitterStrategy::Full {
        return 0;
    }
    let mut delay = retrier.interval_seconds as f64;
    for _ in 0..made {
        delay *= retrier.backoff_rate;
        if delay.is_infinite()
            || retrier.max_delay_seconds.is_some_and(|most| delay >= most as f64 && retrier.backoff_rate >= 1.0)
        {
            break;
        }
    }
    let delay = retrier.max_delay_seconds.map_or(delay, |most| delay.min(most as f64));
    // Engines round to milliseconds in their own ways.
    (delay * 1000.0 - 1.0).ceil().max(0.0) as i64
}
