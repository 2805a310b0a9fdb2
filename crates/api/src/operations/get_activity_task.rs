//! `GetActivityTask`: a worker asks for a task of an activity, and waits for one.

use crate::model::{GetActivityTaskInput, GetActivityTaskOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};
use std::time::Duration;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html>
pub(crate) struct GetActivityTask;

impl Operation for GetActivityTask {
    const NAME: &'static str = "GetActivityTask";
    type Input = GetActivityTaskInput;
    type Output = GetActivityTaskOutput;

    async fn call(api: &Api, caller: &Caller, input: GetActivityTaskInput) -> Result<GetActivityTaskOutput, ApiError> {
        let arn = arn::activity(&input.activity_arn)?;
        let poll = Duration::from_secs(api.limits().activity_poll_seconds);
        let task = api.engine().activity_task_for(caller.origin, &arn, input.worker_name, poll).await?;
        // Without a task the answer has no token.
        Ok(task.map_or_else(GetActivityTaskOutput::default, |task| GetActivityTaskOutput {
            task_token: Some(task.token),
            input: Some(task.input),
        }))
    }
}
