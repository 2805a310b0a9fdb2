//! A Map under test: its fields are evaluated as ever, and a mock stands for its iterations.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html>

use super::{Move, map, unexpected};
use crate::data;
use crate::failure::{Failed, Stop};
use crate::visit::{Sees, Visit, as_count};
use crate::{Failure, item_reader, test_state::Test};
use asl::{ItemBatcher, ItemReader, Map, MaybePath, QueryLanguage};
use json::{Object, Payload, Value};

pub(super) fn begin(visit: &Visit<'_>, map: &Map, result: Result<Payload, Stop>) -> Result<Move, Stop> {
    let input = data::input(visit, &map.state.fields)?;
    let items = items(visit, map, input.value())?;
    let max_concurrency = map::max_concurrency(visit, map, input.value())?;
    visit.note(|inspection| inspection.max_concurrency = Some(max_concurrency));
    let count = tolerated_count(visit, map, input.value())?;
    visit.note(|inspection| inspection.tolerated_failure_count = count);
    let percentage = tolerated_percentage(visit, map, input.value())?;
    visit.note(|inspection| inspection.tolerated_failure_percentage = percentage);
    if let Some(items) = &items {
        select(visit, map, items, input.value())?;
    }
    let result = result?;
    let failures = visit.test.and_then(Test::map_failures).unwrap_or(0);
    // Where nobody said what is read, the mock says for how many items.
    let items = map::length(items.as_ref().unwrap_or(&result).value());
    if count.is_some_and(|count| failures > count) || percentage.is_some_and(|most| share(failures, items) > most) {
        let cause = "The specified tolerated failure threshold was exceeded";
        return Err(Failure::new("States.ExceedToleratedFailureThreshold", cause).into());
    }
    data::finish(visit, &map.state, result)
}

/// Per cent of the items.
#[expect(clippy::cast_precision_loss, reason = "no Map has so many items")]
fn share(failures: u64, items: u64) -> f64 {
    100.0 * failures as f64 / items.max(1) as f64
}

/// The items; `None` when an `ItemReader` would read them, and nobody said what.
fn items(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<Option<Payload>, Stop> {
    let item_reader = map.distributed.as_ref().and_then(|distributed| distributed.item_reader.as_ref());
    let items = if let Some(item_reader) = item_reader {
        visit.test.and_then(Test::map_item_reader_data).map(|data| read(visit, item_reader, data)).transpose()?
    } else {
        let items = Payload::from(map::items(visit, map, input)?);
        if visit.state.query_language == QueryLanguage::JsonPath {
            visit.note(|inspection| inspection.after_items_path = Some(items.clone()));
        }
        Some(items)
    };
    visit.note(|inspection| inspection.items = items.as_ref().map(|items| map::length(items.value())));
    Ok(items)
}

/// The items in what `ItemReader` would read.
fn read(visit: &Visit<'_>, reader: &ItemReader, data: &str) -> Result<Payload, Stop> {
    let failed = |cause: String| Stop::from(item_reader::failed(cause));
    let data = item_reader::items(reader, data)?;
    let items = match &reader.items_pointer {
        None => data,
        Some(pointer) => {
            let found = pointed(&data, pointer).cloned();
            let found = found.ok_or_else(|| failed(format!("the ItemsPointer `{pointer}` leads to no value")))?;
            visit.note(|inspection| inspection.after_items_pointer = Some(found.clone().into()));
            found
        }
    };
    let most = number(visit, reader.max_items.as_ref(), "MaxItems", visit.raw_input().value())?;
    if most == Some(0) {
        return Err(failed("field MaxItems must be positive".to_owned()));
    }
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    match &items {
        Value::Array(elements) => Ok(elements.iter().take(most).cloned().collect::<Value>().into()),
        Value::Object(members) => {
            let first = members.iter().take(most).map(|(name, member)| (name.clone(), member.clone()));
            Ok(first.collect::<Value>().into())
        }
        _ => Err(failed(format!("the items that are read must be an array or an object: {items}"))),
    }
}

/// What a JSON Pointer (RFC 6901) leads to.
fn pointed<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        _ => value.get(&step.replace("~1", "/").replace("~0", "~")),
    })
}

