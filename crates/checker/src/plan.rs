//! What a state does when it was entered, and again at each retry: the plan that its events must follow.
//!
//! Plans are pure functions of a visit and a world, so a plan can be made again to see what of it cannot be known.

use crate::choice;
use crate::data::{self, Way};
use crate::failure::{Failure, Fault};
use crate::frame::{Leaving, To};
use crate::visit::Visit;
use crate::world::{World, is_volatile};
use asl::{Map, MaybePath, QueryLanguage, StateKind, Task, TaskResource, Template, Wait, WaitUntil};
use json::{Payload, Text, Value};

/// What comes after `…StateEntered`.
pub(crate) enum Plan<'d> {
    /// The state is left in one of these ways, not before this time (milliseconds since the epoch).
    Leave {
        ways: Vec<Leaving<'d>>,
        not_before_ms: Option<i64>,
    },
    Call(Request<'d>),
    Fork(Forking),
    /// A Fail state.
    Fail(Failure),
}

/// What a Task asks for.
#[derive(Clone, Debug)]
pub(crate) struct Request<'d> {
    pub(crate) resource: &'d TaskResource,
    pub(crate) parameters: Payload,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) heartbeat_seconds: Option<u64>,
    pub(crate) role_arn: Option<Text>,
}

/// What the children of a Parallel or Map begin with.
#[derive(Clone, Debug)]
pub(crate) enum Forking {
    Parallel {
        arguments: Payload,
    },
    /// `items` is `None` where no history tells them.
    Map {
        items: Option<Payload>,
        concurrency: u64,
    },
    MapRun {
        length: Option<u64>,
    },
}

pub(crate) fn plan<'d>(visit: &Visit<'d>, world: World) -> Result<Plan<'d>, Fault> {
    let state = visit.state;
    match &state.kind {
        StateKind::Pass(pass) => {
            let fields = &pass.state.fields;
            let way = match fields {
                asl::Fields::JsonPath { .. } => Way::Pass(pass),
                asl::Fields::Jsonata { .. } => passed_on(fields),
            };
            leave(visit, world, way, To::of(&pass.state.transition), None)
        }
        StateKind::Succeed(succeed) => leave(visit, world, passed_on(&succeed.fields), To::End, None),
        StateKind::Fail(fail) => data::failure(visit, world, fail).map(Plan::Fail),
        StateKind::Wait(wait) => {
            let not_before_ms = due_ms(visit, world, wait)?;
            let to = To::of(&wait.state.transition);
            leave(visit, world, passed_on(&wait.state.fields), to, not_before_ms)
        }
        StateKind::Choice(choice) => {
            let input = data::input(visit, world, &choice.fields)?;
            let branches = choice::branches(visit, choice, input.value())?;
            let is_sure = branches.len() == 1;
            let mut ways = Vec::new();
            for branch in branches {
                match data::exit(visit, world, &branch.way) {
                    Ok(exit) => ways.push(Leaving { way: branch.way, exit, to: To::Next(branch.next) }),
                    Err(fault) if is_sure => return Err(fault),
                    Err(_) => {}
                }
            }
            Ok(Plan::Leave { ways, not_before_ms: None })
        }
        StateKind::Task(task) => request(visit, world, task).map(Plan::Call),
        StateKind::Parallel(parallel) => {
            let fields = &parallel.state.fields;
            let arguments = data::arguments(visit, world, fields, &data::input(visit, world, fields)?)?;
            Ok(Plan::Fork(Forking::Parallel { arguments: visit.within_limit(arguments)? }))
        }
        StateKind::Map(map) => fork_map(visit, world, map).map(Plan::Fork),
    }
}

/// `Assign` and `Output` of the state itself.
fn passed_on(fields: &asl::Fields) -> Way<'_> {
    let (assign, output) = match fields {
        asl::Fields::JsonPath { assign, .. } => (assign.as_ref(), None),
        asl::Fields::Jsonata { assign, output, .. } => (assign.as_ref(), output.as_ref()),
    };
    Way::PassedOn { fields, assign, output }
}

fn leave<'d>(
    visit: &Visit<'d>,
    world: World,
    way: Way<'d>,
    to: To<'d>,
    not_before_ms: Option<i64>,
) -> Result<Plan<'d>, Fault> {
    let exit = data::exit(visit, world, &way)?;
    Ok(Plan::Leave { ways: vec![Leaving { way, exit, to }], not_before_ms })
}

