//! `StartExecution`: starts an execution of a state machine.

use crate::model::{StartExecutionInput, StartExecutionOutput};
use crate::operation::Operation;
use crate::operations::execution_input;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
pub(crate) struct StartExecution;

impl Operation for StartExecution {
    const NAME: &'static str = "StartExecution";
    type Input = StartExecutionInput;
    type Output = StartExecutionOutput;

    async fn call(api: &Api, caller: &Caller, input: StartExecutionInput) -> Result<StartExecutionOutput, ApiError> {
        let start = execution_input::start(caller, input)?;
        let started = api.engine().start_execution(start).await?;
        Ok(StartExecutionOutput { execution_arn: started.arn, start_date: Timestamp(started.start_ms) })
    }
}
