//! Map in DISTRIBUTED mode: asks for a Map Run, and takes its end.
//!
//! All fields but `ItemSelector` are evaluated here, once. The items and all else that the children's inputs are made
//! from go to the Map Run ([`crate::MapRunRequest`]); the execution keeps only the number and the ARN of it.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>

use super::{Move, map, settle, unexpected};
use crate::data;
use crate::failure::{Failed, Halt, RUNTIME, Stop};
use crate::frame::{PendingMapRun, Phase};
use crate::map_run::{Batches, ItemSource, MapRunSettings, ResultDestination, label_of, map_run_arn};
use crate::turn::Turn;
use crate::visit::{Sees, Visit, as_count};
use crate::{Effect, EventDetails, EventType, Failure, MapRunOutcome, MapRunRequest, PartId, StepError};
use asl::{Distributed, Map, MaybePath, StateKind, StateMachineType};
use json::{Payload, Value};
use query::Path;
use std::sync::Arc;

pub(super) fn begin(
    turn: &mut Turn<'_>,
    visit: &Visit<'_>,
    map: &Map,
    distributed: &Distributed,
) -> Result<Move, Stop> {
    if turn.facts.state_machine_type == StateMachineType::Express {
        return Err(Failed::runtime("Express state machine does not support Map in DISTRIBUTED Mode.").into());
    }
    let input = data::input(visit, &map.state.fields)?;
    let items = match &distributed.item_reader {
        Some(_) => Value::Array(Arc::default()),
        None => map::items(visit, map, input.value())?,
    };
    let max_concurrency = map::max_concurrency(visit, map, input.value())?;
    let length = map::length(&items);
    turn.advance(visit.id, EventType::MapStateStarted, EventDetails::MapStateStarted { length })?;
    let settings = settings(visit, map, input.value(), max_concurrency)?;
    let batches = batches(visit, distributed, input.value())?;
    let source = source(visit, distributed, input.value())?;
    let destination = destination(visit, distributed, input.value())?;
    let label = label_of(turn.facts, distributed, &visit.state.name);
    let map_run_arn = map_run_arn(turn.facts, &label, turn.ambient);
    let started = EventDetails::MapRunStarted { map_run_arn: map_run_arn.clone() };
    let id = turn.advance(visit.id, EventType::MapRunStarted, started)?;
    turn.push(Effect::StartMapRun(Arc::new(MapRunRequest {
        id,
        map_run_arn: map_run_arn.clone(),
        label,
        state: visit.state.name.clone(),
        execution_type: distributed.execution_type,
        entered_event: visit.frame.entered.map_or(0, |entered| entered.event),
        entered_ms: visit.context.state_entered_ms,
        retry_count: visit.context.retry_count.unwrap_or(0),
        input,
        variables: visit.scopes.clone(),
        items: items.into(),
        read_from: None,
        settings,
        batches,
        source,
        destination,
    })));
    turn.parts.frame_mut(visit.id)?.phase = Phase::MapRunning(PendingMapRun { id, map_run_arn, redrive_count: 0 });
    Ok(Move::Stay)
}

/// The execution is redriven, and the Map Run of the state was unsuccessful: it goes on.
pub(super) fn redrive(turn: &mut Turn<'_>, id: PartId, pending: PendingMapRun) -> Result<Move, Stop> {
    let redrive_count = pending.redrive_count.saturating_add(1);
    let most = turn.limits.map_run_redrives_max;
    if redrive_count > most {
        let cause = format!("The Map Run has been redriven {most} times and cannot be redriven again.");
        return Err(Failure::new(RUNTIME, cause).into());
    }
    let details = EventDetails::MapRunRedriven { map_run_arn: pending.map_run_arn.clone(), redrive_count };
    let event = turn.advance(id, EventType::MapRunRedriven, details)?;
    let pending = PendingMapRun { id: event, redrive_count, ..pending };
    turn.push(Effect::RedriveMapRun(pending.clone()));
    turn.parts.frame_mut(id)?.phase = Phase::MapRunning(pending);
    Ok(Move::Stay)
}

/// What a Map Run fails with that it would fail with again: a redrive of the execution does not go on with such a Map Run,
/// but makes a new one.
const MADE_ANEW: [&str; 2] = [RUNTIME, "States.DataLimitExceeded"];

/// The Map Run has ended.
pub(crate) fn ended(turn: &mut Turn<'_>, id: PartId, outcome: MapRunOutcome) -> Result<(), Halt> {
    let frame = turn.parts.frame_mut(id)?;
    let goes_on = matches!(&outcome, MapRunOutcome::Failed(failure) if !MADE_ANEW.contains(&failure.name()));
    frame.phase = match frame.map_run().filter(|_| goes_on) {
        Some(pending) => Phase::MapRunUnsuccessful(pending.clone()),
        None => Phase::Ready,
    };
    let visit = turn.visit(id)?;
    let StateKind::Map(map) = &visit.state.kind else {
        return Err(StepError::Corrupt(format!("state `{}` is no Map state", visit.state.name)).into());
    };
    let result = match outcome {
        MapRunOutcome::Succeeded { results } => {
            let succeeded = turn.emit(visit.frame.position, EventType::MapRunSucceeded, EventDetails::None)?;
            if let Some(results) = results {
                turn.emit(succeeded, EventType::MapStateSucceeded, EventDetails::None)?;
                // Recorded since November 2024: the exit follows `MapRunStarted`, and neither of the two events.
                data::finish(&visit, &map.state, results)
            } else {
                turn.parts.frame_mut(id)?.position = succeeded;
                Err(Failure::data_limit(&visit.state.name).into())
            }
        }
        MapRunOutcome::Failed(failure) => {
            let failure = failure.truncated();
            let Failure { error, cause } = failure.clone();
            turn.advance(id, EventType::MapRunFailed, EventDetails::Failed { error, cause })?;
            Err(failure.into())
        }
    };
    settle(turn, id, result)
}

