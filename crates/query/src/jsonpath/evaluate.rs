//! Applies a path to borrowed values, segment by segment.
//!
//! A hostile path (`$..*..*`, filters inside filters) could visit a value again and again, so every visit spends fuel of
//! the step.

use super::function::{Argument, Call};
use super::query::{Query, Root, Segment, Slice};
use crate::{Ambient, Exhausted, Scope};
use json::{Object, Value};
use std::cell::Cell;

/// How many values one evaluation may find at a time.
const RESULTS_MAX: usize = 200_000;
/// Fuel to begin with a path, to visit a value, and to look for a member or an element.
const PATH_FUEL: u64 = 50;
const VISIT_FUEL: u64 = 20;
const STEP_FUEL: u64 = 4;

/// What a path gives.
pub(super) enum Outcome {
    Found(Value),
    Missing(Missing),
}

/// Where a path ended too early.
pub(super) struct Missing {
    /// The position of the segment that led nowhere.
    at: usize,
    why: Why,
}

pub(super) enum Why {
    /// There is no such member or element.
    Absent,
    /// Members are asked of what is not an object.
    NotAnObject(&'static str),
    /// Elements are asked of what is not an array.
    NotAnArray(Value),
    /// A function has nothing to compute with.
    NothingToCompute,
}

impl Missing {
    fn new(at: usize, why: Why) -> Missing {
        Missing { at, why }
    }

    /// Jayway's sentence.
    pub fn describe(&self, query: &Query) -> String {
        let is_last = self.at + 1 >= query.segments.len();
        let segment = query.segments.get(self.at).map(ToString::to_string).unwrap_or_default();
        match &self.why {
            Why::Absent if is_last || !matches!(query.segments.get(self.at), Some(Segment::Member(_))) => {
                format!("No results for path: {query}")
            }
            Why::Absent => format!("Missing property in path {}", query.normalized(self.at + 1)),
            Why::NotAnObject(found) => {
                let place = query.normalized(self.at);
                format!("Expected to find an object with property {segment} in path {place} but found '{found}'")
            }
            Why::NotAnArray(found) => {
                format!("Filter: {segment} can only be applied to arrays. Current context is: {found}")
            }
            Why::NothingToCompute => "Aggregation function attempted to calculate value using empty array".to_owned(),
        }
    }

    /// The step that could not be made, as it is named in a Reference Path.
    pub fn step(&self, query: &Query) -> String {
        match query.segments.get(self.at) {
            Some(Segment::Member(name)) => name.to_string(),
            Some(segment) => segment.to_string(),
            None => query.root.to_string(),
        }
    }
}

/// What filters look at, besides the value that they judge.
pub(super) struct Walk<'s> {
    scope: &'s Scope<'s>,
    pub ambient: &'s Ambient,
    /// Bytes that functions may still make.
    bytes_left: Cell<usize>,
}

/// An error when the fuel of the step does not suffice, or too much is found.
pub(super) fn evaluate(query: &Query, scope: &Scope<'_>, ambient: &Ambient) -> Result<Outcome, Exhausted> {
    ambient.spend(PATH_FUEL)?;
    Walk { scope, ambient, bytes_left: Cell::new(ambient.budget.memory_bytes) }.outcome(query, scope.input)
}

impl<'s> Walk<'s> {
    /// What `query` gives where `@` is `current`.
    pub fn outcome(&self, query: &'s Query, current: &'s Value) -> Result<Outcome, Exhausted> {
        self.ambient.spend(STEP_FUEL * query.segments.len() as u64)?;
        let Some(root) = self.root(query, current) else {
            return Ok(Outcome::Missing(Missing::new(0, Why::Absent)));
        };
        if let Some(call) = &query.function {
            return self.call(query, call, root);
        }
        self.select(query, root)
    }

    /// Only whether `query` leads anywhere.
    pub fn exists(&self, query: &'s Query, current: &'s Value) -> Result<bool, Exhausted> {
        Ok(match self.outcome(query, current)? {
            Outcome::Found(Value::Array(found)) if !query.is_definite() => !found.is_empty(),
            Outcome::Found(_) => true,
            Outcome::Missing(_) => false,
        })
    }