/// When a Wait is over; `None` where no history tells.
fn due_ms(visit: &Visit<'_>, world: World, wait: &Wait) -> Result<Option<i64>, Fault> {
    let input = data::input(visit, world, &wait.state.fields)?;
    let input = input.value();
    let after =
        |seconds: u64| visit.now_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000));
    let timestamp = |value: &Value| value.as_str().and_then(choice::timestamp);
    let due_ms = match &wait.until {
        WaitUntil::Seconds(MaybePath::Path(path)) => {
            let seconds = reference(visit, world, path, input)?;
            after(seconds.as_i64().and_then(|seconds| u64::try_from(seconds).ok()).ok_or_else(Fault::runtime)?)
        }
        WaitUntil::Seconds(seconds) => after(data::count(visit, world, seconds, "Seconds", input)?),
        WaitUntil::Timestamp(MaybePath::Literal(text)) => {
            timestamp(&Value::from(text)).ok_or_else(Fault::runtime)?.as_millisecond()
        }
        WaitUntil::Timestamp(MaybePath::Path(path)) => {
            timestamp(&reference(visit, world, path, input)?).ok_or_else(Fault::runtime)?.as_millisecond()
        }
        WaitUntil::Timestamp(MaybePath::Expression(expression)) => {
            let value = visit.expression(world, expression, "Timestamp", input)?;
            timestamp(&value).ok_or_else(|| Fault::of_field("Timestamp"))?.as_millisecond()
        }
    };
    // What was written in the definition may be as long as it wants.
    let (is_literal, is_open) = match &wait.until {
        WaitUntil::Seconds(seconds) => (is_literal(seconds), data::is_volatile_count(Some(seconds))),
        WaitUntil::Timestamp(timestamp) => (is_literal(timestamp), data::is_volatile_count(Some(timestamp))),
    };
    let longest_ms = i64::from(i32::MAX) * 1000;
    if !is_literal && due_ms.saturating_sub(visit.now_ms) > longest_ms {
        return Err(Fault::runtime());
    }
    Ok((!is_open).then_some(due_ms))
}

fn is_literal<T>(value: &MaybePath<T>) -> bool {
    matches!(value, MaybePath::Literal(_))
}

/// A path of a Wait that leads nowhere is `States.Runtime`.
fn reference(visit: &Visit<'_>, world: World, path: &query::Path, input: &Value) -> Result<Value, Fault> {
    visit.find(world, path, input)?.ok_or_else(Fault::runtime)
}

fn request<'d>(visit: &Visit<'d>, world: World, task: &'d Task) -> Result<Request<'d>, Fault> {
    let input = data::input(visit, world, &task.state.fields)?;
    let parameters = data::arguments(visit, world, &task.state.fields, &input)?;
    let seconds = |seconds: Option<&MaybePath<u64>>, field: &str| match seconds {
        None => Ok(None),
        Some(seconds) => match data::count(visit, world, seconds, field, input.value())? {
            seconds @ 1..=99_999_999 => Ok(Some(seconds)),
            _ if visit.state.query_language == QueryLanguage::Jsonata => Err(Fault::of_field(field)),
            _ => Err(Fault::runtime()),
        },
    };
    let parameters = visit.within_limit(parameters)?;
    let timeout_seconds = seconds(task.timeout_seconds.as_ref(), "TimeoutSeconds")?;
    let heartbeat_seconds = seconds(task.heartbeat_seconds.as_ref(), "HeartbeatSeconds")?;
    let role_arn = match &task.credentials {
        // An activity has no use for a role.
        Some(credentials) if !matches!(task.resource, TaskResource::Activity { .. }) => {
            let sees = crate::visit::Sees::input(input.value());
            let credentials = visit.template(world, &credentials.template, "Credentials", sees)?;
            match credentials.get("RoleArn") {
                Some(Value::String(role_arn)) => Some(role_arn.clone()),
                Some(_) => return Err(Fault::runtime()),
                None => None,
            }
        }
        _ => None,
    };
    Ok(Request { resource: &task.resource, parameters, timeout_seconds, heartbeat_seconds, role_arn })
}

fn fork_map(visit: &Visit<'_>, world: World, map: &Map) -> Result<Forking, Fault> {
    let input = data::input(visit, world, &map.state.fields)?;
    let has_reader = map.distributed.as_ref().is_some_and(|distributed| distributed.item_reader.is_some());
    let items = if has_reader { Value::from(Vec::<Value>::new()) } else { items(visit, world, map, input.value())? };
    let concurrency = match &map.max_concurrency {
        None => 0,
        Some(count) => data::count(visit, world, count, "MaxConcurrency", input.value())?,
    };
    let is_open = are_items_open(map);
    if map.distributed.is_some() {
        let length = items.as_object().map(json::Object::len).or_else(|| items.as_array().map(<[Value]>::len));
        return Ok(Forking::MapRun { length: length.filter(|_| !is_open).map(|length| length as u64) });
    }
    let most = visit.limits.inline_map_concurrency_max as u64;
    let is_free = concurrency == 0 || data::is_volatile_count(map.max_concurrency.as_ref());
    let concurrency = if is_free { most } else { concurrency.min(most) };
    Ok(Forking::Map { items: (!is_open).then(|| items.into()), concurrency: concurrency.max(1) })
}

