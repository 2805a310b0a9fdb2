//! `DescribeStateMachine`: tells what a state machine is.

use crate::model::{DescribeStateMachineInput, DescribeStateMachineOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html>
pub(crate) struct DescribeStateMachine;

impl Operation for DescribeStateMachine {
    const NAME: &'static str = "DescribeStateMachine";
    type Input = DescribeStateMachineInput;
    type Output = DescribeStateMachineOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DescribeStateMachineInput,
    ) -> Result<DescribeStateMachineOutput, ApiError> {
        let record = api.engine().state_machine(&arn::state_machine(&input.state_machine_arn)?).await?;
        Ok(record::state_machine(&record, record::with_data(input.included_data.as_ref())))
    }
}
