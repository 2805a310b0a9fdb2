//! Map: runs its item processor for each item. Inline; the distributed mode has its own file, `distributed_map`.
//!
//! The items are one part, written once. How many iterations have started and ended is another, small one: an
//! iteration rewrites that, its own frame, and at its end its output.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html>

use super::{Move, distributed_map, fork, fork::Children, map_mocked, unexpected};
use crate::data;
use crate::failure::{Failed, QUERY_EVALUATION_ERROR, Stop};
use crate::frame::{Begun, Fork, Frame, Parent, Progress};
use crate::turn::Turn;
use crate::visit::{Sees, Visit, as_count};
use crate::{EventDetails, EventId, EventType, Part, PartId, StepError};
use asl::{Map, MaybePath, QueryLanguage, StateKind};
use json::{Payload, Value};
use query::{MapItem, Path};

pub(crate) fn begin(turn: &mut Turn<'_>, visit: &Visit<'_>, map: &Map) -> Result<Move, Stop> {
    if let Some(result) = visit.mocked() {
        return map_mocked::begin(visit, map, result);
    }
    if let Some(distributed) = &map.distributed {
        return distributed_map::begin(turn, visit, map, distributed);
    }
    let input = data::input(visit, &map.state.fields)?;
    let items = items(visit, map, input.value())?;
    let length = length(&items);
    let most = visit.limits.inline_map_concurrency_max as u64;
    let concurrency = match max_concurrency(visit, map, input.value())? {
        0 => most,
        wanted => wanted.min(most),
    }
    .max(1);
    turn.advance(visit.id, EventType::MapStateStarted, EventDetails::MapStateStarted { length })?;
    let fork = fork::open(turn, visit.id, length, concurrency, Children::Iterations { items: items.into() })?;
    start_iterations(turn, visit.id, &fork)?;
    if length == 0 {
        fork::join(turn, visit.id)?;
    }
    Ok(Move::Stay)
}

/// Starts the next iterations, as many as may run at once, after the last event of the state itself. When the step is
/// long enough, the next one goes on.
pub(super) fn start_iterations(turn: &mut Turn<'_>, id: PartId, fork: &Fork) -> Result<(), Stop> {
    let previous = turn.parts.frame(id)?.position;
    loop {
        let Progress { started, succeeded, .. } = turn.parts.progress(fork.progress)?;
        if started >= fork.length || started.saturating_sub(succeeded) >= fork.concurrency {
            return Ok(());
        }
        if turn.is_long() {
            turn.parts.root_mut()?.ready.push_front(id);
            return Ok(());
        }
        start_iteration(turn, id, fork, started, previous)?;
    }
}

/// Starts the iteration of item `index`, after the event `previous`.
pub(super) fn start_iteration(
    turn: &mut Turn<'_>,
    id: PartId,
    fork: &Fork,
    index: u64,
    previous: EventId,
) -> Result<(), Stop> {
    let state = turn.state(turn.parts.frame(id)?)?;
    let StateKind::Map(map) = &state.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Map state", state.name)).into());
    };
    let items = turn.parts.items_of(id)?;
    // What may be passed on together may be so one by one: then the item is looked at when it is its turn.
    let fits = items.byte_len() <= turn.limits.payload_bytes_max && !items.is_too_deep();
    let is_item = map.item_selector.is_none() && fits;
    let input = if is_item { None } else { Some(iteration_input(turn.visit(id)?, map, item(items, index)?)?) };
    let details = EventDetails::MapIteration { name: state.name.clone(), index };
    let position = turn.emit(previous, EventType::MapIterationStarted, details)?;
    let child = turn.parts.reserve_frames(1)?;
    let parent = Parent { frame: id, index };
    if let Some(input) = input {
        let frame = Frame::ready(Some(parent), map.item_processor.start_at.clone(), input, position);
        fork::add_child(turn, child, fork, frame.into())?;
        turn.count_frame(child);
    } else {
        fork::add_child(turn, child, fork, Part::Begun(Begun { parent, position }))?;
    }
    turn.parts.root_mut()?.ready.push_back(child);
    Ok(())
}

/// An iteration that has only begun becomes a frame, with its item as its input.
pub(crate) fn take_up(turn: &mut Turn<'_>, id: PartId) -> Result<(), StepError> {
    let Some(Begun { parent, position }) = turn.parts.begun(id) else { return Ok(()) };
    let state = turn.state(turn.parts.frame(parent.frame)?)?;
    let StateKind::Map(map) = &state.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Map state", state.name)));
    };
    let input = item(turn.parts.items_of(parent.frame)?, parent.index)?.value;
    let frame = Frame::ready(Some(parent), map.item_processor.start_at.clone(), input.into(), position);
    turn.parts.put(id, frame.into());
    Ok(())
}

