//! Records of the engine as operations show them.

use crate::configuration;
use crate::definition::type_name;
use crate::model::{
    CloudWatchEventsExecutionDataDetails, DescribeExecutionOutput, DescribeStateMachineForExecutionOutput,
    DescribeStateMachineOutput, ExecutionListItem,
};
use crate::shape::Timestamp;
use engine::{ExecutionRecord, NotRedrivable, StateMachineRecord, Version};
use json::Text;
use machine::{Failure, Outcome, Status};
use std::collections::BTreeMap;

/// What `includedData` asks for: with `METADATA_ONLY` no definition, input or output is shown.
pub(crate) fn with_data(included_data: Option<&Text>) -> bool {
    included_data.is_none_or(|included| &**included != "METADATA_ONLY")
}

pub(crate) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

/// The status of a child of a Map Run that was redriven, and has not come to the child yet.
pub(crate) const PENDING_REDRIVE: &str = "PENDING_REDRIVE";

/// The status as it is shown.
fn shown_status(record: &ExecutionRecord) -> Text {
    if record.is_pending_redrive { PENDING_REDRIVE } else { status_name(record.status) }.into()
}

/// The status that a request names; `None` for one that no execution of a state machine has.
pub(crate) fn status_of(name: &str) -> Option<Status> {
    let all = [Status::Running, Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted];
    all.into_iter().find(|status| status_name(*status) == name)
}

/// Output, error and cause of an execution.
pub(crate) fn outcome(outcome: Option<Outcome>) -> (Option<Text>, Option<Text>, Option<Text>) {
    match outcome {
        None => (None, None, None),
        Some(Outcome::Succeeded { output }) => (Some(output.text().clone()), None, None),
        Some(Outcome::Failed(failure) | Outcome::TimedOut(failure) | Outcome::Aborted(failure)) => {
            let Failure { error, cause } = failure;
            (None, error, cause)
        }
    }
}

pub(crate) fn data_details(included: bool) -> CloudWatchEventsExecutionDataDetails {
    CloudWatchEventsExecutionDataDetails { included: Some(included) }
}

pub(crate) fn execution(
    record: ExecutionRecord,
    with_data: bool,
    not_redrivable: Option<NotRedrivable>,
) -> DescribeExecutionOutput {
    let status = shown_status(&record);
    let (output, error, cause) = outcome(record.outcome);
    let (redrive_status, reason) = redrive_status(not_redrivable);
    DescribeExecutionOutput {
        execution_arn: record.arn,
        state_machine_arn: record.state_machine_arn,
        name: Some(record.name),
        status,
        start_date: Timestamp(record.start_ms),
        stop_date: record.stop_ms.map(Timestamp),
        input: with_data.then_some(record.input_text),
        input_details: Some(data_details(with_data)),
        output_details: output.as_ref().map(|_| data_details(with_data)),
        output: output.filter(|_| with_data),
        trace_header: record.trace_header,
        map_run_arn: record.map_run_arn,
        error: error.filter(|_| with_data),
        cause: cause.filter(|_| with_data),
        state_machine_version_arn: record.state_machine_version_arn,
        state_machine_alias_arn: record.state_machine_alias_arn,
        redrive_count: Some(record.redrive_count.into()),
        redrive_date: record.redrive_ms.map(Timestamp),
        redrive_status: Some(redrive_status.into()),
        redrive_status_reason: reason.map(Text::from),
    }
}

/// `redriveStatus` and its reason.
fn redrive_status(not_redrivable: Option<NotRedrivable>) -> (&'static str, Option<&'static str>) {
    match not_redrivable {
        None => ("REDRIVABLE", None),
        Some(NotRedrivable::ByMapRun) => ("REDRIVABLE_BY_MAP_RUN", None),
        Some(why) => ("NOT_REDRIVABLE", Some(not_redrivable_because(why))),
    }
}

