//! What no history tells, told apart from what it does: by evaluating again in other worlds.
//!
//! The interpreter evaluates in one world, its best guess of the time, the names and the random numbers. Where the history
//! shows another value, the same is evaluated in other worlds, which differ in all that cannot be known. Where all worlds
//! agree, the history must agree too; where they differ, the value is taken from the history, if its form is right.

use jiff::Timestamp;
use json::{Text, Value};
use query::{Ambient, Budget};

/// How many worlds are looked at beside the first. Two values of a coin that fall the same way in all of them would be taken
/// for a constant: with as many the odds are one in 65,536.
const OTHERS: u64 = 16;

/// A way in which what cannot be known may have been; number 0 is the best guess.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World(u64);

impl World {
    pub(crate) const GUESS: World = World(0);

    pub(crate) fn others() -> impl Iterator<Item = World> {
        (1..=OTHERS).map(World)
    }

    /// A time of which only the guess is known.
    pub(crate) fn time_ms(self, guess_ms: i64) -> i64 {
        // About 400 days and some hours, minutes, seconds and milliseconds apart.
        const APART_MS: i64 = 34_567_891_234;
        guess_ms.saturating_add(APART_MS.saturating_mul(i64::try_from(self.0).unwrap_or(i64::MAX)))
    }

    /// A text of which only the guess is known.
    pub(crate) fn text(self, guess: &Text) -> Text {
        if self.0 == 0 { guess.clone() } else { format!("{guess}{}", self.0).into() }
    }

    /// Time and randomness of one evaluation.
    pub(crate) fn ambient(self, guess_ms: i64, budget: Budget) -> Ambient {
        Ambient::new(self.time_ms(guess_ms), self.0, budget)
    }
}

/// How values are compared with those of the worlds.
#[derive(Clone, Copy)]
pub(crate) struct Likeness<'a> {
    /// Whether a value that is the same in all worlds is the one that was found.
    pub(crate) are_alike: &'a dyn Fn(&Value, &Value) -> bool,
    /// Whether members must stand in their order.
    pub(crate) is_ordered: bool,
}

impl Likeness<'_> {
    /// How many values have to be taken from `found`, when `samples` are what the worlds make; `None` when `found` is none
    /// of what could have come out.
    pub(crate) fn trusted(self, samples: &[Value], found: &Value) -> Option<u64> {
        let samples: Vec<&Value> = samples.iter().collect();
        self.explain(&samples, found)
    }

    fn explain(self, samples: &[&Value], found: &Value) -> Option<u64> {
        let (first, others) = samples.split_first()?;
        if others.iter().all(|other| other == first) {
            return (self.are_alike)(first, found).then_some(0);
        }
        match found {
            Value::Object(members) if samples.iter().all(|sample| self.has_members(sample, members)) => {
                let of =
                    |name: &Text| -> Vec<&Value> { samples.iter().filter_map(|sample| sample.get(name)).collect() };
                members.iter().try_fold(0, |sum, (name, value)| Some(sum + self.explain(&of(name), value)?))
            }
            Value::Array(items) if samples.iter().all(|sample| has_length(sample, items.len())) => {
                let of = |index: usize| -> Vec<&Value> {
                    samples.iter().filter_map(|sample| sample.as_array()?.get(index)).collect()
                };
                items.iter().enumerate().try_fold(0, |sum, (index, item)| Some(sum + self.explain(&of(index), item)?))
            }
            Value::Object(_) | Value::Array(_) => {
                let has_type = samples.iter().any(|sample| sample.type_name() == found.type_name());
                // With one structure in all worlds, the history cannot have another one.
                (has_type && !same_structure(samples)).then_some(1)
            }
            _ => ((self.are_alike)(first, found) || has_form(samples, found)).then_some(1),
        }
    }

    fn has_members(self, sample: &Value, members: &json::Object) -> bool {
        let Some(sample) = sample.as_object() else { return false };
        if self.is_ordered {
            return sample.keys().eq(members.keys());
        }
        sample.len() == members.len() && members.keys().all(|name| sample.contains_key(name))
    }
}

fn has_length(sample: &Value, length: usize) -> bool {
    sample.as_array().is_some_and(|sample| sample.len() == length)
}

/// Whether the samples are all objects of the same members, or all arrays of the same length.
fn same_structure(samples: &[&Value]) -> bool {
    let Some((first, others)) = samples.split_first() else { return true };
    others.iter().all(|other| match (first, other) {
        (Value::Object(first), Value::Object(other)) => first.keys().eq(other.keys()),
        (Value::Array(first), Value::Array(other)) => first.len() == other.len(),
        _ => false,
    })
}