    pub fn visit(&self) -> Result<(), Exhausted> {
        self.ambient.spend(VISIT_FUEL)
    }

    fn root(&self, query: &Query, current: &'s Value) -> Option<&'s Value> {
        match &query.root {
            Root::Input => Some(self.scope.input),
            Root::ContextObject => Some(self.scope.context.value()),
            Root::Variable(name) => self.scope.variables.get(name),
            Root::Current => Some(current),
        }
    }

    /// Applies the function at the end. Behind `..` it takes all that was found, elsewhere each on its own.
    fn call(&self, query: &'s Query, call: &'s Call, root: &'s Value) -> Result<Outcome, Exhausted> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            match argument {
                Argument::Literal(value) => arguments.push(value.clone()),
                Argument::Path(path) => match self.outcome(path, root)? {
                    Outcome::Found(value) => arguments.push(value),
                    missing @ Outcome::Missing(_) => return Ok(missing),
                },
            }
        }
        let found = match self.select(query, root)? {
            Outcome::Found(found) => found,
            missing @ Outcome::Missing(_) => return Ok(missing),
        };
        if !query.is_definite()
            && let Value::Array(each) = &found
        {
            let mut results = Vec::new();
            for value in each.iter() {
                results.extend(self.apply(call, value, &arguments)?);
            }
            return Ok(Outcome::Found(Value::from(results)));
        }
        let missing = || Outcome::Missing(Missing::new(query.segments.len(), Why::NothingToCompute));
        Ok(self.apply(call, &found, &arguments)?.map_or_else(missing, Outcome::Found))
    }

    fn apply(&self, call: &Call, value: &Value, arguments: &[Value]) -> Result<Option<Value>, Exhausted> {
        let bytes = call.bytes(value, arguments);
        self.ambient.spend(VISIT_FUEL + bytes as u64)?;
        self.bytes_left.set(self.bytes_left.get().checked_sub(bytes).ok_or(Exhausted)?);
        Ok(call.apply(value, arguments))
    }

    fn select(&self, query: &'s Query, root: &'s Value) -> Result<Outcome, Exhausted> {
        let mut value = root;
        for (at, segment) in query.segments.iter().enumerate() {
            let next = match segment {
                Segment::Member(name) => member(value, name),
                Segment::Index(index) => element(value, *index),
                _ => {
                    let rest = query.segments.get(at..).unwrap_or_default();
                    return self.select_many(rest, at, value);
                }
            };
            match next {
                Ok(next) => value = next,
                // What comes behind may be indefinite, and then nothing found is an empty array.
                Err(Why::Absent) if !query.has_definite_segments() => {
                    return Ok(Outcome::Found(Value::Array(std::sync::Arc::default())));
                }
                Err(why) => return Ok(Outcome::Missing(Missing::new(at, why))),
            }
        }
        Ok(Outcome::Found(value.clone()))
    }

    /// Goes on with segments of which the first may match in many places. Up to there the path was definite.
    fn select_many(&self, segments: &'s [Segment], at: usize, value: &'s Value) -> Result<Outcome, Exhausted> {
        let first_is_of_array = matches!(segments.first(), Some(Segment::Indices(_) | Segment::Slice(_)));
        if first_is_of_array && !matches!(value, Value::Array(_) | Value::Null) {
            return Ok(Outcome::Missing(Missing::new(at, Why::NotAnArray(value.clone()))));
        }
        let mut found = vec![value];
        for (position, segment) in segments.iter().enumerate() {
            if let Segment::Members(names) = segment
                && position + 1 == segments.len()
            {
                self.ambient.spend(STEP_FUEL * (names.len() * found.len()) as u64)?;
                let merged: Vec<Value> = found.into_iter().filter_map(|value| merge(value, names)).collect();
                return Ok(match (position, merged.first()) {
                    (0, Some(only)) => Outcome::Found(only.clone()),
                    (0, None) => Outcome::Missing(Missing::new(at, Why::Absent)),
                    _ => Outcome::Found(Value::from(merged)),
                });
            }
            let mut next = Vec::new();
            for value in found {
                self.matches(segment, value, &mut next)?;
                if next.len() > RESULTS_MAX {
                    return Err(Exhausted);
                }
            }
            found = next;
        }
        Ok(Outcome::Found(found.into_iter().collect()))
    }

    /// Adds all that one segment matches in `value`.
    fn matches(&self, segment: &'s Segment, value: &'s Value, found: &mut Vec<&'s Value>) -> Result<(), Exhausted> {
        self.visit()?;
        match segment {
            Segment::Member(name) => found.extend(member(value, name).ok()),
            Segment::Members(names) => {
                self.ambient.spend(STEP_FUEL * names.len() as u64)?;
                found.extend(names.iter().filter_map(|name| member(value, name).ok()));
            }
            Segment::Index(index) => found.extend(element(value, *index).ok()),
            Segment::Indices(indices) => {
                self.ambient.spend(STEP_FUEL * indices.len() as u64)?;
                found.extend(indices.iter().filter_map(|index| element(value, *index).ok()));
            }
            Segment::Slice(slice) => slice_of(value.as_array().unwrap_or_default(), **slice, found),
            Segment::Wildcard => children(value).for_each(|child| found.push(child)),
            Segment::Descend => self.descend(value, found)?,
            Segment::Filter(filter) => match value {
                Value::Array(elements) => {
                    for element in elements.iter() {
                        if filter.accepts(self, element)? {
                            found.push(element);
                        }
                    }
                }
                Value::Object(_) if filter.accepts(self, value)? => found.push(value),
                _ => {}
            },
        }
        Ok(())
    }

    /// Adds `value` and all below it, each before what is in it.
    fn descend(&self, value: &'s Value, found: &mut Vec<&'s Value>) -> Result<(), Exhausted> {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            self.visit()?;
            if found.len() > RESULTS_MAX {
                return Err(Exhausted);
            }
            found.push(value);
            let first_child = open.len();
            open.extend(children(value));
            if let Some(new) = open.get_mut(first_child..) {
                new.reverse();
            }
        }
        Ok(())
    }
}

