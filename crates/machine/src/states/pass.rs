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
            let result = data::arguments(visit, fields, &data::input(visit, fields)?)?;
            let result = pass.result.clone().map_or(result, Payload::from);
            data::finish(visit, &pass.state, result)
        }
    }
}
