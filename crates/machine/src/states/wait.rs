//! Wait: for a number of seconds, or until a time.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html>

use super::{Move, settle, unexpected};
use crate::data;
use crate::failure::{Evaluating, Failed, Halt, QUERY_EVALUATION_ERROR, Stop};
use crate::frame::Phase;
use crate::turn::{Turn, after};
use crate::visit::{Sees, Visit, as_count};
use crate::{PartId, StepError};
use asl::{MaybePath, StateKind, Wait, WaitUntil};
use jiff::Timestamp;
use json::{Text, Value};
use query::Path;

/// Longest wait that AWS accepts from a path: what fits 31 bits of seconds.
const SECONDS_MAX: u64 = i32::MAX as u64;

pub(crate) fn begin(turn: &mut Turn<'_>, visit: &Visit<'_>, wait: &Wait) -> Result<Move, Stop> {
    let input = data::input(visit, &wait.state.fields)?;
    let now_ms = turn.ambient.now_ms;
    let due_ms = match &wait.until {
        WaitUntil::Seconds(seconds) => after(now_ms, seconds_of(visit, seconds, input.value())?),
        WaitUntil::Timestamp(timestamp) => timestamp_of(visit, timestamp, input.value())?.as_millisecond(),
    };
    if due_ms.saturating_sub(now_ms) > after(0, SECONDS_MAX) && !is_literal(&wait.until) {
        return Err(Failed::runtime("Wait state delay is too long.").into());
    }
    if due_ms <= now_ms {
        return data::pass_on(visit, &wait.state.fields, wait.state.transition.clone());
    }
    let timer = turn.set_timer(due_ms)?;
    turn.parts.frame_mut(visit.id)?.phase = Phase::Waiting { timer };
    Ok(Move::Stay)
}

/// The time has come.
pub(crate) fn over(turn: &mut Turn<'_>, id: PartId) -> Result<(), Halt> {
    turn.parts.frame_mut(id)?.phase = Phase::Ready;
    let visit = turn.visit(id)?;
    let StateKind::Wait(wait) = &visit.state.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Wait state", visit.state.name)).into());
    };
    let result = data::pass_on(&visit, &wait.state.fields, wait.state.transition.clone());
    settle(turn, id, result)
}

fn is_literal(until: &WaitUntil) -> bool {
    matches!(until, WaitUntil::Seconds(MaybePath::Literal(_)) | WaitUntil::Timestamp(MaybePath::Literal(_)))
}

fn seconds_of(visit: &Visit<'_>, seconds: &MaybePath<u64>, input: &Value) -> Result<u64, Stop> {
    match seconds {
        MaybePath::Literal(seconds) => Ok(*seconds),
        MaybePath::Path(path) => {
            let value = referenced(visit, path, input, "SecondsPath")?;
            let (path, fail) = (path.source(), |sentence: String| Stop::from(Failed::runtime(sentence)));
            match value.as_i64() {
                Some(seconds) => u64::try_from(seconds).map_err(|_| {
                    fail(format!("The SecondsPath parameter references a negative value: {path} == {value}"))
                }),
                None => {
                    Err(fail(format!("The SecondsPath parameter cannot be parsed as a long value: {path} == {value}")))
                }
            }
        }
        MaybePath::Expression(expression) => {
            let value = visit.expression(expression, "Seconds", Sees::input(input))?;
            if value.as_number().is_none() {
                return Err(unexpected(expression, "Seconds", "number", &value));
            }
            as_count(&value).ok_or_else(|| {
                unusable("Seconds", format!("The Seconds field must be an integer that is not negative: {value}"))
            })
        }
    }
}

fn timestamp_of(visit: &Visit<'_>, timestamp: &MaybePath<Text>, input: &Value) -> Result<Timestamp, Stop> {
    match timestamp {
        MaybePath::Literal(text) => parse_timestamp(text).ok_or_else(|| {
            Failed::runtime(format!(
                "The Timestamp parameter does not reference a valid ISO-8601 extended offset date-time format string: \
                 {text}"
            ))
            .into()
        }),
        MaybePath::Path(path) => {
            let value = referenced(visit, path, input, "TimestampPath")?;
            value.as_str().and_then(parse_timestamp).ok_or_else(|| {
                let found = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Failed::runtime(format!(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
                     string: {} == {found}",
                    path.source()
                ))
                .into()
            })
        }
        MaybePath::Expression(expression) => {
            let value = visit.expression(expression, "Timestamp", Sees::input(input))?;
            let Some(text) = value.as_str() else {
                return Err(unexpected(expression, "Timestamp", "string", &value));
            };
            parse_timestamp(text).ok_or_else(|| {
                let what =
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string";
                unusable("Timestamp", format!("{what}: {text}"))
            })
        }
    }
}

fn referenced(visit: &Visit<'_>, path: &Path, input: &Value, field: &str) -> Result<Value, Stop> {
    visit.find(path, input)?.ok_or_else(|| {
        let sentence = format!("The {field} parameter does not reference an input value: {}", path.source());
        Failed::runtime(sentence).into()
    })
}

/// An expression gave a value of the right type that is of no use.
fn unusable(field: &str, sentence: String) -> Stop {
    let (error, location) = (QUERY_EVALUATION_ERROR, Some(field.to_owned()));
    Failed::Evaluating(Evaluating { error, sentence, location, after_entered: true }).into()
}

/// `2016-12-05T21:29:29.123Z`: a date, `T`, a time and an offset or `Z`, all of them.
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let time = text.get(11..)?;
    let has_offset = time.ends_with('Z') || time.contains(['+', '-']);
    let is_extended = text.as_bytes().get(10) == Some(&b'T') && has_offset && !text.contains('[');
    if is_extended { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::parse_timestamp;

    #[test]
    fn timestamps_have_date_time_and_offset() {
        let valid = [
            "2016-12-05T21:29:29Z",
            "2016-12-05T21:29:29.5Z",
            "2016-12-05T21:29:29.000000000Z",
            "2016-12-05T21:29:29+02:00",
            "2016-12-05T21:29Z",
        ];
        for text in valid {
            assert!(parse_timestamp(text).is_some(), "{text}");
        }
        let invalid =
            ["", "2016-12-05", "2016-12-05 21:29:29Z", "2016-12-05T21:29:29", "05-12-2016T21:29:29Z", "x", "€€€€€€"];
        for text in invalid {
            assert!(parse_timestamp(text).is_none(), "{text}");
        }
    }
}
