//! `DescribeStateMachineForExecution`: tells what the state machine was when an execution started.

use crate::model::{DescribeStateMachineForExecutionInput, DescribeStateMachineForExecutionOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};

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
        let record = api
            .engine()
            .state_machine_of_execution(&arn::described_execution(
                &input.execution_arn,
                api.engine().keeps_express_history(),
            )?)
            .await?;
        Ok(record::state_machine_of_execution(&record, record::with_data(input.included_data.as_ref())))
    }
}
