//! `ListExecutions`: lists executions of a state machine, those that a version or an alias started, or the children of a
//! Map Run, newest first.

use crate::model::{ListExecutionsInput, ListExecutionsOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};
use asl::{Arn, Resource, StateMachineType};
use engine::ExecutionFilter;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html>
pub(crate) struct ListExecutions;

impl Operation for ListExecutions {
    const NAME: &'static str = "ListExecutions";
    type Input = ListExecutionsInput;
    type Output = ListExecutionsOutput;

    async fn call(api: &Api, _caller: &Caller, input: ListExecutionsInput) -> Result<ListExecutionsOutput, ApiError> {
        let listed = Listed::of(&input)?;
        let status = input.status_filter.as_deref();
        let is_pending_redrive = status == Some(record::PENDING_REDRIVE);
        if is_pending_redrive && matches!(listed, Listed::StateMachine(_)) {
            let why = "The status filter PENDING_REDRIVE can only be used with a Map Run ARN";
            return Err(ApiError::validation(why));
        }
        let redriven = input.redrive_filter.as_deref();
        let filter = [Self::NAME, listed.arn(), status.unwrap_or(""), redriven.unwrap_or("")];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let state_machine = listed.check(api).await?;
        let is_redriven = redriven.map(|redriven| redriven == "REDRIVEN");
        let status = status.and_then(record::status_of);
        let wanted = ExecutionFilter { state_machine, status, is_pending_redrive, is_redriven };
        let found = api.engine().list_executions(wanted, page).await?;
        Ok(ListExecutionsOutput {
            executions: found.items.into_iter().map(record::execution_in_list).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}

/// Whose executions are asked for.
enum Listed<'i> {
    StateMachine(&'i str),
    MapRun(&'i str),
}

impl Listed<'_> {
    fn of(input: &ListExecutionsInput) -> Result<Listed<'_>, ApiError> {
        match (&input.state_machine_arn, &input.map_run_arn) {
            (Some(arn), None) => Ok(Listed::StateMachine(arn)),
            (None, Some(arn)) => Ok(Listed::MapRun(arn)),
            _ => Err(ApiError::validation("Must provide exactly one of stateMachineArn or mapRunArn")),
        }
    }

    fn arn(&self) -> &str {
        match self {
            Listed::StateMachine(arn) | Listed::MapRun(arn) => arn,
        }
    }

    /// The ARN, of something that exists. Executions of Express state machines are listed with their Map Run only.
    async fn check(&self, api: &Api) -> Result<Arn, ApiError> {
        match self {
            Listed::StateMachine(arn) => {
                let arn = arn::state_machine(arn)?;
                let record = match arn.resource {
                    Resource::StateMachine { .. } => api.engine().state_machine(&arn).await?,
                    _ => api.engine().version(&arn).await?.state_machine,
                };
                if record.state_machine_type == StateMachineType::Express {
                    return Err(engine::Error::StateMachineTypeNotSupported.into());
                }
                Ok(arn)
            }
            Listed::MapRun(arn) => {
                let arn = arn::map_run(arn)?;
                api.engine().map_run(&arn).await?;
                Ok(arn)
            }
        }
    }
}
