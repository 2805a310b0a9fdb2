//! Wait.

use super::state_machine::TIMEOUT_SECONDS_MAX;
use super::{MaybePath, StateFields};
use crate::kind;
use crate::reader::Reader;
use crate::shape::{Group, INPUT_OUTPUT, NEXT_OR_END, STATE, Shape, TRANSITION, both, json_path};
use json::Text;

/// Waits for a time, or until one.
#[derive(Clone, Debug)]
pub struct Wait {
    pub state: StateFields,
    pub until: WaitUntil,
}

/// Exactly one of `Seconds`, `SecondsPath`, `Timestamp`, `TimestampPath`.
#[derive(Clone, Debug)]
pub enum WaitUntil {
    Seconds(MaybePath<u64>),
    Timestamp(MaybePath<Text>),
}

const SHAPE: Shape = Shape {
    fields: &[
        STATE,
        TRANSITION,
        INPUT_OUTPUT,
        &[both("Seconds"), json_path("SecondsPath"), both("Timestamp"), json_path("TimestampPath"), both("Assign")],
    ],
    required: &[],
    groups: &[NEXT_OR_END, Group::ExactlyOne(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"])],
};

impl Wait {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Wait> {
        reader.check(&SHAPE);
        let fields = StateFields::read(reader);
        let seconds = reader.read_maybe_path("Seconds", kind::integer(0..=TIMEOUT_SECONDS_MAX), kind::definite_path);
        let timestamp = reader.read_maybe_path("Timestamp", kind::timestamp, kind::definite_path);
        let until = seconds.map(WaitUntil::Seconds).or(timestamp.map(WaitUntil::Timestamp));
        Some(Wait { state: fields?, until: until? })
    }
}
