//! The inputs of the children: items, selected and batched, made when a child starts.

use super::{ChildStart, ItemRange, MapRun};
use crate::failure::Evaluating;
use crate::{Failure, StepError, states};
use asl::{Limits, Map};
use json::{Object, Payload, Value};
use query::{Ambient, ContextObject, MapItem, Reason, Scope, Variables};
use std::sync::Arc;

/// Where items come from that are not read, as the context object tells it.
const SOURCE: &str = "STATE_DATA";
/// `{"BatchInput":`, `,"Items":[`, `]}`: what a batch has around its items.
const BATCH_FRAME_BYTES: u64 = 28;

/// Why a child has no input.
pub(super) enum NoInput {
    OverBudget,
    Corrupt(StepError),
    /// The Map Run fails with it.
    Failed(Failure),
}

/// The input of a child; `range` is known of one that is started again.
pub(super) fn input(
    run: &MapRun,
    map: &Map,
    child: u64,
    range: Option<ItemRange>,
    ambient: &Ambient,
    limits: &Limits,
) -> Result<ChildStart, NoInput> {
    let first = range.map_or(run.progress.next_item, |range| range.first);
    let (items, input) = match &run.request.batches {
        None => (1, item(run, map, first, ambient)?),
        Some(_) => batch(run, map, first, range.map(|range| range.items), ambient, limits)?,
    };
    let input = Payload::from(input);
    if input.byte_len() > limits.payload_bytes_max || input.is_too_deep() {
        return Err(NoInput::Failed(Failure::data_limit(&run.request.state)));
    }
    Ok(ChildStart { child, range: ItemRange { first, items }, input, is_redriven: false })
}

/// Item `index` after `ItemSelector`.
fn item(run: &MapRun, map: &Map, index: u64, ambient: &Ambient) -> Result<Value, NoInput> {
    let request = &run.request;
    let item = states::item(&request.items, index).map_err(NoInput::Corrupt)?;
    let Some(selector) = &map.item_selector else { return Ok(item.value) };
    let mut context = ContextObject::new(Arc::clone(&run.execution), request.state.clone(), request.entered_ms);
    context.retry_count = Some(request.retry_count);
    context.map_item =
        Some(MapItem { source: Some(request.read_from.clone().unwrap_or_else(|| SOURCE.into())), ..item });
    let variables =
        Variables { scopes: request.variables.iter().filter_map(|scope| scope.value().as_object()).collect() };
    let scope = Scope {
        input: request.input.value(),
        result: None,
        error_output: None,
        context: &context,
        variables: &variables,
    };
    let field = if map.selector_is_parameters { "Parameters" } else { "ItemSelector" };
    selector.evaluate(&scope, ambient, field).map_err(|failure| failed(run, &failure))
}

fn failed(run: &MapRun, failure: &query::Failure) -> NoInput {
    if failure.reason == Reason::OverBudget {
        return NoInput::OverBudget;
    }
    let (state, event) = (&run.request.state, run.request.entered_event);
    NoInput::Failed(Failure::new(failure.reason.error_name(), Evaluating::cause(state, event, &failure.message)))
}

/// `{"BatchInput": …, "Items": [ … ]}` with as many items as fit, one at least.
fn batch(
    run: &MapRun,
    map: &Map,
    first: u64,
    known: Option<u64>,
    ambient: &Ambient,
    limits: &Limits,
) -> Result<(u64, Value), NoInput> {
    let batches = run.request.batches.as_ref();
    let batch_input = batches.and_then(|batches| batches.input.as_ref());
    let bytes_max = batches.and_then(|batches| batches.bytes_max).unwrap_or(limits.payload_bytes_max as u64);
    let items_max = batches.and_then(|batches| batches.items_max).unwrap_or(u64::MAX);
    let left = run.progress.items_total.saturating_sub(first);
    let most = known.unwrap_or_else(|| items_max.min(left));
    let mut bytes = BATCH_FRAME_BYTES + batch_input.map_or(0, |input| input.byte_len() as u64);
    let mut items: Vec<Value> = Vec::new();
    for index in first..first.saturating_add(most) {
        let item = Payload::from(item(run, map, index, ambient)?);
        bytes += item.byte_len() as u64 + 1;
        if bytes > bytes_max && known.is_none() && !items.is_empty() {
            break;
        }
        items.push(item.value().clone());
    }
    let count = items.len() as u64;
    let mut batch = Object::new();
    if let Some(input) = batch_input {
        batch.insert("BatchInput", input.value());
    }
    batch.insert("Items", items);
    Ok((count, batch.into()))
}
