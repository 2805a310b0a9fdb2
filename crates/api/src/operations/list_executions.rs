//! `ListExecutions`: lists executions of a state machine, or those that a version or an alias started, newest first.

use crate::model::{ListExecutionsInput, ListExecutionsOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};
use asl::{Resource, StateMachineType};
use engine::ExecutionFilter;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html>
pub(crate) struct ListExecutions;

impl Operation for ListExecutions {
    const NAME: &'static str = "ListExecutions";
    type Input = ListExecutionsInput;
    type Output = ListExecutionsOutput;

    async fn call(api: &Api, _caller: &Caller, input: ListExecutionsInput) -> Result<ListExecutionsOutput, ApiError> {
        let Some(state_machine_arn) = state_machine_of(&input)? else {
            return Err(ApiError::unsupported("`mapRunArn` of `ListExecutions`"));
        };
        let status = match input.status_filter.as_deref() {
            None => None,
            Some(name) => Some(record::status_of(name).ok_or_else(|| {
                ApiError::validation(format!("The status filter {name} can only be used with a Map Run ARN"))
            })?),
        };
        let redriven = input.redrive_filter.as_deref();
        let filter = [Self::NAME, state_machine_arn, status.map_or("", record::status_name), redriven.unwrap_or("")];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let state_machine = arn::state_machine(state_machine_arn)?;
        // Executions of Express state machines are not listed.
        let record = match state_machine.resource {
            Resource::StateMachine { .. } => api.engine().state_machine(&state_machine).await?,
            _ => api.engine().version(&state_machine).await?.state_machine,
        };
        if record.state_machine_type == StateMachineType::Express {
            return Err(engine::Error::StateMachineTypeNotSupported.into());
        }
        let is_redriven = redriven.map(|redriven| redriven == "REDRIVEN");
        let wanted = ExecutionFilter { state_machine, status, is_redriven };
        let found = api.engine().list_executions(wanted, page).await?;
        Ok(ListExecutionsOutput {
            executions: found.items.into_iter().map(record::execution_in_list).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}

/// The state machine whose executions are asked for; `None` when those of a Map Run are.
fn state_machine_of(input: &ListExecutionsInput) -> Result<Option<&str>, ApiError> {
    match (&input.state_machine_arn, &input.map_run_arn) {
        (Some(arn), None) => Ok(Some(arn)),
        (None, Some(_)) => Ok(None),
        _ => Err(ApiError::validation("Must provide exactly one of stateMachineArn or mapRunArn")),
    }
}
