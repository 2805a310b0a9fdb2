//! `SendTaskSuccess`: a worker reports the result of its task.

use crate::model::{SendTaskSuccessInput, SendTaskSuccessOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller};
use engine::TaskAnswer;
use json::Payload;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html>
pub(crate) struct SendTaskSuccess;

impl Operation for SendTaskSuccess {
    const NAME: &'static str = "SendTaskSuccess";
    type Input = SendTaskSuccessInput;
    type Output = SendTaskSuccessOutput;

    async fn call(api: &Api, caller: &Caller, input: SendTaskSuccessInput) -> Result<SendTaskSuccessOutput, ApiError> {
        api.engine().check_task_token(&input.task_token)?;
        let output = Payload::parse(&input.output)
            .map_err(|error| ApiError::new("InvalidOutput", format!("Invalid Output: '{}'", error.message)))?;
        api.engine().answer_task(&input.task_token, TaskAnswer::Succeeded(output), caller.origin).await?;
        Ok(SendTaskSuccessOutput {})
    }
}
