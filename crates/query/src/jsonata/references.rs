//! What an expression reads, found once when it is parsed.
//!
//! `$states.input.a.b + 1` needs one number, not the 256 KiB around it. Each chain of names that starts at a
//! variable is a [`Reference`]; it is taken out of the tree and replaced by a variable of its own (*hoisted*), so
//! that an evaluation walks the JSON value and converts only what it finds. A chain that goes through an array
//! (`$states.input.items.price`) means a mapping: then the tree as it was written is evaluated instead, and the
//! variables are converted as far as any reference reaches.

use super::convert::Intake;
use super::engine::{Data, Fault, STATES_MEMBERS};
use super::visit::{each_child, is_plain};
use indexmap::IndexMap;
use json::Value;
use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::JValue;
use std::collections::{BTreeSet, HashSet};

/// A variable, and the chain of names that is read from it: `$states.input.a` is `states`, `[input, a]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

/// Where a reference leads.
pub(super) enum Found<'a> {
    Value(&'a Value),
    Nothing,
    /// An array on the way maps the rest of the chain over its items.
    Mapped,
}

/// All that an expression reads and binds.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    /// Those with a path are bound to `#0`, `#1` … in the hoisted tree, the others to their own name.
    pub(super) list: Vec<Reference>,
    /// Names of called functions: a variable of that name hides the function.
    pub(super) called: BTreeSet<String>,
    /// Names that the expression itself binds somewhere.
    pub(super) bound: HashSet<String>,
    /// Members of `$states` that are named, sorted.
    pub(super) states_members: BTreeSet<String>,
}

/// Finds the references of `node` and hoists those with a path.
pub(super) fn hoist(node: &mut AstNode) -> References {
    let mut references = References::default();
    collect_bound(node, &mut references.bound);
    hoist_node(node, &mut references);
    references
}

/// The name that the hoisted reference number `index` is bound to. No expression can spell it.
pub(super) fn hoisted_name(index: usize) -> String {
    format!("#{index}")
}

fn collect_bound(node: &mut AstNode, bound: &mut HashSet<String>) {
    match node {
        AstNode::Lambda { params, .. } => bound.extend(params.iter().cloned()),
        AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
            if let AstNode::Variable(name) = &**lhs {
                bound.insert(name.clone());
            }
        }
        AstNode::Path { steps } => {
            for step in steps {
                bound.extend(step.focus.iter().chain(&step.index_var).cloned());
                bound.extend(step.stages.iter().filter_map(|stage| match stage {
                    Stage::Index(name) => Some(name.clone()),
                    Stage::Filter(_) | Stage::KeepArray => None,
                }));
            }
        }
        _ => {}
    }
    each_child(node, &mut |child| collect_bound(child, bound));
}

fn hoist_node(node: &mut AstNode, references: &mut References) {
    match node {
        AstNode::Path { steps } => {
            references.states_members.extend(states_member(steps));
            if let Some(index) = hoist_path(steps, references)
                && steps.len() == 1
                && steps.first().is_some_and(is_plain)
            {
                *node = AstNode::Variable(hoisted_name(index));
                return;
            }
        }
        AstNode::Variable(name) if !name.is_empty() && !name.starts_with('#') => {
            references.add(Reference { name: name.clone(), path: Vec::new() });
        }
        AstNode::Function { name, .. } => {
            references.called.insert(name.clone());
        }
        _ => {}
    }
    each_child(node, &mut |child| hoist_node(child, references));
}

/// Replaces the leading `$variable.name.name` of a path by one hoisted variable, and says which.
fn hoist_path(steps: &mut Vec<PathStep>, references: &mut References) -> Option<usize> {
    let first = steps.first().filter(|step| is_plain(step))?;
    let AstNode::Variable(name) = &first.node else { return None };
    let bindings = steps.iter().any(|step| step.is_tuple || step.ancestor_label.is_some());
    if name.is_empty() || bindings || references.bound.contains(name) {
        return None;
    }
    let path: Vec<String> = steps.iter().skip(1).map_while(plain_name).collect();
    if path.is_empty() {
        return None;
    }
    let length = path.len();
    let index = references.add(Reference { name: name.clone(), path });
    let hoisted = PathStep::new(AstNode::Variable(hoisted_name(index)));
    steps.splice(..=length, [hoisted]);
    Some(index)
}