/// What the iterations would begin with: one item each, or with `ItemBatcher` several. It is not shown when it is more
/// than a payload may be, or when it takes more than its share of the step's budget.
fn select(visit: &Visit<'_>, map: &Map, items: &Payload, input: &Value) -> Result<(), Stop> {
    let batcher = map.distributed.as_ref().and_then(|distributed| distributed.item_batcher.as_ref());
    if map.item_selector.is_none() && batcher.is_none() {
        return Ok(());
    }
    let mut inputs = Vec::new();
    let mut bytes = 0;
    for index in 0..map::length(items.value()) {
        let input = map::iteration_input(visit.clone(), map, map::item(items, index)?)?;
        bytes += input.byte_len();
        if bytes > visit.limits.payload_bytes_max || visit.ambient.is_running_low() {
            return Ok(());
        }
        inputs.push(input.value().clone());
    }
    if map.item_selector.is_some() {
        let selected = Payload::from(Value::from(inputs.clone()));
        visit.note(|inspection| inspection.after_item_selector = Some(selected));
    }
    if let Some(batcher) = batcher {
        let groups = batch(visit, batcher, inputs, input)?;
        visit.note(|inspection| inspection.after_item_batcher = Some(Value::from(groups).into()));
    }
    Ok(())
}

/// Each batch is full when it has so many items or bytes; it has at least one item.
fn batch(visit: &Visit<'_>, batcher: &ItemBatcher, items: Vec<Value>, input: &Value) -> Result<Vec<Value>, Stop> {
    let items_max = number(visit, batcher.max_items_per_batch.as_ref(), "MaxItemsPerBatch", input)?;
    let bytes_max = number(visit, batcher.max_input_bytes_per_batch.as_ref(), "MaxInputBytesPerBatch", input)?;
    let mut empty = Object::new();
    if let Some(template) = &batcher.batch_input {
        empty.insert("BatchInput", visit.template(template, "BatchInput", Sees::input(input))?);
    }
    empty.insert("Items", Value::from(Vec::<Value>::new()));
    let empty_bytes = Value::Object(empty.clone()).to_string().len() as u64;
    let mut groups: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let item_bytes = item.to_string().len() as u64 + 1;
        let fits = |open: &Vec<Value>| {
            items_max.is_none_or(|most| (open.len() as u64) < most)
                && bytes_max.is_none_or(|most| bytes + item_bytes <= most)
        };
        if let Some(open) = groups.last_mut().filter(|open| fits(open)) {
            open.push(item);
            bytes += item_bytes;
        } else {
            groups.push(vec![item]);
            bytes = empty_bytes + item_bytes;
        }
    }
    let close = |items: Vec<Value>| {
        let mut batch = empty.clone();
        batch.insert("Items", Value::from(items));
        Value::Object(batch)
    };
    Ok(groups.into_iter().map(close).collect())
}

fn tolerated_count(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<Option<u64>, Stop> {
    number(visit, map.tolerated_failure_count.as_ref(), "ToleratedFailureCount", input)
}

fn number(
    visit: &Visit<'_>,
    written: Option<&MaybePath<u64>>,
    field: &str,
    input: &Value,
) -> Result<Option<u64>, Stop> {
    match written {
        None => Ok(None),
        Some(MaybePath::Literal(count)) => Ok(Some(*count)),
        Some(MaybePath::Path(path)) => {
            let value = visit.path(path, input)?;
            let number = value.as_i64().ok_or_else(|| no_number(field, path.source(), &value, "integer"))?;
            let negative = |_| Failed::runtime(format!("{field} cannot be negative.")).into();
            u64::try_from(number).map(Some).map_err(negative)
        }
        Some(MaybePath::Expression(expression)) => {
            let value = visit.expression(expression, field, Sees::input(input))?;
            as_count(&value).map(Some).ok_or_else(|| unexpected(expression, field, "number", &value))
        }
    }
}

fn tolerated_percentage(visit: &Visit<'_>, map: &Map, input: &Value) -> Result<Option<f64>, Stop> {
    let field = "ToleratedFailurePercentage";
    let percentage = match &map.tolerated_failure_percentage {
        None => return Ok(None),
        Some(MaybePath::Literal(percentage)) => *percentage,
        Some(MaybePath::Path(path)) => {
            let value = visit.path(path, input)?;
            value.as_f64().ok_or_else(|| no_number(field, path.source(), &value, "float"))?
        }
        Some(MaybePath::Expression(expression)) => {
            let value = visit.expression(expression, field, Sees::input(input))?;
            value.as_f64().ok_or_else(|| unexpected(expression, field, "number", &value))?
        }
    };
    if (0.0..=100.0).contains(&percentage) {
        return Ok(Some(percentage));
    }
    Err(Failed::runtime(format!("{field} must be between 0 and 100.")).into())
}

fn no_number(field: &str, path: &str, value: &Value, wanted: &str) -> Stop {
    let sentence = format!("The {field}Path field refers to value {value} which is not a valid {wanted}: {path}");
    Failed::runtime(sentence).into()
}
