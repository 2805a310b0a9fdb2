//! Fail: the flow fails here, with `Error` and `Cause`.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html>

use super::Move;
use crate::Failure;
use crate::failure::{Failed, Stop};
use crate::visit::{Sees, Visit};
use asl::{ErrorCause, Fail, QueryLanguage};
use json::{Text, Value};

pub(crate) fn begin(visit: &Visit<'_>, fail: &Fail) -> Result<Move, Stop> {
    if visit.state.query_language == QueryLanguage::JsonPath {
        visit.note(|inspection| inspection.after_input_path = Some(visit.raw_input().clone()));
    }
    let error = text(visit, fail.error.as_ref(), "Error")?;
    let cause = text(visit, fail.cause.as_ref(), "Cause")?;
    Err(Failure { error, cause }.into())
}

fn text(visit: &Visit<'_>, field: Option<&ErrorCause>, name: &str) -> Result<Option<Text>, Stop> {
    let Some(field) = field else { return Ok(None) };
    let sees = Sees::input(visit.raw_input().value());
    match field {
        ErrorCause::Literal(text) => Ok(Some(text.clone())),
        ErrorCause::Path(path) => {
            let field = format!("{name}Path");
            match visit.with_scope(sees, |scope| path.evaluate(scope, visit.ambient, &field))? {
                Value::String(text) => Ok(Some(text)),
                value => {
                    let sentence = format!("The field '{field}' must be a string but was: {value}");
                    Err(Failed::runtime(sentence).into())
                }
            }
        }
        ErrorCause::Expression(expression) => match visit.expression(expression, name, sees)? {
            Value::String(text) => Ok(Some(text)),
            value => Err(super::unexpected(expression, name, "string", &value)),
        },
    }
}
