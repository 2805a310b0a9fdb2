//! Catch: where a state goes that failed, and with what.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-fallback-states>

use crate::Failure;
use crate::data;
use crate::failure::{Stop, matches};
use crate::states::Exit;
use crate::visit::{Sees, Visit};
use asl::{Catcher, QueryLanguage, Transition};
use json::Payload;

/// The first catcher that names the error, and its place in `Catch`.
pub(crate) fn find<'d>(catchers: &'d [Catcher], failure: &Failure, is_heartbeat: bool) -> Option<(usize, &'d Catcher)> {
    let mut meant = catchers.iter().enumerate();
    meant.find(|(_, catcher)| matches(&catcher.error_equals, failure, is_heartbeat))
}

/// The state ends with the error output, `{"Error": …, "Cause": …}`.
pub(crate) fn exit(visit: &Visit<'_>, catcher: &Catcher, failure: &Failure) -> Result<Exit, Stop> {
    let error_output = Payload::from(failure.error_output());
    let next = Transition::Next(catcher.next.clone());
    let (output, assigned) = match visit.state.query_language {
        QueryLanguage::JsonPath => {
            let assigned = data::assigned(visit, catcher.assign.as_ref(), Sees::input(error_output.value()))?;
            (data::combine(visit.raw_input(), catcher.result_path.as_ref(), error_output)?, assigned)
        }
        QueryLanguage::Jsonata => {
            let input = visit.raw_input().value();
            let sees = Sees { error_output: Some(error_output.value()), ..Sees::input(input) };
            let assigned = data::assigned(visit, catcher.assign.as_ref(), sees)?;
            (data::computed(visit, catcher.output.as_ref(), sees, &error_output)?, assigned)
        }
    };
    data::exit(visit, output, assigned, next)
}
