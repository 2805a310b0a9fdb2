//! The functions that may end a path: `$.list.length()`, `$..price.max()`.

use super::evaluate::element;
use super::query::Query;
use json::Value;

/// A function and what it is called with, besides the value that the path leads to.
#[derive(Debug)]
pub(super) struct Call {
    function: &'static Function,
    pub arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(super) enum Argument {
    Literal(Value),
    Path(Query),
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    /// `None` when it cannot be computed: a mean of nothing.
    apply: fn(&Value, &[Value]) -> Option<Value>,
}

const FUNCTIONS: &[Function] = &[
    Function { name: "length", apply: |value, _| Some(length(value)) },
    Function { name: "size", apply: |value, _| Some(length(value)) },
    Function {
        name: "min",
        apply: |value, more| Some(numbers(value, more)?.into_iter().fold(f64::MAX, f64::min).into()),
    },
    Function {
        name: "max",
        apply: |value, more| Some(numbers(value, more)?.into_iter().fold(f64::MIN, f64::max).into()),
    },
    Function { name: "sum", apply: |value, more| Some(numbers(value, more)?.into_iter().sum::<f64>().into()) },
    Function { name: "avg", apply: |value, more| Some(mean(&numbers(value, more)?).into()) },
    Function { name: "stddev", apply: |value, more| Some(deviation(&numbers(value, more)?).into()) },
    Function { name: "concat", apply: |value, more| Some(concat(value, more).into()) },
    Function { name: "append", apply: |value, more| Some(value.as_array()?.iter().chain(more).cloned().collect()) },
    Function { name: "keys", apply: |value, _| Some(value.as_object()?.keys().cloned().collect::<Value>()) },
    Function { name: "first", apply: |value, _| value.as_array()?.first().cloned() },
    Function { name: "last", apply: |value, _| value.as_array()?.last().cloned() },
    Function { name: "index", apply: index },
];

impl Call {
    /// `None` if there is no such function.
    pub fn new(name: &str, arguments: Vec<Argument>) -> Option<Call> {
        let function = FUNCTIONS.iter().find(|function| function.name == name)?;
        Some(Call { function, arguments })
    }

    pub fn name(&self) -> &'static str {
        self.function.name
    }

    /// How many bytes the result may take, and about how many nanoseconds to make it.
    pub fn bytes(&self, value: &Value, arguments: &[Value]) -> usize {
        let size = |value: &Value| match value {
            Value::String(text) => text.len(),
            Value::Array(elements) => elements.len() * size_of::<Value>(),
            Value::Object(object) => object.len() * size_of::<Value>(),
            Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<Value>(),
        };
        let texts = match (self.function.name, value) {
            ("concat", Value::Array(texts)) => texts.iter().map(size).sum(),
            _ => 0,
        };
        arguments.iter().map(size).sum::<usize>().saturating_add(size(value)).saturating_add(texts)
    }

    pub fn apply(&self, value: &Value, arguments: &[Value]) -> Option<Value> {
        (self.function.apply)(value, arguments)
    }
}

/// Jayway counts elements and members, and gives `null` for everything else.
fn length(value: &Value) -> Value {
    let len = match value {
        Value::Array(elements) => elements.len(),
        Value::Object(object) => object.len(),
        _ => return Value::Null,
    };
    Value::from(len as u64)
}

/// The numbers among the elements and arguments, or `None` when there is none.
fn numbers(value: &Value, more: &[Value]) -> Option<Vec<f64>> {
    let lists = more.iter().flat_map(|value| value.as_array().unwrap_or(std::slice::from_ref(value)));
    let numbers: Vec<f64> =
        value.as_array().unwrap_or_default().iter().chain(lists).filter_map(Value::as_f64).collect();
    (!numbers.is_empty()).then_some(numbers)
}

#[expect(clippy::cast_precision_loss, reason = "no array has 2⁵³ elements")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn deviation(numbers: &[f64]) -> f64 {
    let mean_square = mean(&numbers.iter().map(|number| number * number).collect::<Vec<_>>());
    let mean = mean(numbers);
    (mean_square - mean * mean).max(0.0).sqrt()
}

fn concat(value: &Value, more: &[Value]) -> String {
    let own = value.as_array().unwrap_or_default().iter();
    own.chain(more).filter_map(Value::as_str).collect()
}

fn index(value: &Value, arguments: &[Value]) -> Option<Value> {
    element(value, arguments.first()?.as_i64()?).ok().cloned()
}

impl Argument {
    /// The variable that it reads.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Argument::Literal(_) => None,
            Argument::Path(query) => query.variable(),
        }
    }
}
