//! `DeleteStateMachine`: deletes a state machine; one that does not exist is deleted already.

use crate::model::{DeleteStateMachineInput, DeleteStateMachineOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html>
pub(crate) struct DeleteStateMachine;

impl Operation for DeleteStateMachine {
    const NAME: &'static str = "DeleteStateMachine";
    type Input = DeleteStateMachineInput;
    type Output = DeleteStateMachineOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DeleteStateMachineInput,
    ) -> Result<DeleteStateMachineOutput, ApiError> {
        api.engine().delete_state_machine(&arn::unqualified_state_machine(&input.state_machine_arn)?).await?;
        Ok(DeleteStateMachineOutput {})
    }
}