/// The elements of an array, or the values of an object's members.
fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(object) => Box::new(object.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Why> {
    match value {
        Value::Object(object) => object.get(name).ok_or(Why::Absent),
        other => Err(Why::NotAnObject(java_type(other))),
    }
}

/// The element at an index that may count from the end.
pub(super) fn element(value: &Value, index: i64) -> Result<&Value, Why> {
    match value {
        Value::Array(elements) => {
            position(index, elements.len()).and_then(|position| elements.get(position)).ok_or(Why::Absent)
        }
        other => Err(Why::NotAnArray(other.clone())),
    }
}

/// The Java class by which Jayway names what it found.
fn java_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_integer() => "java.lang.Integer",
        Value::Number(_) => "java.lang.Double",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}

/// The position of an index that may count from the end.
fn position(index: i64, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(position) => Some(position),
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// The object of those named members that are there.
fn merge(value: &Value, names: &[json::Text]) -> Option<Value> {
    let object = value.as_object()?;
    let members = names.iter().filter_map(|name| Some((name.clone(), object.get(name)?.clone())));
    Some(Value::Object(members.collect::<Object>()))
}

fn slice_of<'v>(elements: &'v [Value], slice: Slice, found: &mut Vec<&'v Value>) {
    let len = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let step = slice.step.unwrap_or(1);
    let from_end = |bound: i64| if bound < 0 { bound.saturating_add(len) } else { bound };
    let (mut at, end) = if step > 0 {
        (slice.from.map_or(0, from_end).clamp(0, len), slice.to.map_or(len, from_end).clamp(0, len))
    } else {
        (slice.from.map_or(len - 1, from_end).clamp(-1, len - 1), slice.to.map_or(-1, from_end).clamp(-1, len - 1))
    };
    while step != 0 && if step > 0 { at < end } else { at > end } {
        found.extend(usize::try_from(at).ok().and_then(|position| elements.get(position)));
        at = at.saturating_add(step);
    }
}
