//! `RedriveExecution`: goes on with an execution that ended unsuccessfully, where it stood.

use crate::model::{RedriveExecutionInput, RedriveExecutionOutput};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html>
pub(crate) struct RedriveExecution;

impl Operation for RedriveExecution {
    const NAME: &'static str = "RedriveExecution";
    type Input = RedriveExecutionInput;
    type Output = RedriveExecutionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: RedriveExecutionInput,
    ) -> Result<RedriveExecutionOutput, ApiError> {
        let execution = arn::execution(&input.execution_arn)?;
        let redrive = engine::RedriveExecution { execution, client_token: input.client_token };
        let redriven_ms = api.engine().redrive_execution(redrive).await?;
        Ok(RedriveExecutionOutput { redrive_date: Timestamp(redriven_ms) })
    }
}
