//! Succeed: the flow ends here.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html>

use super::Move;
use crate::data;
use crate::failure::Stop;
use crate::visit::Visit;
use asl::{Succeed, Transition};

pub(crate) fn begin(visit: &Visit<'_>, succeed: &Succeed) -> Result<Move, Stop> {
    data::pass_on(visit, &succeed.fields, Transition::End)
}
