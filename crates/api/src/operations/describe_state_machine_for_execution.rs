//! `DescribeStateMachineForExecution`: tells what the state machine was when an execution started.

use crate::model::{DescribeStateMachineForExecutionInput, DescribeStateMachineForExecutionOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};
use asl::Resource;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineForExecution.html>
pub(crate) struct DescribeStateMachineForExecution;

impl Operation for DescribeStateMachineForExecution {
    const NAME: &'static str = "DescribeStateMachineForExecution";
    type Input = DescribeStateMachineForExecutionInput;
    type Output = DescribeStateMachineForExecutionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DescribeStateMachineForExecutionInput,
    ) -> Result<DescribeStateMachineForExecutionOutput, ApiError> {
        let arn = arn::execution_with_history(&input.execution_arn, api.engine().keeps_express_history())?;
        let record = api.engine().state_machine_of_execution(&arn).await?;
        let with_data = record::with_data(input.included_data.as_ref());
        let output = api.engine().apart(move || record::state_machine_of_execution(&record, with_data)).await?;
        let (Resource::Execution { state_machine, .. } | Resource::ExpressExecution { state_machine, .. }) =
            &arn.resource
        else {
            return Ok(output);
        };
        let Some((_, label)) = state_machine.split_once('/') else { return Ok(output) };
        // A child of a Map Run executes `stateMachine:NAME/LABEL`.
        let child = api.engine().execution(&arn).await?;
        Ok(DescribeStateMachineForExecutionOutput {
            state_machine_arn: child.state_machine_arn,
            map_run_arn: child.map_run_arn,
            label: Some(label.into()),
            ..output
        })
    }
}
