//! The 18 intrinsic functions (`States.Format` …): one table, one file for each family of functions.
//!
//! To add a function, write it in its family's file and add its row to [`FUNCTIONS`].
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>

mod array;
mod encoding;
mod hash;
mod java;
mod json_text;
mod math;
mod parse;
mod string;
mod uuid;

use crate::size::{self, Misfit};
use crate::{Ambient, Exhausted, Failure, Path, Reason, Scope, SyntaxError};
use json::{Text, Value};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A row of the table.
#[derive(Debug)]
struct Function {
    name: &'static str,
    /// How many arguments it takes.
    arity: RangeInclusive<usize>,
    reads: Reads,
    /// A call that runs out of fuel may end early with anything: nobody looks at it.
    call: fn(&[Value], &Ambient) -> Result<Value, String>,
}

/// What a function looks at, and so spends fuel on, before it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// The arguments themselves: their texts, and their elements as they are.
    Arguments,
    /// All that is in the arguments.
    Everything,
}

const ANY: usize = usize::MAX;
/// Fuel for a call, and for a byte or an element of its arguments.
const CALL_FUEL: u64 = 100;
const ARGUMENT_FUEL: u64 = 10;

const FUNCTIONS: &[Function] = &[
    Function { name: "States.Array", arity: 0..=ANY, reads: Reads::Arguments, call: array::array },
    Function { name: "States.ArrayPartition", arity: 2..=2, reads: Reads::Arguments, call: array::partition },
    Function { name: "States.ArrayContains", arity: 2..=2, reads: Reads::Everything, call: array::contains },
    Function { name: "States.ArrayRange", arity: 3..=3, reads: Reads::Arguments, call: array::range },
    Function { name: "States.ArrayGetItem", arity: 2..=2, reads: Reads::Arguments, call: array::get_item },
    Function { name: "States.ArrayLength", arity: 1..=1, reads: Reads::Arguments, call: array::length },
    Function { name: "States.ArrayUnique", arity: 1..=1, reads: Reads::Everything, call: array::unique },
    Function { name: "States.Base64Encode", arity: 1..=1, reads: Reads::Arguments, call: encoding::encode },
    Function { name: "States.Base64Decode", arity: 1..=1, reads: Reads::Arguments, call: encoding::decode },
    Function { name: "States.Format", arity: 1..=ANY, reads: Reads::Everything, call: string::format },
    Function { name: "States.Hash", arity: 2..=2, reads: Reads::Everything, call: hash::hash },
    Function { name: "States.JsonMerge", arity: 3..=3, reads: Reads::Arguments, call: json_text::merge },
    Function { name: "States.JsonToString", arity: 1..=1, reads: Reads::Everything, call: json_text::to_string },
    Function { name: "States.MathAdd", arity: 2..=2, reads: Reads::Arguments, call: math::add },
    Function { name: "States.MathRandom", arity: 2..=3, reads: Reads::Arguments, call: math::random },
    Function { name: "States.StringSplit", arity: 2..=2, reads: Reads::Arguments, call: string::split },
    Function { name: "States.StringToJson", arity: 1..=1, reads: Reads::Arguments, call: json_text::parse },
    Function { name: "States.UUID", arity: 0..=0, reads: Reads::Arguments, call: uuid::uuid },
];

/// A parsed intrinsic call, arguments included; at most 10 deep.
#[derive(Clone, Debug)]
pub struct Call(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    source: Text,
    invocation: Invocation,
}

#[derive(Debug)]
struct Invocation {
    function: &'static Function,
    arguments: Vec<Argument>,
}

#[derive(Debug)]
enum Argument {
    Literal(Value),
    Path(Path),
    Call(Invocation),
}

impl Call {
    pub fn parse(text: &str) -> Result<Call, SyntaxError> {
        Ok(Call(Arc::new(Parsed { source: text.into(), invocation: parse::parse(text)? })))
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The value. Every failure names the whole call, not the inner one: `The function 'States.…' had the following error: …`.
    pub fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        self.0.invocation.evaluate(scope, ambient).map_err(|failure| {
            let message = format!("The function '{}' had the following error: {}", self.source(), failure.message);
            Failure { message, ..failure }
        })
    }

