//! The parts of a parsed path, and its normalized text (`$['a'][0]`), which AWS's messages quote.

use super::filter::Filter;
use super::function::{Argument, Call};
use json::Text;
use std::fmt;

/// A path: where it starts, and the segments that lead on from there.
#[derive(Debug)]
pub(super) struct Query {
    pub root: Root,
    pub segments: Vec<Segment>,
    /// A function at the end: `$.list.length()`.
    pub function: Option<Call>,
}

#[derive(Debug)]
pub(super) enum Root {
    /// `$`
    Input,
    /// `$$`
    ContextObject,
    /// `$name`
    Variable(Text),
    /// `@`, inside a filter.
    Current,
}

#[derive(Debug)]
pub(super) enum Segment {
    /// `.a`, `['a']`
    Member(Text),
    /// `['a','b']`: at the end an object of both, elsewhere one after the other.
    Members(Vec<Text>),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[0,1]`
    Indices(Vec<i64>),
    /// `[from:to:step]`
    Slice(Box<Slice>),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`: the value itself and all below it.
    Descend,
    /// `[?(…)]`
    Filter(Box<Filter>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub step: Option<i64>,
}

impl Query {
    pub fn is_definite(&self) -> bool {
        if self.function.is_some() && matches!(self.segments.first(), Some(Segment::Descend)) {
            return true;
        }
        self.has_definite_segments()
    }

    /// Whether the path, without its function, can match at most one place.
    pub fn has_definite_segments(&self) -> bool {
        self.segments.iter().enumerate().all(|(position, segment)| match segment {
            Segment::Member(_) | Segment::Index(_) => true,
            Segment::Members(_) => position + 1 == self.segments.len(),
            _ => false,
        })
    }

    /// The first variable that it reads, in a filter too.
    pub fn variable(&self) -> Option<&str> {
        if let Root::Variable(name) = &self.root {
            return Some(name);
        }
        let in_filter = self.segments.iter().find_map(|segment| match segment {
            Segment::Filter(filter) => filter.variable(),
            _ => None,
        });
        in_filter.or_else(|| self.function.as_ref()?.arguments.iter().find_map(Argument::variable))
    }

    /// The normalized text of the path up to the segment at `end`.
    pub fn normalized(&self, end: usize) -> String {
        let mut text = self.root.to_string();
        for segment in self.segments.iter().take(end) {
            text.push_str(&segment.to_string());
        }
        text
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalized(self.segments.len()))?;
        match &self.function {
            Some(call) => write!(f, ".{}()", call.name()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // AWS applies `$$.x` as `$.x` to the context object.
            Root::Input | Root::ContextObject => f.write_str("$"),
            Root::Variable(name) => write!(f, "${name}"),
            Root::Current => f.write_str("@"),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Member(name) => write!(f, "['{name}']"),
            Segment::Members(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                write!(f, "[{}]", quoted.join(","))
            }
            Segment::Index(index) => write!(f, "[{index}]"),
            Segment::Indices(indices) => {
                let indices: Vec<String> = indices.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", indices.join(","))
            }
            Segment::Slice(slice) => slice.fmt(f),
            Segment::Wildcard => f.write_str("[*]"),
            Segment::Descend => f.write_str(".."),
            Segment::Filter(_) => f.write_str("[?]"),
        }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |bound: Option<i64>| bound.map_or(String::new(), |bound| bound.to_string());
        write!(f, "[{}:{}", bound(self.from), bound(self.to))?;
        match self.step {
            Some(step) => write!(f, ":{step}]"),
            None => f.write_str("]"),
        }
    }
}
