//! What an expression can see.

use crate::ContextObject;
use json::{Object, Value};

/// The input, the context object and the variables that an evaluation sees.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// `$` in JSONPath, `$states.input` in JSONata.
    pub input: &'a Value,
    /// `$states.result`: the result of a Task, Parallel or Map.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`: only in a Catch.
    pub error_output: Option<&'a Value>,
    /// `$$` in JSONPath, `$states.context` in JSONata.
    pub context: &'a ContextObject,
    /// `$name` in both.
    pub variables: &'a Variables<'a>,
}

/// The variables of all enclosing scopes, innermost first.
#[derive(Clone, Debug, Default)]
pub struct Variables<'a> {
    pub scopes: Vec<&'a Object>,
}

impl<'a> Variables<'a> {
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.scopes.iter().find_map(|scope| scope.get(name))
    }
}
