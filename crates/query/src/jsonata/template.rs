//! [`Template`]: a JSON value with expressions in it.

use super::Expression;
use crate::{Ambient, Failure, Location, Scope, SyntaxError};
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
    /// Parses all expressions. `at` is where the template stands; each fault comes with its own location.
    pub fn parse<'t>(template: &'t Value, at: &Location<'t>) -> Result<Template, Vec<(Location<'t>, SyntaxError)>> {
        let mut faults = Vec::new();
        let node = parse(template, at, &mut faults);
        if faults.is_empty() { Ok(Template(node)) } else { Err(faults) }
    }

    /// `field` is the name of the field that holds it: locations are `Output/x/y[0]`.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<Value, Failure> {
        Evaluation { scope, ambient, place: field.to_owned() }.value(&self.0)
    }

    /// Visits the expressions, each with its location. `at` is where the template stands.
    pub fn each_expression<'t>(&'t self, at: &Location<'t>, visit: &mut dyn FnMut(&Location<'t>, &'t Expression)) {
        each_expression(&self.0, at, visit);
    }

    /// The names of the members, when it is an object.
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            Node::Constant(Value::Object(object)) => object.keys().map(|name| &**name).collect(),
            Node::Object(members) => members.iter().map(|(name, _)| &**name).collect(),
            Node::Constant(_) | Node::Expression(_) | Node::Array(_) => Vec::new(),
        }
    }

    /// Whether this member of `$states` can be part of what its expressions read.
    pub fn may_read_states(&self, member: &str) -> bool {
        let mut may_read = false;
        self.each_expression(&Location::default(), &mut |_, expression| may_read |= expression.may_read_states(member));
        may_read
    }

    /// The variables that its expressions read, sorted.
    pub fn variables(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        self.each_expression(&Location::default(), &mut |_, expression| names.extend(expression.variables()));
        names.into_iter().collect()
    }
}

fn parse<'t>(value: &'t Value, at: &Location<'t>, faults: &mut Vec<(Location<'t>, SyntaxError)>) -> Node {
    match value {
        Value::String(text) => parse_text(value, text, at, faults),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items: Vec<Node> = items.map(|(index, item)| parse(item, &at.element(index), faults)).collect();
            if items.iter().all(Node::is_constant) { Node::Constant(value.clone()) } else { Node::Array(items.into()) }
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, member)| (key.clone(), parse(member, &at.member(key), faults)));
            let members: Vec<(Text, Node)> = members.collect();
            let constant = members.iter().all(|(_, node)| node.is_constant());
            if constant { Node::Constant(value.clone()) } else { Node::Object(members.into()) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Node::Constant(value.clone()),
    }
}

fn parse_text<'t>(value: &Value, text: &str, at: &Location<'t>, faults: &mut Vec<(Location<'t>, SyntaxError)>) -> Node {
    if !text.starts_with("{%") && !text.ends_with("%}") {
        return Node::Constant(value.clone());
    }
    match Expression::parse_marked(text) {
        Ok(expression) => Node::Expression(expression),
        Err(error) => {
            faults.push((at.clone(), error));
            Node::Constant(Value::Null)
        }
    }
}

fn each_expression<'t>(node: &'t Node, at: &Location<'t>, visit: &mut dyn FnMut(&Location<'t>, &'t Expression)) {
    match node {
        Node::Constant(_) => {}
        Node::Expression(expression) => visit(at, expression),
        Node::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_expression(item, &at.element(index), visit);
            }
        }
        Node::Object(members) => {
            for (key, member) in members.iter() {
                each_expression(member, &at.member(key), visit);
            }
        }
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
