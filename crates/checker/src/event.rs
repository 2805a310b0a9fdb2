//! Events of a history, as GetExecutionHistory gives them.

use jiff::Timestamp;
use json::{Object, Text, Value};

/// One event.
#[derive(Clone, Debug)]
pub struct HistoryEvent {
    pub id: u64,
    pub previous_event_id: u64,
    /// Milliseconds since the Unix epoch; `None` where the history does not say.
    pub timestamp_ms: Option<i64>,
    /// `PassStateEntered` …
    pub event_type: Text,
    /// The members of the `…EventDetails` member; empty where there is none.
    pub details: Object,
    /// The name of that member; empty where there is none.
    pub details_name: Text,
}

impl HistoryEvent {
    /// Reads an event as the API answers it: the time in seconds since the epoch, or as the AWS CLI prints it, in ISO 8601.
    ///
    /// The message of an error says what is missing.
    pub fn read(event: &Value) -> Result<HistoryEvent, String> {
        let number = |member: &str| {
            let value = event.get(member).and_then(Value::as_number).and_then(json::Number::as_u64);
            value.ok_or_else(|| format!("an event without a number in `{member}`: {}", excerpt(&event.to_string())))
        };
        let id = number("id")?;
        let previous_event_id = event.get("previousEventId").map_or(Ok(0), |_| number("previousEventId"))?;
        let Some(Value::String(event_type)) = event.get("type") else {
            return Err(format!("event {id} has no `type`"));
        };
        let members = event.as_object().into_iter().flat_map(Object::iter);
        let mut found = members.filter(|(name, _)| name.ends_with("EventDetails"));
        let (details_name, details) = match (found.next(), found.next()) {
            (None, _) => (Text::default(), Object::new()),
            (Some((name, Value::Object(members))), None) => (name.clone(), members.clone()),
            _ => return Err(format!("event {id} has details that are no object, or more than one member of details")),
        };
        let timestamp_ms = event.get("timestamp").map(time_ms).transpose()?;
        Ok(HistoryEvent { id, previous_event_id, timestamp_ms, event_type: event_type.clone(), details, details_name })
    }

    /// A text in the details.
    pub(crate) fn text(&self, member: &str) -> Option<&Text> {
        match self.details.get(member) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A number in the details.
    pub(crate) fn number(&self, member: &str) -> Option<u64> {
        self.details.get(member).and_then(Value::as_number).and_then(json::Number::as_u64)
    }
}

/// Milliseconds since the epoch: of a number of seconds, or of an ISO 8601 text.
pub(crate) fn time_ms(time: &Value) -> Result<i64, String> {
    let unusable = || format!("`{time}` is no time");
    match time {
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and no time is that late")]
        Value::Number(seconds) => Ok((seconds.as_f64() * 1000.0).round() as i64),
        Value::String(text) => text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|_| unusable()),
        _ => Err(unusable()),
    }
}

/// What the details member of an event of this type is called; `None` where the type has none.
pub(crate) fn details_name(event_type: &str) -> Option<String> {
    let (first, rest) = named(event_type)?.split_at_checked(1)?;
    Some(format!("{}{rest}{DETAILS}", first.to_ascii_lowercase()))
}

/// Whether that is what it is called.
pub(crate) fn is_details_name(name: &str, event_type: &str) -> bool {
    let name = name.strip_suffix(DETAILS).and_then(|name| name.split_at_checked(1));
    let wanted = named(event_type).and_then(|named| named.split_at_checked(1));
    name.zip(wanted).is_some_and(|((first, rest), (wanted_first, wanted_rest))| {
        rest == wanted_rest && first.bytes().eq(wanted_first.bytes().map(|byte| byte.to_ascii_lowercase()))
    })
}

const DETAILS: &str = "EventDetails";

/// What the details member of an event of this type is named after.
fn named(event_type: &str) -> Option<&str> {
    let without = [
        "LambdaFunctionStarted",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "ParallelStateFailed",
        "ParallelStateAborted",
        "MapStateSucceeded",
        "MapStateFailed",
        "MapStateAborted",
        "MapRunSucceeded",
        "MapRunAborted",
        "TaskStateAborted",
        "WaitStateAborted",
    ];
    if without.contains(&event_type) {
        return None;
    }
    let of_states = ["StateEntered", "StateExited"].into_iter().find(|suffix| event_type.ends_with(suffix));
    Some(of_states.unwrap_or(event_type))
}

/// The beginning of a long text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