/// `Items` or `ItemsPath`; without them the input. Only a distributed Map goes over the members of an object.
fn items(visit: &Visit<'_>, world: World, map: &Map, input: &Value) -> Result<Value, Fault> {
    let sees = crate::visit::Sees::input(input);
    let items = match (&map.items_template, &map.items) {
        (Some(template), _) => {
            visit.evaluate(world, sees, |scope, ambient| template.evaluate(scope, ambient, "Items"))?
        }
        (None, None) => input.clone(),
        (None, Some(MaybePath::Literal(items))) => items.clone(),
        (None, Some(MaybePath::Path(path))) => {
            visit.evaluate(world, sees, |scope, ambient| path.evaluate_reference(scope, ambient))?
        }
        (None, Some(MaybePath::Expression(expression))) => visit.expression(world, expression, "Items", input)?,
    };
    match &items {
        Value::Array(_) => Ok(items),
        Value::Object(_) if map.distributed.is_some() => Ok(items),
        _ if visit.state.query_language == QueryLanguage::Jsonata => {
            let is_expression = matches!(map.items, Some(MaybePath::Expression(_)));
            Err(Fault::of_field(if is_expression { "Items" } else { "" }))
        }
        _ => Err(Fault::runtime()),
    }
}

fn are_items_open(map: &Map) -> bool {
    let mut is_open = false;
    if let Some(template) = &map.items_template {
        template.each_expression(&query::Location::default(), &mut |_, expression| {
            is_open |= is_volatile(expression.source());
        });
    }
    is_open || data::is_volatile_count(map.items.as_ref())
}

/// What an iteration begins with: the item, or what `ItemSelector` makes of it. `visit` is that of the Map, with its item.
pub(crate) fn iteration_input(visit: &Visit<'_>, world: World, map: &Map) -> Result<Payload, Fault> {
    let Some(item) = &visit.map_item else { return Err(Fault::runtime()) };
    let input = match &map.item_selector {
        None => item.value.clone(),
        Some(selector) => {
            let field = if map.selector_is_parameters { "Parameters" } else { "ItemSelector" };
            let input = data::input(visit, world, &map.state.fields)?;
            template(visit, world, selector, field, input.value())?
        }
    };
    visit.within_limit(input.into())
}

fn template(visit: &Visit<'_>, world: World, template: &Template, field: &str, input: &Value) -> Result<Value, Fault> {
    visit.template(world, template, field, crate::visit::Sees::input(input))
}

/// What a Map Run is made with beside its items: here it only matters whether it can be.
pub(crate) fn map_run_settings(visit: &Visit<'_>, map: &Map) -> Result<(), Fault> {
    let input = data::input(visit, World::GUESS, &map.state.fields)?;
    let input = input.value();
    let count = |count: Option<&MaybePath<u64>>, field: &str| -> Result<u64, Fault> {
        count.map_or(Ok(1), |count| data::count(visit, World::GUESS, count, field, input))
    };
    count(map.tolerated_failure_count.as_ref(), "ToleratedFailureCount")?;
    tolerated_percentage(visit, map, input)?;
    let Some(distributed) = &map.distributed else { return Ok(()) };
    if let Some(batcher) = &distributed.item_batcher {
        let items = count(batcher.max_items_per_batch.as_ref(), "MaxItemsPerBatch")?;
        let bytes = count(batcher.max_input_bytes_per_batch.as_ref(), "MaxInputBytesPerBatch")?;
        if items == 0 || bytes == 0 {
            return Err(Fault::runtime());
        }
        if let Some(batch_input) = &batcher.batch_input {
            template(visit, World::GUESS, batch_input, "BatchInput", input)?;
        }
    }
    if let Some(reader) = &distributed.item_reader {
        if let Some(arguments) = &reader.arguments {
            template(visit, World::GUESS, arguments, "ItemReader", input)?;
        }
        count(reader.max_items.as_ref(), "MaxItems")?;
    }
    if let Some(arguments) = distributed.result_writer.as_ref().and_then(|writer| writer.arguments.as_ref()) {
        template(visit, World::GUESS, arguments, "ResultWriter", input)?;
    }
    Ok(())
}

fn tolerated_percentage(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<(), Fault> {
    const FIELD: &str = "ToleratedFailurePercentage";
    let percentage = match &map.tolerated_failure_percentage {
        None => return Ok(()),
        Some(MaybePath::Literal(percentage)) => *percentage,
        Some(MaybePath::Path(path)) => {
            let value = visit.path(World::GUESS, path, input)?;
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.ok_or_else(Fault::runtime)?
        }
        Some(MaybePath::Expression(expression)) => {
            let value = visit.expression(World::GUESS, expression, FIELD, input)?;
            value.as_f64().ok_or_else(|| Fault::of_field(FIELD))?
        }
    };
    if (0.0..=100.0).contains(&percentage) { Ok(()) } else { Err(Fault::runtime()) }
}
