//! Payload Templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign` … of JSONPath states.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-payload-template.html>

use crate::intrinsics::{Call, bounded};
use crate::{Ambient, Failure, Location, Path, Scope, SyntaxError};
use json::{Object, Text, Value};
use std::sync::Arc;

/// With more paths than this, what a template makes is measured: each may put a whole payload into it.
const UNMEASURED_PATHS_MAX: usize = 16;

/// A template whose `….$` members are paths or intrinsic calls.
#[derive(Clone, Debug)]
pub struct PayloadTemplate {
    root: Arc<Node>,
    paths: usize,
}

#[derive(Debug)]
enum Node {
    /// Has no `.$` member in it, so it is shared with all that is made from it.
    Constant(Value),
    Array(Vec<Node>),
    Object(Vec<(Text, Node)>),
    /// The member as it is written, `name.$`, and what it holds.
    Dynamic(Text, PathOrCall),
}

impl PayloadTemplate {
    /// `at` is where the template stands. Each fault has the location of the object whose member is wrong: `at` itself
    /// for a member of the template, `…/a/b` for one of the object `b` in `a`. The message names the member.
    pub fn parse<'t>(
        template: &'t Value,
        at: &Location<'t>,
    ) -> Result<PayloadTemplate, Vec<(Location<'t>, SyntaxError)>> {
        let mut compiler = Compiler::default();
        let root = compiler.node(template, at);
        if compiler.faults.is_empty() {
            return Ok(PayloadTemplate { root: Arc::new(root), paths: compiler.paths });
        }
        Err(compiler.faults)
    }

    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        let value = self.root.evaluate(scope, ambient)?;
        if self.paths > UNMEASURED_PATHS_MAX { bounded(value, ambient) } else { Ok(value) }
    }

    /// The names of the members, when it is an object; without `.$`.
    pub fn names(&self) -> Vec<&str> {
        match &*self.root {
            Node::Constant(Value::Object(object)) => object.keys().map(|name| &**name).collect(),
            Node::Object(members) => members.iter().map(|(name, _)| &**name).collect(),
            Node::Constant(_) | Node::Array(_) | Node::Dynamic(..) => Vec::new(),
        }
    }

    /// The variables that it reads.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.collect_variables(&mut names);
        names
    }
}

#[derive(Default)]
struct Compiler<'t> {
    faults: Vec<(Location<'t>, SyntaxError)>,
    paths: usize,
}

impl<'t> Compiler<'t> {
    fn node(&mut self, template: &'t Value, at: &Location<'t>) -> Node {
        let paths_before = self.paths;
        let node = match template {
            Value::Array(elements) => {
                let elements = elements.iter().enumerate();
                Node::Array(elements.map(|(index, element)| self.node(element, &at.element(index))).collect())
            }
            Value::Object(object) => {
                Node::Object(object.iter().map(|(key, value)| self.member(key, value, at)).collect())
            }
            _ => return Node::Constant(template.clone()),
        };
        if self.paths == paths_before { Node::Constant(template.clone()) } else { node }
    }

    fn member(&mut self, key: &'t Text, value: &'t Value, at: &Location<'t>) -> (Text, Node) {
        let Some(name) = key.strip_suffix(".$") else {
            return (key.clone(), self.node(value, &at.member(key)));
        };
        self.paths += 1;
        let fault = match value.as_str().map(PathOrCall::parse) {
            Some(Ok(parsed)) => return (name.into(), Node::Dynamic(key.clone(), parsed)),
            Some(Err(_)) => {
                format!("The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call")
            }
            None => {
                let found = java_type_name(value);
                format!("The value for the field '{key}' must be a STRING that contains a JSONPath but was {found}")
            }
        };
        self.faults.push((at.clone(), SyntaxError::invalid(fault)));
        (name.into(), Node::Constant(Value::Null))
    }
}

/// A type with its article, as AWS's validation names it.
fn java_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "a BOOLEAN",
        Value::Number(number) if number.is_integer() => "an INTEGER",
        Value::Number(_) => "a NUMBER",
        Value::String(_) => "a STRING",
        Value::Array(_) => "an ARRAY",
        Value::Object(_) => "an OBJECT",
    }
}

impl Node {
    fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        match self {
            Node::Constant(value) => Ok(value.clone()),
            Node::Dynamic(field, dynamic) => dynamic.evaluate(scope, ambient, field),
            Node::Array(nodes) => {
                let elements: Result<Vec<Value>, Failure> =
                    nodes.iter().map(|node| node.evaluate(scope, ambient)).collect();
                Ok(Value::Array(Arc::new(elements?)))
            }
            Node::Object(members) => {
                let mut object = Object::new();
                for (name, node) in members {
                    object.insert(name.clone(), node.evaluate(scope, ambient)?);
                }
                Ok(Value::Object(object))
            }
        }
    }

    fn collect_variables<'t>(&'t self, names: &mut Vec<&'t str>) {
        match self {
            Node::Constant(_) => {}
            Node::Dynamic(_, dynamic) => names.extend(dynamic.variables()),
            Node::Array(nodes) => nodes.iter().for_each(|node| node.collect_variables(names)),
            Node::Object(members) => members.iter().for_each(|(_, node)| node.collect_variables(names)),
        }
    }
}

/// A path or an intrinsic call: what a `.$` member, `ErrorPath` and `CausePath` hold.
#[derive(Clone, Debug)]
pub enum PathOrCall {
    Path(Path),
    Call(Call),
}

impl PathOrCall {
    pub fn parse(text: &str) -> Result<PathOrCall, SyntaxError> {
        if text.starts_with("States.") {
            return Call::parse(text).map(PathOrCall::Call);
        }
        Path::parse(text).map(PathOrCall::Path)
    }

    /// The value; `field` is the name that failures quote.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<Value, Failure> {
        match self {
            PathOrCall::Call(call) => call.evaluate(scope, ambient),
            PathOrCall::Path(path) if path.is_definite() => path.evaluate_field(scope, ambient, field),
            PathOrCall::Path(path) => bounded(path.evaluate_field(scope, ambient, field)?, ambient),
        }
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        match self {
            PathOrCall::Path(path) => path.source(),
            PathOrCall::Call(call) => call.source(),
        }
    }

    /// The variables that it reads.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            PathOrCall::Path(path) => path.variable().into_iter().collect(),
            PathOrCall::Call(call) => call.variables(),
        }
    }
}

#[cfg(test)]
mod tests;
