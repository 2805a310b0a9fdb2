//! Comparing what the definition makes with what the history shows.

use super::Replay;
use crate::Texts;
use crate::event::{HistoryEvent, excerpt};
use crate::failure::{Cause, Failure};
use crate::verdict::Rule;
use crate::visit::Visit;
use crate::world::{Likeness, World};
use json::{Object, Payload, Text, Value};

/// How texts are compared.
#[derive(Clone, Copy)]
pub(super) struct Comparing<'d> {
    texts: Texts<'d>,
}

impl<'d> Comparing<'d> {
    pub(super) fn new(texts: Texts<'d>) -> Comparing<'d> {
        Comparing { texts }
    }

    pub(super) fn are_alike(self, expected: &str, found: &str) -> bool {
        expected == found
            || match self.texts {
                Texts::Exact => false,
                Texts::SameValue => {
                    let (expected, found) = (Value::parse(expected), Value::parse(found));
                    expected.ok().zip(found.ok()).is_some_and(|(expected, found)| expected == found)
                }
                Texts::Alike(alike) => alike(expected, found),
            }
    }
}

impl Comparing<'_> {
    /// How many values have to be taken on trust, if what was found can be one of what the worlds make.
    fn trusted(self, samples: &[Value], found: &Value) -> Option<u64> {
        let are_alike = |expected: &Value, found: &Value| {
            expected == found || self.are_alike(&expected.to_string(), &found.to_string())
        };
        let is_ordered = matches!(self.texts, Texts::Exact);
        Likeness { are_alike: &are_alike, is_ordered }.trusted(samples, found)
    }
}