/// Whether a value has the form that those of all worlds have.
fn has_form(samples: &[&Value], found: &Value) -> bool {
    let same_type = samples.iter().all(|sample| sample.type_name() == found.type_name());
    if !same_type {
        return samples.iter().any(|sample| sample.type_name() == found.type_name());
    }
    let forms: [fn(&Value) -> bool; 3] = [|value| value.as_str().is_some_and(is_uuid), is_time, is_integer];
    forms.iter().all(|form| form(found) || !samples.iter().all(|sample| form(sample)))
}

/// Whether a text has the form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|character| character == '-' || character.is_ascii_hexdigit())
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok())
}

fn is_integer(value: &Value) -> bool {
    value.as_number().is_some_and(json::Number::is_integer)
}

/// Whether a query written so can read something that no history tells. Too cautious is right: what it says yes to is
/// decided by what the history shows.
pub(crate) fn is_volatile(source: &str) -> bool {
    const DRAWN: &[&str] = &["States.UUID", "States.MathRandom", "$random", "$uuid", "$now", "$millis", "$shuffle"];
    const KNOWN: &[&str] = &[
        ".Execution.Input",
        ".Execution.RoleArn",
        ".Execution.RedriveCount",
        ".State.Name",
        ".State.RetryCount",
        ".Map.Item.Index",
        ".Map.Item.Value",
        ".Map.Item.Key",
    ];
    let reads_unknown = |mark: &str| {
        source.match_indices(mark).any(|(at, _)| {
            let rest = source.get(at + mark.len()..).unwrap_or_default();
            !KNOWN.iter().any(|known| rest.starts_with(known))
        })
    };
    // `$states` on its own is all of it.
    let whole = |(at, mark): (usize, &str)| {
        !source.get(at + mark.len()..).is_some_and(|rest| rest.trim_start().starts_with('.'))
    };
    DRAWN.iter().any(|drawn| source.contains(drawn))
        || reads_unknown("$$")
        || reads_unknown("$states.context")
        || source.match_indices("$states").any(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[&str], found: &str, expected: Option<u64>) {
        let parse = |text: &&str| Value::parse(text).unwrap();
        let samples: Vec<Value> = samples.iter().map(parse).collect();
        let likeness = Likeness { are_alike: &|expected, found| expected == found, is_ordered: true };
        assert_eq!(likeness.trusted(&samples, &parse(&found)), expected, "{found}");
    }

    #[test]
    fn what_differs_between_worlds_is_taken_from_the_history() {
        let drawn = [r#"{"a":1,"b":0.5}"#, r#"{"a":1,"b":0.7}"#];
        check(&drawn, r#"{"a":1,"b":0.1}"#, Some(1));
        check(&drawn, r#"{"a":2,"b":0.1}"#, None);
        check(&drawn, r#"{"a":1,"b":"x"}"#, None);
        check(&drawn, r#"{"a":1}"#, None);
        check(&["[1,2]", "[2,1]"], "[3,4]", Some(2));
        check(&["[1,2]", "[2,1]"], "[3]", None);
        check(&["[1,2]", "[2]"], "[3]", Some(1));
        check(&[r#""a""#, r#""b""#], r#""c""#, Some(1));
    }

    #[test]
    fn forms_are_checked() {
        let uuids = [r#""0d1f5c3a-0000-4000-8000-000000000001""#, r#""0d1f5c3a-0000-4000-8000-000000000002""#];
        check(&uuids, r#""ffffffff-ffff-4fff-8fff-ffffffffffff""#, Some(1));
        check(&uuids, r#""ffffffff""#, None);
        let times = [r#""2026-01-01T00:00:00.000Z""#, r#""2027-01-01T00:00:00.000Z""#];
        check(&times, r#""2028-01-01T00:00:00.000Z""#, Some(1));
        check(&times, r#""later""#, None);
        check(&["1", "2"], "3", Some(1));
        check(&["1", "2"], "3.5", None);
    }

    #[test]
    fn queries_that_read_what_is_not_known() {
        for source in ["$uuid()", "$$.Execution.StartTime", "$$", "$states.context.Task.Token", "$string($states)"] {
            assert!(is_volatile(source), "{source}");
        }
        for source in ["$.a", "$$.Map.Item.Value.x", "$states.context.State.RetryCount", "$states.input", "$sum([1])"] {
            assert!(!is_volatile(source), "{source}");
        }
    }
}