    /// The variables that it reads.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.invocation.collect_variables(&mut names);
        names
    }
}

impl Invocation {
    fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        let arguments: Result<Vec<Value>, Failure> =
            self.arguments.iter().map(|argument| argument.evaluate(scope, ambient)).collect();
        let arguments = arguments?;
        let called = self.function.reads.spend(&arguments, ambient).map(|()| (self.function.call)(&arguments, ambient));
        match called {
            Ok(result) if ambient.fuel() > 0 => {
                bounded(result.map_err(|why| Failure::new(Reason::Intrinsic, why))?, ambient)
            }
            Ok(_) | Err(Exhausted) => Err(ambient.exhausted("The call takes too long")),
        }
    }

    fn collect_variables<'c>(&'c self, names: &mut Vec<&'c str>) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) => {}
                Argument::Path(path) => names.extend(path.variable()),
                Argument::Call(inner) => inner.collect_variables(names),
            }
        }
    }
}

impl Argument {
    fn evaluate(&self, scope: &Scope<'_>, ambient: &Ambient) -> Result<Value, Failure> {
        match self {
            Argument::Literal(value) => Ok(value.clone()),
            Argument::Call(inner) => inner.evaluate(scope, ambient),
            Argument::Path(path) => {
                let found = path.find(scope, ambient)?.ok_or_else(|| {
                    let (path, input) = (path.source(), scope.input);
                    let place = format!("the field '{path}' could not be found in the input '{input}'");
                    Failure::new(Reason::Path, format!("The JsonPath argument for {place}"))
                })?;
                if path.is_definite() { Ok(found) } else { bounded(found, ambient) }
            }
        }
    }
}

impl Reads {
    fn spend(self, arguments: &[Value], ambient: &Ambient) -> Result<(), Exhausted> {
        ambient.spend(CALL_FUEL)?;
        arguments.iter().try_for_each(|argument| match (self, argument) {
            (_, Value::Null | Value::Bool(_) | Value::Number(_)) => Ok(()),
            (_, Value::String(text)) => ambient.spend(ARGUMENT_FUEL * text.len() as u64),
            (Reads::Arguments, Value::Array(elements)) => ambient.spend(ARGUMENT_FUEL * elements.len() as u64),
            (Reads::Arguments, Value::Object(object)) => ambient.spend(ARGUMENT_FUEL * object.len() as u64),
            (Reads::Everything, Value::Array(_) | Value::Object(_)) => size::look_through(argument, ambient),
        })
    }
}

/// Refuses a value that is larger than the budget allows.
pub(crate) fn bounded(value: Value, ambient: &Ambient) -> Result<Value, Failure> {
    match size::check(&value, ambient) {
        Ok(()) => Ok(value),
        Err(Misfit::Exhausted) => Err(ambient.exhausted("The value takes too long to build")),
        Err(Misfit::TooLarge) => {
            let reason = if ambient.budget.last { Reason::TooLarge } else { Reason::OverBudget };
            Err(Failure::new(reason, "The value is too large, or nests too deep"))
        }
    }
}

/// The argument at `position` as a number, rounded as Java rounds.
fn integer(arguments: &[Value], position: usize) -> Result<i64, String> {
    let argument = arguments.get(position).unwrap_or(&Value::Null);
    match argument.as_i64() {
        Some(integer) => Ok(integer),
        None => argument.as_f64().map(java::round).ok_or_else(|| wrong_type("a number", argument)),
    }
}

fn string(arguments: &[Value], position: usize) -> Result<&str, String> {
    let argument = arguments.get(position).unwrap_or(&Value::Null);
    argument.as_str().ok_or_else(|| wrong_type("a string", argument))
}

fn elements(arguments: &[Value], position: usize) -> Result<&[Value], String> {
    let argument = arguments.get(position).unwrap_or(&Value::Null);
    argument.as_array().ok_or_else(|| wrong_type("an array", argument))
}

fn wrong_type(expected: &str, found: &Value) -> String {
    format!("Invalid arguments: expected {expected}, but found {}", found.type_name())
}

#[cfg(test)]
mod tests;
