//! JSONata with AWS's additions, bounded in time, memory and depth. (May become a folder.)
use crate::{Ambient, Failure, Scope, SyntaxError};
use json::Value;
/// A parsed expression: the text between `{%` and `%}`.
#[derive(Clone, Debug)]
pub struct Expression(());
impl Expression {
    /// Takes the text between the marks.
    pub fn parse(_text: &str) -> Result<Expression, SyntaxError> { todo!() }
    /// The text between the marks, trimmed, as AWS's messages quote it.
    pub fn source(&self) -> &str { todo!() }
    /// The value; undefined, a function or an error is a failure in AWS's words. `field` is the location.
    pub fn evaluate(&self, _scope: &Scope<'_>, _ambient: &Ambient, _field: &str) -> Result<Value, Failure> { todo!() }
    pub fn variables(&self) -> Vec<String> { todo!() }
}
/// A JSON value in which strings of the form `{% … %}` are expressions: `Arguments`, `Output`, `Assign` …
#[derive(Clone, Debug)]
pub struct Template(());
impl Template {
    pub fn parse(_template: &Value) -> Result<Template, Vec<(String, SyntaxError)>> { todo!() }
    /// `field` is the name of the field that holds it: locations are `Output/x/y`.
    pub fn evaluate(&self, _scope: &Scope<'_>, _ambient: &Ambient, _field: &str) -> Result<Value, Failure> { todo!() }
    pub fn variables(&self) -> Vec<String> { todo!() }
}
