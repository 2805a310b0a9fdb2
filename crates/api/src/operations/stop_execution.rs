//! `StopExecution`: aborts a running execution.

use crate::model::{StopExecutionInput, StopExecutionOutput};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html>
pub(crate) struct StopExecution;

impl Operation for StopExecution {
    const NAME: &'static str = "StopExecution";
    type Input = StopExecutionInput;
    type Output = StopExecutionOutput;

    async fn call(api: &Api, _caller: &Caller, input: StopExecutionInput) -> Result<StopExecutionOutput, ApiError> {
        let arn = arn::execution(&input.execution_arn)?;
        let stopped_ms = api.engine().stop_execution(&arn, input.error, input.cause).await?;
        Ok(StopExecutionOutput { stop_date: Timestamp(stopped_ms) })
    }
}