/// `result` of `$states.result[0]`.
fn states_member(steps: &[PathStep]) -> Option<String> {
    match steps {
        [first, second, ..] => match (&first.node, &second.node) {
            (AstNode::Variable(name), AstNode::Name(member)) if name == "states" => Some(member.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn plain_name(step: &PathStep) -> Option<String> {
    match &step.node {
        AstNode::Name(name) if is_plain(step) => Some(name.clone()),
        _ => None,
    }
}

impl References {
    fn add(&mut self, reference: Reference) -> usize {
        self.list.iter().position(|known| *known == reference).unwrap_or_else(|| {
            self.list.push(reference);
            self.list.len() - 1
        })
    }

    /// Whether `$states` is read as a whole, or this member of it.
    pub(super) fn may_read_states(&self, member: &str) -> bool {
        let of_states = self.list.iter().filter(|reference| reference.name == "states");
        of_states.map(|reference| reference.path.first()).any(|first| first.is_none_or(|first| first == member))
    }

    /// The variables that are read and never bound here, sorted, without `$states`.
    pub(super) fn variables(&self, is_builtin: impl Fn(&str) -> bool) -> Vec<String> {
        let free = |name: &&str| *name != "states" && !self.bound.contains(*name) && !is_builtin(name);
        let names: BTreeSet<&str> = self.list.iter().map(|reference| &*reference.name).filter(free).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The values of all variables in `data` that the tree as it was written can read.
    pub(super) fn bindings(&self, data: &dyn Data, intake: &Intake<'_>) -> Result<Vec<(String, JValue)>, Fault> {
        let names: BTreeSet<&str> = self.list.iter().map(|reference| &*reference.name).collect();
        let called = self.called.iter().map(|name| &**name).filter(|name| !names.contains(name));
        let bind = |name: &str| {
            let value = self.binding(name, data, intake).transpose()?;
            Some(value.map(|value| (name.to_owned(), value)))
        };
        names.iter().copied().chain(called).filter_map(bind).collect()
    }

    fn binding(&self, name: &str, data: &dyn Data, intake: &Intake<'_>) -> Result<Option<JValue>, Fault> {
        let of_name = self.list.iter().filter(|reference| reference.name == name);
        let paths: Vec<&[String]> = of_name.map(|reference| &*reference.path).collect();
        if name == "states" {
            return states(data, &paths, intake);
        }
        data.variable(name).map(|value| prune(value, &paths, intake)).transpose()
    }
}

impl Reference {
    /// Walks to the value.
    pub(super) fn find<'a>(&self, data: &'a dyn Data) -> Found<'a> {
        let mut path = &*self.path;
        let root = match (&*self.name, path) {
            ("states", [member, rest @ ..]) => {
                path = rest;
                data.states(member)
            }
            (name, _) => data.variable(name),
        };
        let Some(mut value) = root else { return Found::Nothing };
        for name in path {
            value = match value {
                Value::Object(members) => match members.get(name) {
                    Some(member) => member,
                    None => return Found::Nothing,
                },
                Value::Array(_) => return Found::Mapped,
                _ => return Found::Nothing,
            };
        }
        Found::Value(value)
    }
}

fn states(data: &dyn Data, paths: &[&[String]], intake: &Intake<'_>) -> Result<Option<JValue>, Fault> {
    let whole = paths.iter().any(|path| path.is_empty());
    let mut members = IndexMap::new();
    for member in STATES_MEMBERS {
        let below = below(paths, member);
        if (whole || !below.is_empty())
            && let Some(value) = data.states(member)
        {
            let value = if whole { intake.take(value) } else { prune(value, &below, intake) };
            members.insert(member.to_owned(), value?);
        }
    }
    // A plain variable in the reference suite, which knows no `$states`.
    if members.is_empty() {
        return data.variable("states").map(|value| intake.take(value)).transpose();
    }
    Ok(Some(JValue::object(members)))
}

/// What is left of the paths that start with `name`.
fn below<'a>(paths: &[&'a [String]], name: &str) -> Vec<&'a [String]> {
    paths
        .iter()
        .filter_map(|path| path.split_first().filter(|(first, _)| *first == name).map(|(_, rest)| rest))
        .collect()
}

/// `value` with only those members of objects that a path leads to.
fn prune(value: &Value, paths: &[&[String]], intake: &Intake<'_>) -> Result<JValue, Fault> {
    let Value::Object(object) = value else { return intake.take(value) };
    if paths.is_empty() || paths.iter().any(|path| path.is_empty()) {
        return intake.take(value);
    }
    let names: BTreeSet<&String> = paths.iter().filter_map(|path| path.first()).collect();
    let members = names.into_iter().filter_map(|name| {
        let member = object.get(name)?;
        Some(prune(member, &below(paths, name), intake).map(|member| (name.clone(), member)))
    });
    Ok(JValue::object(members.collect::<Result<_, _>>()?))
}
