//! `SendTaskFailure`: a worker reports that its task failed.

use crate::model::{SendTaskFailureInput, SendTaskFailureOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller};
use engine::TaskAnswer;
use machine::Failure;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html>
pub(crate) struct SendTaskFailure;

impl Operation for SendTaskFailure {
    const NAME: &'static str = "SendTaskFailure";
    type Input = SendTaskFailureInput;
    type Output = SendTaskFailureOutput;

    async fn call(api: &Api, caller: &Caller, input: SendTaskFailureInput) -> Result<SendTaskFailureOutput, ApiError> {
        let failure = Failure { error: input.error, cause: input.cause };
        api.engine().answer_task(&input.task_token, TaskAnswer::Failed(failure), caller.origin).await?;
        Ok(SendTaskFailureOutput {})
    }
}
