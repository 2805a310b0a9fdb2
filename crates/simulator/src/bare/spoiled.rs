//! Faults that are planted in bare worlds: a step is not what `machine` made it.

use super::BareWorld;
use json::Payload;
use machine::{Effect, EventDetails, Step};

/// What is wrong with steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoiled {
    /// A part that changed is not named.
    PartNotWritten,
    /// A part that is gone is not named.
    PartNotRemoved,
    TimerNotSet,
    TimerNotCancelled,
    CallNotCancelled,
    /// A timer is set for a time that is too early.
    TimerEarly,
    EventMissing,
    EventsSwapped,
    /// An output is another.
    OutputChanged,
}

/// A step with something to be spoiled is, one time in so many.
const SPOILED_EVERY: usize = 5;

impl BareWorld {
    /// From now on steps are spoiled.
    pub fn spoil_steps(&mut self, spoiled: Spoiled) {
        self.spoiled = Some(spoiled);
    }

    /// Spoils a step, if that is planted and the step has something for it.
    pub(super) fn spoil(&mut self, mut step: Step) -> Step {
        let Some(spoiled) = self.spoiled.filter(|_| self.random.below(SPOILED_EVERY) == 0) else { return step };
        let Step { history, changed, removed, effects, .. } = &mut step;
        let mut lose = |is_it: fn(&Effect) -> bool| {
            let place = effects.iter().position(is_it);
            place.into_iter().for_each(|place| drop(effects.remove(place)));
        };
        match spoiled {
            Spoiled::PartNotWritten => drop(changed.pop()),
            Spoiled::PartNotRemoved => drop(removed.pop()),
            Spoiled::TimerNotSet => lose(|effect| matches!(effect, Effect::SetTimer { .. })),
            Spoiled::TimerNotCancelled => lose(|effect| matches!(effect, Effect::CancelTimer { .. })),
            Spoiled::CallNotCancelled => lose(|effect| matches!(effect, Effect::CancelTask { .. })),
            Spoiled::TimerEarly => effects.iter_mut().for_each(|effect| {
                if let Effect::SetTimer { due_ms, .. } = effect {
                    *due_ms -= 1;
                }
            }),
            Spoiled::EventMissing => drop(history.pop()),
            Spoiled::EventsSwapped => {
                let last = history.len().saturating_sub(1);
                if last > 0 {
                    history.swap(last - 1, last);
                }
            }
            Spoiled::OutputChanged => history.iter_mut().for_each(|event| {
                if let EventDetails::StateExited { output, .. } = &mut event.details {
                    *output = Payload::trusted("7".into());
                }
            }),
        }
        step
    }
}
