//! Input and output processing: what a state makes of its input, and of its result.
//!
//! JSONPath: `InputPath`, `Parameters`, (the task), `ResultSelector`, `ResultPath`, `OutputPath`.
//! JSONata: `Arguments`, (the task), `Output`. `Assign` sees the same as `Output` does, in both.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html>

use crate::failure::Stop;
use crate::states::{Exit, Move};
use crate::variables;
use crate::visit::{Sees, Visit};
use asl::{Fields, StateFields, Template, Transition};
use json::{Object, Payload, Value};
use query::{Path, ReferencePath};

/// The input after `InputPath`.
pub(crate) fn input(visit: &Visit<'_>, fields: &Fields) -> Result<Payload, Stop> {
    match fields {
        Fields::JsonPath { input_path, .. } => {
            let input = select(visit, input_path.as_ref(), visit.raw_input().clone())?;
            visit.note(|inspection| inspection.after_input_path = Some(input.clone()));
            Ok(input)
        }
        Fields::Jsonata { .. } => Ok(visit.raw_input().clone()),
    }
}

/// `Parameters` or `Arguments`; without them the input.
pub(crate) fn arguments(visit: &Visit<'_>, fields: &Fields, input: &Payload) -> Result<Payload, Stop> {
    let (template, field) = match fields {
        Fields::JsonPath { parameters, .. } => (parameters, "Parameters"),
        Fields::Jsonata { arguments, .. } => (arguments, "Arguments"),
    };
    let arguments = match template {
        Some(template) => visit.template(template, field, Sees::input(input.value()))?.into(),
        None => input.clone(),
    };
    visit.note(|inspection| match fields {
        Fields::JsonPath { .. } => inspection.after_parameters = Some(arguments.clone()),
        Fields::Jsonata { .. } => inspection.after_arguments = Some(arguments.clone()),
    });
    Ok(arguments)
}

/// The state ends with `result`, the answer of what it did.
pub(crate) fn finish(visit: &Visit<'_>, fields: &StateFields, result: Payload) -> Result<Move, Stop> {
    let (output, assigned) = match &fields.fields {
        Fields::JsonPath { result_selector, result_path, output_path, assign, .. } => {
            let result = match result_selector {
                Some(selector) => visit.template(selector, "ResultSelector", Sees::input(result.value()))?.into(),
                None => result,
            };
            visit.note(|inspection| inspection.after_result_selector = Some(result.clone()));
            let assigned = assigned(visit, assign.as_ref(), Sees::input(result.value()))?;
            let combined = combine(visit.raw_input(), result_path.as_ref(), result)?;
            visit.note(|inspection| inspection.after_result_path = Some(combined.clone()));
            (select(visit, output_path.as_ref(), combined)?, assigned)
        }
        Fields::Jsonata { output, assign, .. } => {
            let sees = Sees { result: Some(result.value()), ..Sees::input(visit.raw_input().value()) };
            let assigned = assigned(visit, assign.as_ref(), sees)?;
            (computed(visit, output.as_ref(), sees, &result)?, assigned)
        }
    };
    exit(visit, output, assigned, fields.transition.clone()).map(Move::Exit)
}

/// A state that has no result of its own ends with its input.
pub(crate) fn pass_on(visit: &Visit<'_>, fields: &Fields, transition: Transition) -> Result<Move, Stop> {
    let (assign, output) = match fields {
        Fields::JsonPath { assign, .. } => (assign, &None),
        Fields::Jsonata { assign, output, .. } => (assign, output),
    };
    pass_on_with(visit, fields, assign.as_ref(), output.as_ref(), transition)
}

/// The same with another `Assign` and `Output`: those of a Choice Rule stand for the state's.
pub(crate) fn pass_on_with(
    visit: &Visit<'_>,
    fields: &Fields,
    assign: Option<&Template>,
    output: Option<&Template>,
    transition: Transition,
) -> Result<Move, Stop> {
    let input = input(visit, fields)?;
    let sees = Sees::input(input.value());
    let assigned = assigned(visit, assign, sees)?;
    let output = match fields {
        Fields::JsonPath { output_path, .. } => select(visit, output_path.as_ref(), input)?,
        Fields::Jsonata { .. } => computed(visit, output, sees, &input)?,
    };
    exit(visit, output, assigned, transition).map(Move::Exit)
}

/// The value of a JSONata `Output`, or what stands for it.
pub(crate) fn computed(
    visit: &Visit<'_>,
    output: Option<&Template>,
    sees: Sees<'_>,
    default: &Payload,
) -> Result<Payload, Stop> {
    match output {
        Some(output) => Ok(visit.template(output, "Output", sees)?.into()),
        None => Ok(default.clone()),
    }
}

/// The variables of an `Assign`.
pub(crate) fn assigned(visit: &Visit<'_>, assign: Option<&Template>, sees: Sees<'_>) -> Result<Option<Object>, Stop> {
    let Some(assign) = assign else { return Ok(None) };
    let value = visit.template(assign, "Assign", sees)?;
    let object = value.as_object().cloned().unwrap_or_default();
    variables::check(visit, &object)?;
    Ok(Some(object))
}

/// The state ends, if its output is not too large.
pub(crate) fn exit(
    visit: &Visit<'_>,
    output: Payload,
    assigned: Option<Object>,
    transition: Transition,
) -> Result<Exit, Stop> {
    Ok(Exit { output: visit.within_limit(output)?, assigned, transition })
}

/// `ResultPath`: the result in its place of the input.
pub(crate) fn combine(
    input: &Payload,
    result_path: Option<&Option<ReferencePath>>,
    result: Payload,
) -> Result<Payload, Stop> {
    match result_path {
        None => Ok(result),
        Some(None) => Ok(input.clone()),
        Some(Some(path)) if path.is_root() => Ok(result),
        Some(Some(path)) => Ok(path.put(input.value(), result.value().clone())?.into()),
    }
}

/// `InputPath` or `OutputPath`: by default all, for `null` nothing.
fn select(visit: &Visit<'_>, path: Option<&Option<Path>>, payload: Payload) -> Result<Payload, Stop> {
    match path {
        None => Ok(payload),
        Some(None) => Ok(Value::Object(Object::new()).into()),
        Some(Some(path)) if path.source() == "$" => Ok(payload),
        Some(Some(path)) => Ok(visit.path(path, payload.value())?.into()),
    }
}