/// Why an execution cannot be redriven, in AWS's words.
pub(crate) fn not_redrivable_because(why: NotRedrivable) -> &'static str {
    match why {
        NotRedrivable::Running => "Execution is RUNNING and cannot be redriven",
        NotRedrivable::Succeeded => "Execution is SUCCEEDED and cannot be redriven",
        NotRedrivable::Deleting => "State machine is in DELETING status",
        NotRedrivable::NothingKept => "Execution was started before the launch of RedriveExecution",
        NotRedrivable::HistoryFull => "Execution history event limit exceeded",
        // Only who redrives the child itself is told so; AWS's words for that are not known.
        NotRedrivable::ByMapRun => "Execution can be redriven by its Map Run only",
        NotRedrivable::TooOld => "Execution has exceeded the max execution time",
        NotRedrivable::PeriodExceeded => "Execution redrivable period exceeded",
        // AWS describes no Express executions.
        NotRedrivable::Express => "an execution of an Express state machine cannot be redriven",
    }
}

pub(crate) fn execution_in_list(record: ExecutionRecord) -> ExecutionListItem {
    let status = shown_status(&record);
    ExecutionListItem {
        execution_arn: record.arn,
        state_machine_arn: record.state_machine_arn,
        name: record.name,
        status,
        start_date: Timestamp(record.start_ms),
        stop_date: record.stop_ms.map(Timestamp),
        map_run_arn: record.map_run_arn,
        item_count: record.item_count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        state_machine_version_arn: record.state_machine_version_arn,
        state_machine_alias_arn: record.state_machine_alias_arn,
        redrive_count: Some(record.redrive_count.into()),
        redrive_date: record.redrive_ms.map(Timestamp),
    }
}

pub(crate) fn state_machine(record: &StateMachineRecord, with_data: bool) -> DescribeStateMachineOutput {
    DescribeStateMachineOutput {
        state_machine_arn: record.arn.clone(),
        name: record.name.clone(),
        status: Some(if record.deleting { "DELETING" } else { "ACTIVE" }.into()),
        definition: definition(record, with_data),
        role_arn: record.role_arn.clone(),
        r#type: type_name(record.state_machine_type).into(),
        creation_date: Timestamp(record.created_ms),
        logging_configuration: Some(configuration::logging(record.logging.as_ref())),
        tracing_configuration: Some(configuration::tracing(record.tracing.as_ref())),
        label: None,
        revision_id: record.revision_id.clone(),
        description: None,
        encryption_configuration: Some(configuration::encryption(record.encryption.as_ref())),
        variable_references: variable_references(record, with_data),
    }
}

pub(crate) fn version(version: Version, with_data: bool) -> DescribeStateMachineOutput {
    DescribeStateMachineOutput {
        state_machine_arn: version.arn,
        creation_date: Timestamp(version.created_ms),
        description: version.description,
        ..state_machine(&version.state_machine, with_data)
    }
}

pub(crate) fn state_machine_of_execution(
    record: &StateMachineRecord,
    with_data: bool,
) -> DescribeStateMachineForExecutionOutput {
    DescribeStateMachineForExecutionOutput {
        state_machine_arn: record.arn.clone(),
        name: record.name.clone(),
        definition: definition(record, with_data),
        role_arn: record.role_arn.clone(),
        update_date: Timestamp(record.updated_ms),
        logging_configuration: Some(configuration::logging(record.logging.as_ref())),
        tracing_configuration: Some(configuration::tracing(record.tracing.as_ref())),
        map_run_arn: None,
        label: None,
        revision_id: record.revision_id.clone(),
        encryption_configuration: Some(configuration::encryption(record.encryption.as_ref())),
        variable_references: variable_references(record, with_data),
    }
}

fn definition(record: &StateMachineRecord, with_data: bool) -> Text {
    if with_data { record.definition.clone() } else { "{}".into() }
}

/// State to the variables that it reads; not shown when no state reads any.
fn variable_references(record: &StateMachineRecord, with_data: bool) -> Option<BTreeMap<Text, Vec<Text>>> {
    if !with_data {
        return None;
    }
    let parsed = asl::parse_accepted(&record.definition, record.state_machine_type)?;
    let references: BTreeMap<Text, Vec<Text>> = (parsed.variable_references().into_iter())
        .map(|(state, variables)| (state.into(), variables.into_iter().map(Text::from).collect()))
        .collect();
    (!references.is_empty()).then_some(references)
}
