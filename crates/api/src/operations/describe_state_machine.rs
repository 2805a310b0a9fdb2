//! `DescribeStateMachine`: tells what a state machine is, or what it was when a version was published.

use crate::model::{DescribeStateMachineInput, DescribeStateMachineOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};
use asl::Resource;

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
        let arn = arn::state_machine(&input.state_machine_arn)?;
        let with_data = record::with_data(input.included_data.as_ref());
        if matches!(arn.resource, Resource::StateMachine { .. }) {
            let found = api.engine().state_machine(&arn).await?;
            return Ok(api.engine().apart(move || record::state_machine(&found, with_data)).await?);
        }
        let found = api.engine().version(&arn).await?;
        Ok(api.engine().apart(move || record::version(found, with_data)).await?)
    }
}
