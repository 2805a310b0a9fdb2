//! `SendTaskHeartbeat`: a worker reports that it is still at its task.

use crate::model::{SendTaskHeartbeatInput, SendTaskHeartbeatOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller};
use engine::TaskAnswer;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskHeartbeat.html>
pub(crate) struct SendTaskHeartbeat;

impl Operation for SendTaskHeartbeat {
    const NAME: &'static str = "SendTaskHeartbeat";
    type Input = SendTaskHeartbeatInput;
    type Output = SendTaskHeartbeatOutput;

    async fn call(
        api: &Api,
        caller: &Caller,
        input: SendTaskHeartbeatInput,
    ) -> Result<SendTaskHeartbeatOutput, ApiError> {
        api.engine().answer_task(&input.task_token, TaskAnswer::Heartbeat, caller.origin).await?;
        Ok(SendTaskHeartbeatOutput {})
    }
}