impl Replay<'_> {
    /// What the history shows as `member`: it must be `expected`, or differ from it only in what no history tells, as
    /// the samples of the other worlds show. Gives the value to go on with.
    pub(super) fn agree(
        &mut self,
        event: &HistoryEvent,
        member: &str,
        expected: &Payload,
        samples: impl FnOnce() -> Vec<Value>,
    ) -> Payload {
        let Some(found) = event.text(member) else {
            let message = format!("{} has no `{member}`; expected {}", event.event_type, excerpt(expected.text()));
            self.report(Rule::Data, message);
            return expected.clone();
        };
        if **found == **expected.text() {
            return expected.clone();
        }
        let Ok(value) = Payload::parse(found) else {
            self.report(Rule::Data, format!("`{member}` is no JSON: {}", excerpt(found)));
            return expected.clone();
        };
        if self.comparing.are_alike(expected.text(), found) {
            return value;
        }
        let is_compact = **value.text() == **found || !matches!(self.comparing.texts, Texts::Exact);
        let samples = if is_compact { samples() } else { Vec::new() };
        match self.comparing.trusted(&samples, value.value()) {
            // What agrees in all worlds was compared as a value, and is another text.
            Some(0) if matches!(self.comparing.texts, Texts::Exact) => self.differs(member, expected.text(), found),
            Some(count) => self.verdict.trusted += count,
            None => self.differs(member, expected.text(), found),
        }
        value
    }

    fn differs(&mut self, member: &str, expected: &str, found: &str) {
        let same = match (Value::parse(expected), Value::parse(found)) {
            (Ok(expected), Ok(found)) if expected == found => " (the same value in another text)",
            _ => "",
        };
        let at = expected.bytes().zip(found.bytes()).take_while(|(expected, found)| expected == found).count();
        let (expected, found) = (around(expected, at), around(found, at));
        self.report(Rule::Data, format!("`{member}` differs at byte {at}{same}: expected {expected}, found {found}"));
    }

    /// A value that is shown for the first time, and that nothing tells in advance: an answer of a task.
    pub(super) fn shown(&mut self, event: &HistoryEvent, member: &str) -> Payload {
        match event.text(member).map(|text| Payload::parse(text)) {
            Some(Ok(payload)) => payload,
            Some(Err(_)) => {
                self.report(Rule::Data, format!("`{member}` of {} is no JSON", event.event_type));
                Payload::default()
            }
            None => {
                self.report(Rule::Data, format!("{} has no `{member}`", event.event_type));
                Payload::default()
            }
        }
    }

    /// A member whose text is known.
    pub(super) fn expect_text(&mut self, event: &HistoryEvent, member: &str, expected: Option<&str>) {
        let found = event.text(member).map(|found| &**found);
        let agree = match (expected, found) {
            (Some(expected), Some(found)) => self.comparing.are_alike(expected, found),
            (expected, found) => expected == found,
        };
        if !agree {
            let shown =
                |text: Option<&str>| text.map_or_else(|| "nothing".to_owned(), |text| format!("`{}`", excerpt(text)));
            let (expected, found) = (shown(expected), shown(found));
            let message = format!("`{member}` of {} should be {expected} and is {found}", event.event_type);
            self.report(Rule::Details, message);
        }
    }

    /// A member whose number is known.
    pub(super) fn expect_number(&mut self, event: &HistoryEvent, member: &str, expected: Option<u64>) {
        let found = event.number(member);
        if expected != found {
            let shown = |number: Option<u64>| number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
            let (expected, found) = (shown(expected), shown(found));
            let message = format!("`{member}` of {} should be {expected} and is {found}", event.event_type);
            self.report(Rule::Details, message);
        }
    }

    /// Error and cause are those of the failure; gives the failure with its whole cause.
    pub(super) fn expect_failure(&mut self, event: &HistoryEvent, failure: &Failure) -> Failure {
        self.expect_text(event, "error", failure.error.as_deref());
        match &failure.cause {
            Cause::Known(cause) => {
                self.expect_text(event, "cause", cause.as_deref());
                failure.clone()
            }
            Cause::Begins(beginning) => {
                let found = event.text("cause").cloned();
                if found.as_ref().is_none_or(|found| !found.starts_with(&**beginning)) {
                    self.expect_text(event, "cause", Some(beginning));
                } else {
                    self.verdict.trusted += 1;
                }
                Failure { cause: Cause::Known(found), ..failure.clone() }
            }
        }
    }

    /// `assignedVariables` of an exit; gives the variables to go on with.
    pub(super) fn agree_on_variables(
        &mut self,
        event: &HistoryEvent,
        expected: Option<&Object>,
        samples: impl FnOnce() -> Vec<Value>,
    ) -> Option<Object> {
        let found = event.details.get("assignedVariables").and_then(Value::as_object);
        let (expected, found) = match (expected, found) {
            (None, None) => return None,
            (Some(expected), Some(found)) => (expected, found),
            (expected, _) => {
                let what = if expected.is_some() { "has no" } else { "should have no" };
                self.report(Rule::Data, format!("{} {what} `assignedVariables`", event.event_type));
                return expected.cloned();
            }
        };
        let is_same = |(name, value): (&Text, &Value)| {
            let shown = found.get(name).and_then(Value::as_str);
            shown.is_some_and(|shown| self.comparing.are_alike(&value.to_string(), shown))
        };
        if expected.len() == found.len() && expected.iter().all(is_same) {
            return Some(expected.clone());
        }
        let parse = |(name, value): (&Text, &Value)| Some((name.clone(), Value::parse(value.as_str()?).ok()?));
        let shown: Object = found.iter().filter_map(parse).collect();
        match self.comparing.trusted(&samples(), &Value::from(shown.clone())) {
            Some(count) if count > 0 => self.verdict.trusted += count,
            _ => {
                let (expected, found) =
                    (Value::Object(expected.clone()).to_string(), Value::Object(found.clone()).to_string());
                let (expected, found) = (excerpt(&expected), excerpt(&found));
                self.report(Rule::Data, format!("`assignedVariables` should be {expected} and are {found}"));
            }
        }
        Some(shown)
    }
}

/// What the other worlds make of the same; nothing when one of them cannot.
pub(super) fn sampled<'d>(visit: &Visit<'d>, make: impl Fn(&Visit<'d>, World) -> Option<Value>) -> Vec<Value> {
    let samples: Vec<Value> = World::others().map_while(|world| make(visit, world)).collect();
    if samples.len() == World::others().count() { samples } else { Vec::new() }
}

/// A piece of a text around a byte.
fn around(text: &str, at: usize) -> String {
    const BEFORE: usize = 40;
    let start = (0..=at.saturating_sub(BEFORE)).rev().find(|start| text.is_char_boundary(*start)).unwrap_or(0);
    let mark = if start > 0 { "…" } else { "" };
    format!("{mark}{}", excerpt(text.get(start..).unwrap_or_default()))
}
