//! [`Template`]: a JSON value with expressions in it.

use super::Expression;
use crate::{Ambient, Failure, Scope, SyntaxError};
use json::{Text, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A JSON value in which strings of the form `{% … %}` are expressions: `Arguments`, `Output`, `Assign` …
///
/// What holds no expression is shared with the definition, not copied.
#[derive(Clone, Debug)]
pub struct Template(Node);

#[derive(Clone, Debug)]
enum Node {
    Constant(Value),
    Expression(Expression),
    Array(Arc<[Node]>),
    Object(Arc<[(Text, Node)]>),
}

impl Template {
    /// Parses all expressions. Each fault comes with its place below the template: `/x/y[0]`.
    pub fn parse(template: &Value) -> Result<Template, Vec<(String, SyntaxError)>> {
        let mut faults = Vec::new();
        let node = parse(template, &mut String::new(), &mut faults);
        if faults.is_empty() { Ok(Template(node)) } else { Err(faults) }
    }

    /// `field` is the name of the field that holds it: locations are `Output/x/y[0]`.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<Value, Failure> {
        Evaluation { scope, ambient, place: field.to_owned() }.value(&self.0)
    }

    /// The expressions, each with its place below the template: `/x/y[0]`.
    pub fn expressions(&self) -> Vec<(String, &Expression)> {
        let mut found = Vec::new();
        collect_expressions(&self.0, &mut String::new(), &mut found);
        found
    }

    /// The names of the members, when it is an object.
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            Node::Constant(Value::Object(object)) => object.keys().map(|name| &**name).collect(),
            Node::Object(members) => members.iter().map(|(name, _)| &**name).collect(),
            Node::Constant(_) | Node::Expression(_) | Node::Array(_) => Vec::new(),
        }
    }

    /// The variables that its expressions read, sorted.
    pub fn variables(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        collect_variables(&self.0, &mut names);
        names.into_iter().collect()
    }
}

fn parse(value: &Value, place: &mut String, faults: &mut Vec<(String, SyntaxError)>) -> Node {
    match value {
        Value::String(text) => parse_text(value, text, place, faults),
        Value::Array(items) => {
            let items: Vec<Node> = items
                .iter()
                .enumerate()
                .map(|(index, item)| within(place, &format!("[{index}]"), |place| parse(item, place, faults)))
                .collect();
            if items.iter().all(Node::is_constant) { Node::Constant(value.clone()) } else { Node::Array(items.into()) }
        }
        Value::Object(members) => {
            let members: Vec<(Text, Node)> = members
                .iter()
                .map(|(key, member)| {
                    let node = within(place, &format!("/{key}"), |place| parse(member, place, faults));
                    (key.clone(), node)
                })
                .collect();
            let constant = members.iter().all(|(_, node)| node.is_constant());
            if constant { Node::Constant(value.clone()) } else { Node::Object(members.into()) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Node::Constant(value.clone()),
    }
}

fn parse_text(value: &Value, text: &str, place: &str, faults: &mut Vec<(String, SyntaxError)>) -> Node {
    if !text.starts_with("{%") && !text.ends_with("%}") {
        return Node::Constant(value.clone());
    }
    let parsed = match text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
        Some(inner) => Expression::parse(inner),
        None => Err(SyntaxError { message: "A JSONata expression must start with '{%' and end with '%}'".to_owned() }),
    };
    match parsed {
        Ok(expression) => Node::Expression(expression),
        Err(error) => {
            faults.push((place.to_owned(), error));
            Node::Constant(Value::Null)
        }
    }
}

/// Runs `inner` with `part` at the end of `place`, and takes it off again.
fn within<T>(place: &mut String, part: &str, inner: impl FnOnce(&mut String) -> T) -> T {
    let length = place.len();
    place.push_str(part);
    let result = inner(place);
    place.truncate(length);
    result
}

fn collect_expressions<'t>(node: &'t Node, place: &mut String, found: &mut Vec<(String, &'t Expression)>) {
    match node {
        Node::Constant(_) => {}
        Node::Expression(expression) => found.push((place.clone(), expression)),
        Node::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(place, &format!("[{index}]"), |place| collect_expressions(item, place, found));
            }
        }
        Node::Object(members) => {
            for (key, member) in members.iter() {
                within(place, &format!("/{key}"), |place| collect_expressions(member, place, found));
            }
        }
    }
}

fn collect_variables(node: &Node, names: &mut BTreeSet<String>) {
    match node {
        Node::Constant(_) => {}
        Node::Expression(expression) => names.extend(expression.variables()),
        Node::Array(items) => items.iter().for_each(|item| collect_variables(item, names)),
        Node::Object(members) => members.iter().for_each(|(_, member)| collect_variables(member, names)),
    }
}

impl Node {
    fn is_constant(&self) -> bool {
        matches!(self, Node::Constant(_))
    }
}

struct Evaluation<'a> {
    scope: &'a Scope<'a>,
    ambient: &'a Ambient,
    place: String,
}

impl Evaluation<'_> {
    fn value(&mut self, node: &Node) -> Result<Value, Failure> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Expression(expression) => expression.evaluate(self.scope, self.ambient, &self.place),
            Node::Array(items) => {
                let items = items.iter().enumerate().map(|(index, item)| self.below(&format!("[{index}]"), item));
                Ok(Value::Array(Arc::new(items.collect::<Result<_, _>>()?)))
            }
            Node::Object(members) => {
                let members =
                    members.iter().map(|(key, member)| Ok((key.clone(), self.below(&format!("/{key}"), member)?)));
                members.collect::<Result<Vec<(Text, Value)>, Failure>>().map(Value::from_iter)
            }
        }
    }

    fn below(&mut self, part: &str, node: &Node) -> Result<Value, Failure> {
        if let Node::Constant(value) = node {
            return Ok(value.clone());
        }
        let length = self.place.len();
        self.place.push_str(part);
        let value = self.value(node);
        self.place.truncate(length);
        value
    }
}