fn settings(visit: &Visit<'_>, map: &Map, input: &Value, max_concurrency: u64) -> Result<MapRunSettings, Stop> {
    let count = map.tolerated_failure_count.as_ref();
    let percentage = map.tolerated_failure_percentage.as_ref();
    Ok(MapRunSettings {
        max_concurrency,
        tolerated_failure_count: count.map(|count| tolerated_count(visit, count, input)).transpose()?,
        tolerated_failure_percentage: percentage
            .map(|percentage| tolerated_percentage(visit, percentage, input))
            .transpose()?,
    })
}

fn tolerated_count(visit: &Visit<'_>, count: &MaybePath<u64>, input: &Value) -> Result<u64, Stop> {
    counted(visit, count, "ToleratedFailureCount", input)?
        .ok_or_else(|| Failed::runtime("ToleratedFailureCount cannot be negative.").into())
}

fn tolerated_percentage(visit: &Visit<'_>, percentage: &MaybePath<f64>, input: &Value) -> Result<f64, Stop> {
    const FIELD: &str = "ToleratedFailurePercentage";
    let percentage = match percentage {
        MaybePath::Literal(percentage) => *percentage,
        MaybePath::Path(path) => {
            let value = visit.path(path, input)?;
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.ok_or_else(|| not_valid(FIELD, "float", path, &value))?
        }
        MaybePath::Expression(expression) => {
            let value = visit.expression(expression, FIELD, Sees::input(input))?;
            value.as_f64().ok_or_else(|| unexpected(expression, FIELD, "number", &value))?
        }
    };
    if (0.0..=100.0).contains(&percentage) {
        return Ok(percentage);
    }
    Err(Failed::runtime("ToleratedFailurePercentage must be between 0 and 100.").into())
}

/// A count that may come from a path or an expression; `None` when it is negative.
fn counted(visit: &Visit<'_>, count: &MaybePath<u64>, field: &str, input: &Value) -> Result<Option<u64>, Stop> {
    match count {
        MaybePath::Literal(count) => Ok(Some(*count)),
        MaybePath::Path(path) => {
            let value = visit.path(path, input)?;
            let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            let number = number.ok_or_else(|| not_valid(field, "integer", path, &value))?;
            Ok(u64::try_from(number).ok())
        }
        MaybePath::Expression(expression) => {
            let value = visit.expression(expression, field, Sees::input(input))?;
            as_count(&value).map(Some).ok_or_else(|| unexpected(expression, field, "number", &value))
        }
    }
}

fn not_valid(field: &str, kind: &str, path: &Path, value: &Value) -> Stop {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (path, article) = (path.source(), "which is not a valid");
    Failed::runtime(format!("The {field}Path field refers to value \"{value}\" {article} {kind}: {path}")).into()
}

fn batches(visit: &Visit<'_>, distributed: &Distributed, input: &Value) -> Result<Option<Batches>, Stop> {
    let Some(batcher) = &distributed.item_batcher else { return Ok(None) };
    let most = |field: &str, count: Option<&MaybePath<u64>>| -> Result<Option<u64>, Stop> {
        let Some(count) = count else { return Ok(None) };
        match counted(visit, count, field, input)? {
            Some(count @ 1..) => Ok(Some(count)),
            Some(0) | None => Err(Failed::runtime(format!("{field} must be positive.")).into()),
        }
    };
    let batch_input = batcher.batch_input.as_ref();
    Ok(Some(Batches {
        items_max: most("MaxItemsPerBatch", batcher.max_items_per_batch.as_ref())?,
        bytes_max: most("MaxInputBytesPerBatch", batcher.max_input_bytes_per_batch.as_ref())?,
        input: batch_input
            .map(|template| visit.template(template, "BatchInput", Sees::input(input)).map(Payload::from))
            .transpose()?,
    }))
}

fn source(visit: &Visit<'_>, distributed: &Distributed, input: &Value) -> Result<Option<ItemSource>, Stop> {
    let Some(reader) = &distributed.item_reader else { return Ok(None) };
    let arguments = match &reader.arguments {
        Some(arguments) => visit.template(arguments, "ItemReader", Sees::input(input))?,
        None => Value::Null,
    };
    let max_items = reader.max_items.as_ref();
    Ok(Some(ItemSource {
        resource: reader.resource.clone(),
        arguments: arguments.into(),
        reader_config: reader.reader_config.clone().into(),
        max_items: max_items
            .map(|count| counted(visit, count, "MaxItems", input))
            .transpose()?
            .map(Option::unwrap_or_default),
        items_pointer: reader.items_pointer.clone(),
    }))
}

fn destination(visit: &Visit<'_>, distributed: &Distributed, input: &Value) -> Result<Option<ResultDestination>, Stop> {
    let Some(writer) = &distributed.result_writer else { return Ok(None) };
    let arguments = match &writer.arguments {
        Some(arguments) => visit.template(arguments, "ResultWriter", Sees::input(input))?,
        None => Value::Null,
    };
    Ok(Some(ResultDestination {
        resource: writer.resource.clone(),
        arguments: arguments.into(),
        writer_config: writer.writer_config.clone().into(),
    }))
}
