//! Pass: `Result`, or `Parameters`, or the input.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-pass.html>

use super::Move;
use crate::data;
use crate::failure::Stop;
use crate::visit::Visit;
use asl::{Fields, Pass};
use json::Payload;

pub(crate) fn begin(visit: &Visit<'_>, pass: &Pass) -> Result<Move, Stop> {
    let fields = &pass.state.fields;
    match fields {
        Fields::Jsonata { .. } => data::pass_on(visit, fields, pass.state.transition.clone()),
        Fields::JsonPath { .. } => {
            let result = match &pass.result {
                // Recorded: with a `Result` the fields before it are not looked at.
                Some(result) => Payload::from(result.clone()),
                None => data::arguments(visit, fields, &data::input(visit, fields)?)?,
            };
            visit.note(|inspection| inspection.result = pass.result.is_some().then(|| result.clone()));
            data::finish(visit, &pass.state, result)
        }
    }
}
