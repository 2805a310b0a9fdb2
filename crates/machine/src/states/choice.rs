//! Choice: the first rule that matches says where to go on, or `Default` does.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html>

use super::{Move, comparison, unexpected};
use crate::data;
use crate::failure::{Failed, Stop};
use crate::visit::{Sees, Visit};
use asl::{Choice, ChoiceRule, Condition, Transition};
use json::Value;

pub(crate) fn begin(visit: &Visit<'_>, choice: &Choice) -> Result<Move, Stop> {
    let input = data::input(visit, &choice.fields)?;
    for (index, rule) in choice.choices.iter().enumerate() {
        let field = format!("Choices[{index}]/Condition");
        if holds(visit, &rule.condition, input.value(), &field)? {
            return matched(visit, choice, rule);
        }
    }
    // AWS names no `States.NoChoiceMatched` here, and so nothing around the state can catch it.
    let none = "Failed to transition out of the state. The state does not point to a next state.";
    let default = choice.default.clone().ok_or_else(|| Failed::runtime(none))?;
    data::pass_on(visit, &choice.fields, Transition::Next(default))
}

/// The rule's `Assign` and `Output` stand for those of the state.
fn matched(visit: &Visit<'_>, choice: &Choice, rule: &ChoiceRule) -> Result<Move, Stop> {
    let next = Transition::Next(rule.next.clone());
    data::pass_on_with(visit, &choice.fields, rule.assign.as_ref(), rule.output.as_ref(), next)
}

/// Conditions nest as deep as the definition does.
fn holds(visit: &Visit<'_>, condition: &Condition, input: &Value, field: &str) -> Result<bool, Stop> {
    match condition {
        Condition::Compare(compared) => comparison::holds(visit, compared, input),
        Condition::Not(inner) => Ok(!holds(visit, inner, input, field)?),
        Condition::And(all) => {
            for inner in all {
                if !holds(visit, inner, input, field)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(any) => {
            for inner in any {
                if holds(visit, inner, input, field)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Jsonata(expression) => {
            let value = visit.expression(expression, field, Sees::input(input))?;
            value.as_bool().ok_or_else(|| unexpected(expression, field, "boolean", &value))
        }
    }
}
