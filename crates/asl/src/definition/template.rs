//! Values that are computed: templates and numbers.

use query::{Ambient, Failure, Path, PayloadTemplate, Scope, jsonata};

/// A payload template (JSONPath) or a value with expressions (JSONata).
#[derive(Clone, Debug)]
pub enum Template {
    JsonPath(PayloadTemplate),
    Jsonata(jsonata::Template),
}

impl Template {
    /// The names of the members, when it is an object; in JSONPath without `.$`.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Template::JsonPath(template) => template.names(),
            Template::Jsonata(template) => template.names(),
        }
    }

    /// Whether the result of its state can be part of what it makes.
    pub(crate) fn may_read_result(&self) -> bool {
        match self {
            Template::JsonPath(_) => true,
            Template::Jsonata(template) => template.may_read_states("result"),
        }
    }

    /// `field` names the field for messages and locations: `Parameters`, `Output` …
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient, field: &str) -> Result<json::Value, Failure> {
        match self {
            Template::JsonPath(template) => template.evaluate(scope, ambient),
            Template::Jsonata(template) => template.evaluate(scope, ambient, field),
        }
    }
}

/// A value that is written, found by a path (`SecondsPath`), or computed (`"Seconds": "{% … %}"`).
#[derive(Clone, Debug)]
pub enum MaybePath<T> {
    Literal(T),
    Path(Path),
    Expression(jsonata::Expression),
}