/// What an iteration begins with: the item, or what `ItemSelector` makes of it.
pub(super) fn iteration_input(mut visit: Visit<'_>, map: &Map, item: MapItem) -> Result<Payload, Stop> {
    let input = match &map.item_selector {
        None => item.value,
        Some(selector) => {
            visit.context.map_item = Some(item);
            let field = if map.selector_is_parameters { "Parameters" } else { "ItemSelector" };
            let input = data::input(&visit, &map.state.fields)?;
            visit.template(selector, field, Sees::input(input.value()))?
        }
    };
    visit.within_limit(Payload::from(input))
}

/// `ItemsPath` or `Items`; without them the input. Only a distributed Map goes over the members of an object.
pub(super) fn items(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<Value, Stop> {
    if let Some(template) = &map.items_template {
        return Ok(visit.with_scope(Sees::input(input), |scope| template.evaluate(scope, visit.ambient, "Items"))?);
    }
    let items = match &map.items {
        None => input.clone(),
        Some(MaybePath::Literal(items)) => items.clone(),
        Some(MaybePath::Path(path)) => {
            visit.with_scope(Sees::input(input), |scope| path.evaluate_reference(scope, visit.ambient))?
        }
        Some(MaybePath::Expression(expression)) => visit.expression(expression, "Items", Sees::input(input))?,
    };
    if matches!(items, Value::Array(_)) || (matches!(items, Value::Object(_)) && map.distributed.is_some()) {
        return Ok(items);
    }
    Err(match (&map.items, visit.state.query_language) {
        (Some(MaybePath::Expression(expression)), _) => unexpected(expression, "Items", "array", &items),
        (_, QueryLanguage::Jsonata) => {
            let sentence = format!("Map state input must be an array but was: {items}");
            Failed::evaluating(QUERY_EVALUATION_ERROR, sentence).into()
        }
        (Some(MaybePath::Path(path)), QueryLanguage::JsonPath) => not_an_array(path_shown(path)),
        (Some(MaybePath::Literal(_)) | None, QueryLanguage::JsonPath) => not_an_array("$"),
    })
}

/// AWS shows a path into the context object as if it went into the input.
fn path_shown(path: &Path) -> &str {
    path.source().strip_prefix('$').filter(|_| path.is_context()).unwrap_or(path.source())
}

fn not_an_array(path: &str) -> Stop {
    Failed::runtime(format!("Reference path \"{path}\" must point to array.")).into()
}

pub(crate) fn length(items: &Value) -> u64 {
    let members = items.as_object().map(json::Object::len);
    members.or_else(|| items.as_array().map(<[Value]>::len)).unwrap_or(0) as u64
}

/// `$$.Map.Item` of item `index`. Each member of an object is an item, with its key.
pub(crate) fn item(items: &Payload, index: u64) -> Result<MapItem, StepError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    let member = items.value().as_object().and_then(|object| object.nth(place));
    let found = match member {
        Some((key, value)) => Some((Some(key.clone()), value)),
        None => items.value().as_array().and_then(|array| array.get(place)).map(|value| (None, value)),
    };
    let (key, value) = found.ok_or_else(|| StepError::Corrupt(format!("there is no item {index}")))?;
    Ok(MapItem { index, key, value: value.clone(), source: None })
}

/// `MaxConcurrency`: 0 is as many as may.
pub(super) fn max_concurrency(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<u64, Stop> {
    match &map.max_concurrency {
        None => Ok(0),
        Some(MaybePath::Literal(count)) => Ok(*count),
        Some(MaybePath::Path(path)) => {
            let value = visit.path(path, input)?;
            let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            let number = number.ok_or_else(|| {
                let path = path.source();
                let what = format!("refers to value {value} which is not a valid integer: {path}");
                Stop::from(Failed::runtime(format!("The MaxConcurrencyPath field {what}")))
            })?;
            u64::try_from(number).map_err(|_| Failed::runtime("MaxConcurrency cannot be negative.").into())
        }
        Some(MaybePath::Expression(expression)) => {
            let value = visit.expression(expression, "MaxConcurrency", Sees::input(input))?;
            as_count(&value).ok_or_else(|| unexpected(expression, "MaxConcurrency", "number", &value))
        }
    }
}
