//! Where in nested Parallels and Maps a state runs: `Orders[3] / Ship / Pack`.

use json::Text;
use machine::{EventDetails, EventId, EventType, HistoryEvent};
use std::collections::HashMap;
use std::rc::Rc;

/// The states, branches and iterations of events, followed from event to event.
#[derive(Default)]
pub struct Places {
    by_event: HashMap<EventId, (Place, Option<Text>)>,
}

/// `None` is the top of the definition.
type Place = Option<Rc<Inside>>;

/// Inside of one Parallel, or of one iteration of a Map.
struct Inside {
    /// The name of the Parallel or Map.
    state: Text,
    /// The number of the iteration, from 0.
    iteration: Option<u64>,
    around: Place,
}

impl Places {
    /// Follows an event; each is given once, in order. Gives the state that the event enters, leaves or happens in, with
    /// all that is around it.
    pub fn follow(&mut self, event: &HistoryEvent) -> Option<String> {
        let (before, running) = self.by_event.get(&event.previous_event_id).cloned().unwrap_or_default();
        let mut of = running.clone().map(|name| (name, before.clone()));
        let after = match (&event.details, event.event_type) {
            (EventDetails::StateEntered { name, .. }, EventType::ParallelStateEntered) => {
                of = Some((name.clone(), before.clone()));
                (Some(Rc::new(Inside { state: name.clone(), iteration: None, around: before })), None)
            }
            (EventDetails::StateEntered { name, .. }, _) => {
                of = Some((name.clone(), before.clone()));
                (before, Some(name.clone()))
            }
            (EventDetails::MapIteration { name, index }, EventType::MapIterationStarted) => {
                let around = leave(before, name);
                of = None;
                (Some(Rc::new(Inside { state: name.clone(), iteration: Some(*index), around })), None)
            }
            (EventDetails::StateExited { name, .. }, _) => {
                let around = leave(before, name);
                of = Some((name.clone(), around.clone()));
                (around, None)
            }
            _ => (before, running),
        };
        self.by_event.insert(event.id, after);
        of.map(|(name, around)| shown(&name, around.as_deref()))
    }
}

/// Out of the state, if the place is inside of it: the events that end it follow the last one of what it held.
fn leave(place: Place, state: &str) -> Place {
    let mut at = place.as_ref();
    while let Some(inside) = at {
        if *inside.state == *state {
            return inside.around.clone();
        }
        at = inside.around.as_ref();
    }
    place
}

fn shown(name: &str, mut around: Option<&Inside>) -> String {
    let mut parts = vec![name.to_owned()];
    while let Some(inside) = around {
        parts.push(match inside.iteration {
            Some(index) => format!("{}[{index}]", inside.state),
            None => inside.state.to_string(),
        });
        around = inside.around.as_deref();
    }
    parts.reverse();
    parts.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use json::Payload;

    fn entered(id: EventId, previous: EventId, event_type: EventType, name: &str) -> HistoryEvent {
        of(id, previous, event_type, EventDetails::StateEntered { name: name.into(), input: Payload::default() })
    }

    fn exited(id: EventId, previous: EventId, event_type: EventType, name: &str) -> HistoryEvent {
        let details =
            EventDetails::StateExited { name: name.into(), output: Payload::default(), assigned_variables: None };
        of(id, previous, event_type, details)
    }

    fn of(id: EventId, previous_event_id: EventId, event_type: EventType, details: EventDetails) -> HistoryEvent {
        HistoryEvent { id, previous_event_id, timestamp_ms: 0, event_type, details }
    }

    #[test]
    fn states_are_shown_with_what_is_around_them() {
        use EventType as Type;
        let mut places = Places::default();
        let mut check = |event: HistoryEvent, expected: Option<&str>| {
            assert_eq!(places.follow(&event).as_deref(), expected, "{event:?}");
        };
        check(of(1, 0, Type::ExecutionStarted, EventDetails::None), None);
        check(entered(2, 0, Type::MapStateEntered, "Orders"), Some("Orders"));
        check(of(3, 2, Type::MapStateStarted, EventDetails::MapStateStarted { length: 2 }), Some("Orders"));
        let iteration = |id, previous, index| {
            of(id, previous, Type::MapIterationStarted, EventDetails::MapIteration { name: "Orders".into(), index })
        };
        check(iteration(4, 3, 0), None);
        check(entered(5, 4, Type::ParallelStateEntered, "Ship"), Some("Orders[0] / Ship"));
        check(of(6, 5, Type::ParallelStateStarted, EventDetails::None), None);
        check(entered(7, 6, Type::PassStateEntered, "Pack"), Some("Orders[0] / Ship / Pack"));
        check(exited(8, 7, Type::PassStateExited, "Pack"), Some("Orders[0] / Ship / Pack"));
        check(of(9, 8, Type::ParallelStateSucceeded, EventDetails::None), None);
        check(exited(10, 8, Type::ParallelStateExited, "Ship"), Some("Orders[0] / Ship"));
        // The next iteration follows the last event of the one before.
        check(iteration(11, 10, 1), None);
        check(entered(12, 11, Type::TaskStateEntered, "Skip"), Some("Orders[1] / Skip"));
        check(of(20, 12, Type::TaskFailed, EventDetails::None), Some("Orders[1] / Skip"));
        check(exited(13, 20, Type::TaskStateExited, "Skip"), Some("Orders[1] / Skip"));
        check(exited(14, 13, Type::MapStateExited, "Orders"), Some("Orders"));
        check(entered(15, 14, Type::PassStateEntered, "End"), Some("End"));
    }
}
