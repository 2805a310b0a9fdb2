//! The events of one step, as they are stored: a payload that the event before has as well is stored once.
//!
//! States pass on what they got, the output of one is the input of the next, and branches begin with the same: most large
//! payloads of a step are those of the event before.

use json::Payload;
use machine::HistoryEvent;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};

/// The events of a step: to be written if borrowed, as they were read if owned.
///
/// Stored as the array of events; if payloads are shared, as a map of it and of the places in it where the payload is that
/// of the last event before that has one.
pub(crate) struct StepEvents<E>(pub(crate) E);

#[derive(Serialize)]
struct Shared<'e> {
    same: &'e [usize],
    events: Vec<HistoryEvent>,
}

#[derive(Deserialize)]
struct StoredShared {
    same: Vec<usize>,
    events: Vec<HistoryEvent>,
}

impl Serialize for StepEvents<&[HistoryEvent]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let same = same_as_before(self.0);
        if same.is_empty() {
            return self.0.serialize(serializer);
        }
        let mut events = self.0.to_vec();
        let none = Payload::default();
        for place in &same {
            if let Some(payload) = events.get_mut(*place).and_then(|event| event.details.payload_mut()) {
                *payload = none.clone();
            }
        }
        Shared { same: &same, events }.serialize(serializer)
    }
}

/// The places of events whose payload is that of the last event before that has one.
fn same_as_before(events: &[HistoryEvent]) -> Vec<usize> {
    let mut same = Vec::new();
    let mut last: Option<&Payload> = None;
    for (place, event) in events.iter().enumerate() {
        let Some(payload) = event.details.payload() else { continue };
        if last.is_some_and(|last| payload.repeats(last)) {
            same.push(place);
        }
        last = Some(payload);
    }
    same
}

impl<'de> Deserialize<'de> for StepEvents<Vec<HistoryEvent>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = StepEvents<Vec<HistoryEvent>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the events of a step")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, events: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(events)).map(StepEvents)
    }

    fn visit_map<A: MapAccess<'de>>(self, shared: A) -> Result<Self::Value, A::Error> {
        let StoredShared { same, mut events } = StoredShared::deserialize(MapAccessDeserializer::new(shared))?;
        let mut same = same.into_iter().peekable();
        let mut last: Option<Payload> = None;
        for (place, event) in events.iter_mut().enumerate() {
            let Some(payload) = event.details.payload_mut() else { continue };
            if same.next_if_eq(&place).is_some() {
                let shared =
                    last.as_ref().ok_or_else(|| A::Error::custom("the first payload is that of none before"))?;
                *payload = shared.clone();
            }
            last = Some(payload.clone());
        }
        match same.next() {
            None => Ok(StepEvents(events)),
            Some(place) => Err(A::Error::custom(format!("event {place} of the step has no payload to be shared"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{HISTORY, decode, encode};
    use machine::{EventDetails, EventType};

    fn events(payloads: &[Option<&str>]) -> Vec<HistoryEvent> {
        let details = |text: Option<&str>| match text {
            Some(text) => EventDetails::Succeeded { output: Payload::parse(text).unwrap() },
            None => EventDetails::None,
        };
        let event = |(id, text): (_, Option<&str>)| HistoryEvent {
            id,
            previous_event_id: id - 1,
            timestamp_ms: 7,
            event_type: EventType::ActivitySucceeded,
            details: details(text),
        };
        (1..).zip(payloads.iter().copied()).map(event).collect()
    }

    /// Comes back as it was; gives the bytes that it takes.
    fn check(payloads: &[Option<&str>]) -> usize {
        let events = events(payloads);
        let record = encode(&StepEvents(&*events));
        let StepEvents(read) = decode::<StepEvents<Vec<HistoryEvent>>>(HISTORY, &record).unwrap();
        assert_eq!(read, events);
        record.len()
    }

    #[test]
    fn a_payload_that_comes_again_is_stored_once() {
        // Text that packing does not make smaller, and longer than what it looks back to.
        let text = |seed: u32| -> String {
            let letters =
                (0..30_000u32).map(|n| 0x4E00 + n.wrapping_mul(n.wrapping_mul(2_654_435_761) ^ seed) % 20_000);
            format!("\"{}\"", letters.filter_map(char::from_u32).collect::<String>())
        };
        let (a, b) = (text(7), text(4_001));
        let (a, b) = (Some(a.as_str()), Some(b.as_str()));
        let once = check(&[a, None]);
        assert!(check(&[a, None, a, a]) < once + 500);
        // Four are stored: a, b, a, b.
        assert!(check(&[None, a, b, b, a, None, b]) > 3 * once);
        check(&[Some("1"), Some("1"), a, Some("1"), a]);
        check(&[]);
    }

    #[test]
    fn what_earlier_builds_stored_is_read() {
        let a = format!("\"{}\"", "a".repeat(1_000));
        let events = events(&[Some(&a), Some(&a)]);
        let StepEvents(read) = decode::<StepEvents<Vec<HistoryEvent>>>(HISTORY, &encode(&events)).unwrap();
        assert_eq!(read, events);
    }

    #[test]
    fn what_refers_to_nothing_is_corrupt() {
        for same in [vec![0], vec![1], vec![3], vec![1, 0]] {
            let payload = Some("\"text\"");
            let record = encode(&Shared { same: &same, events: events(&[payload, None, payload]) });
            assert!(decode::<StepEvents<Vec<HistoryEvent>>>(HISTORY, &record).is_err(), "{same:?}");
        }
    }
}
