//! The reference interpreter of data: what a state makes of its input and of its result, field by field.
//!
//! Written down from the Amazon States Language and AWS's guide, as plainly as possible and apart from the engine. Paths,
//! templates and expressions are evaluated by the crate `query`: that two evaluators agree is not what is proved here.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html>

use crate::failure::{DATA_LIMIT_EXCEEDED, Evaluating, Failure, Fault};
use crate::visit::{Sees, Visit};
use crate::world::{World, is_volatile};
use asl::{Catcher, ErrorCause, Fields, MaybePath, Pass, QueryLanguage, StateFields, Template};
use json::{Object, Payload, Text, Value};
use query::{Path, ReferencePath};

/// How a state comes to its output.
#[derive(Clone, Debug)]
pub(crate) enum Way<'d> {
    /// It has no result of its own: Choice, Wait, Succeed, and Pass in JSONata.
    PassedOn { fields: &'d Fields, assign: Option<&'d Template>, output: Option<&'d Template> },
    /// Pass in JSONPath.
    Pass(&'d Pass),
    /// Of the result of a Task, Parallel or Map.
    Result { fields: &'d StateFields, result: Payload },
    /// Of the results of a Map Run, which the history of its execution does not show.
    MapRun { fields: &'d StateFields, length: Option<u64> },
    /// By a catcher.
    Caught { catcher: &'d Catcher, failure: Failure },
}

/// What a state ends with.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) output: Payload,
    pub(crate) assigned: Option<Object>,
}

/// The output of a state, and its assigned variables.
pub(crate) fn exit(visit: &Visit<'_>, world: World, way: &Way<'_>) -> Result<Exit, Fault> {
    match way {
        Way::PassedOn { fields, assign, output } => passed_on(visit, world, fields, *assign, *output),
        Way::Pass(pass) => {
            let fields = &pass.state.fields;
            let result = match &pass.result {
                Some(result) => Payload::from(result.clone()),
                None => arguments(visit, world, fields, &input(visit, world, fields)?)?,
            };
            of_result(visit, world, &pass.state, &result)
        }
        Way::Result { fields, result } => of_result(visit, world, fields, result),
        Way::MapRun { .. } => Ok(Exit { output: visit.input.clone(), assigned: None }),
        Way::Caught { catcher, failure } => caught(visit, world, catcher, failure),
    }
}

/// The input after `InputPath`.
pub(crate) fn input(visit: &Visit<'_>, world: World, fields: &Fields) -> Result<Payload, Fault> {
    match fields {
        Fields::JsonPath { input_path, .. } => select(visit, world, input_path.as_ref(), visit.input.clone()),
        Fields::Jsonata { .. } => Ok(visit.input.clone()),
    }
}

/// `Parameters` or `Arguments`; without them the input.
pub(crate) fn arguments(visit: &Visit<'_>, world: World, fields: &Fields, input: &Payload) -> Result<Payload, Fault> {
    let (template, field) = match fields {
        Fields::JsonPath { parameters, .. } => (parameters, "Parameters"),
        Fields::Jsonata { arguments, .. } => (arguments, "Arguments"),
    };
    match template {
        Some(template) => Ok(visit.template(world, template, field, Sees::input(input.value()))?.into()),
        None => Ok(input.clone()),
    }
}

fn of_result(visit: &Visit<'_>, world: World, state: &StateFields, result: &Payload) -> Result<Exit, Fault> {
    match &state.fields {
        Fields::JsonPath { result_selector, result_path, output_path, assign, .. } => {
            let selected = match result_selector {
                Some(selector) => {
                    visit.template(world, selector, "ResultSelector", Sees::input(result.value()))?.into()
                }
                None => result.clone(),
            };
            let assigned = assigned(visit, world, assign.as_ref(), Sees::input(selected.value()))?;
            let combined = combine(&visit.input, result_path.as_ref(), selected)?;
            limited(visit, select(visit, world, output_path.as_ref(), combined)?, assigned)
        }
        Fields::Jsonata { output, assign, .. } => {
            let sees = Sees { result: Some(result.value()), ..Sees::input(visit.input.value()) };
            let assigned = assigned(visit, world, assign.as_ref(), sees)?;
            limited(visit, computed(visit, world, output.as_ref(), sees, result)?, assigned)
        }
    }
}

fn passed_on(
    visit: &Visit<'_>,
    world: World,
    fields: &Fields,
    assign: Option<&Template>,
    output: Option<&Template>,
) -> Result<Exit, Fault> {
    let input = input(visit, world, fields)?;
    let sees = Sees::input(input.value());
    let assigned = assigned(visit, world, assign, sees)?;
    let output = match fields {
        Fields::JsonPath { output_path, .. } => select(visit, world, output_path.as_ref(), input.clone())?,
        Fields::Jsonata { .. } => computed(visit, world, output, sees, &input)?,
    };
    limited(visit, output, assigned)
}

fn caught(visit: &Visit<'_>, world: World, catcher: &Catcher, failure: &Failure) -> Result<Exit, Fault> {
    let error_output = Payload::from(failure.error_output(&world.text(&Text::from(""))));
    if visit.state.query_language == QueryLanguage::JsonPath {
        let sees = Sees::input(error_output.value());
        let assigned = assigned(visit, world, catcher.assign.as_ref(), sees)?;
        let output = combine(&visit.input, catcher.result_path.as_ref(), error_output.clone())?;
        return limited(visit, output, assigned);
    }
    let sees = Sees { error_output: Some(error_output.value()), ..Sees::input(visit.input.value()) };
    let assigned = assigned(visit, world, catcher.assign.as_ref(), sees)?;
    limited(visit, computed(visit, world, catcher.output.as_ref(), sees, &error_output)?, assigned)
}

fn limited(visit: &Visit<'_>, output: Payload, assigned: Option<Object>) -> Result<Exit, Fault> {
    Ok(Exit { output: visit.within_limit(output)?, assigned })
}

/// `Output` of JSONata, or what stands for it.
fn computed(
    visit: &Visit<'_>,
    world: World,
    output: Option<&Template>,
    sees: Sees<'_>,
    default: &Payload,
) -> Result<Payload, Fault> {
    match output {
        Some(output) => Ok(visit.template(world, output, "Output", sees)?.into()),
        None => Ok(default.clone()),
    }
}

/// `Assign`: variables, as long as they are within their quotas.
fn assigned(
    visit: &Visit<'_>,
    world: World,
    assign: Option<&Template>,
    sees: Sees<'_>,
) -> Result<Option<Object>, Fault> {
    let Some(assign) = assign else { return Ok(None) };
    let value = visit.template(world, assign, "Assign", sees)?;
    let object = value.as_object().cloned().unwrap_or_default();
    let bytes = bytes_of(&object);
    let others = visit.variables_bytes.saturating_sub(replaced_bytes(&visit.scopes, &object));
    if bytes > visit.limits.variable_bytes_max || others + bytes > visit.limits.variables_bytes_total_max {
        let location = String::new();
        return Err(Fault::Evaluating(Evaluating { error: DATA_LIMIT_EXCEEDED, sentence: None, location }));
    }
    Ok(Some(object))
}

/// What variables come to, as JSON texts.
pub(crate) fn bytes_of(variables: &Object) -> usize {
    variables.values().map(|value| value.to_string().len()).sum()
}

/// What the variables that are assigned anew came to before. No scope has a name that one around it has.
pub(crate) fn replaced_bytes(scopes: &[Object], assigned: &Object) -> usize {
    let of = |scope: &Object| -> usize {
        assigned.keys().filter_map(|name| scope.get(name)).map(|value| value.to_string().len()).sum()
    };
    scopes.iter().map(of).sum()
}

/// `ResultPath`.
fn combine(input: &Payload, path: Option<&Option<ReferencePath>>, result: Payload) -> Result<Payload, Fault> {
    match path {
        None => Ok(result),
        Some(None) => Ok(input.clone()),
        Some(Some(path)) => put(input, path, result),
    }
}

pub(crate) fn put(input: &Payload, path: &ReferencePath, result: Payload) -> Result<Payload, Fault> {
    if path.is_root() {
        return Ok(result);
    }
    let output = path.put(input.value(), result.value().clone());
    output.map(Payload::from).map_err(|failure| Fault::Evaluating(Evaluating::from(failure)))
}

/// `InputPath` and `OutputPath`: by default all, for `null` nothing.
fn select(visit: &Visit<'_>, world: World, path: Option<&Option<Path>>, payload: Payload) -> Result<Payload, Fault> {
    match path {
        None => Ok(payload),
        Some(None) => Ok(Value::Object(Object::new()).into()),
        Some(Some(path)) if path.source() == "$" => Ok(payload),
        Some(Some(path)) => Ok(visit.path(world, path, payload.value())?.into()),
    }
}

/// A count that is written, found by a path, or computed. Outside of `range` it cannot be used.
pub(crate) fn count(
    visit: &Visit<'_>,
    world: World,
    count: &MaybePath<u64>,
    field: &str,
    input: &Value,
) -> Result<u64, Fault> {
    match count {
        MaybePath::Literal(count) => Ok(*count),
        MaybePath::Path(path) => {
            let value = visit.path(world, path, input)?;
            let number = crate::visit::as_count(&value).or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.ok_or_else(Fault::runtime)
        }
        MaybePath::Expression(expression) => {
            let value = visit.expression(world, expression, field, input)?;
            crate::visit::as_count(&value).ok_or_else(|| Fault::of_field(field))
        }
    }
}

/// Error and cause of a Fail state.
pub(crate) fn failure(visit: &Visit<'_>, world: World, fail: &asl::Fail) -> Result<Failure, Fault> {
    let error = failure_text(visit, world, fail.error.as_ref(), "Error")?;
    let cause = failure_text(visit, world, fail.cause.as_ref(), "Cause")?;
    Ok(Failure::of(error, cause))
}

fn failure_text(
    visit: &Visit<'_>,
    world: World,
    written: Option<&ErrorCause>,
    field: &str,
) -> Result<Option<Text>, Fault> {
    let sees = Sees::input(visit.input.value());
    let value = match written {
        None => return Ok(None),
        Some(ErrorCause::Literal(text)) => return Ok(Some(text.clone())),
        Some(ErrorCause::Path(path)) => {
            let field = format!("{field}Path");
            let value = visit.evaluate(world, sees, |scope, ambient| path.evaluate(scope, ambient, &field))?;
            value.as_str().is_some().then_some(value).ok_or_else(Fault::runtime)?
        }
        Some(ErrorCause::Expression(expression)) => {
            let value = visit.expression(world, expression, field, visit.input.value())?;
            value.as_str().is_some().then_some(value).ok_or_else(|| Fault::of_field(field))?
        }
    };
    Ok(value.as_str().map(Text::from))
}

/// Whether a field of a count may give what no history tells.
pub(crate) fn is_volatile_count<T>(count: Option<&MaybePath<T>>) -> bool {
    match count {
        None | Some(MaybePath::Literal(_)) => false,
        Some(MaybePath::Path(path)) => is_volatile(path.source()),
        Some(MaybePath::Expression(expression)) => is_volatile(expression.source()),
    }
}
