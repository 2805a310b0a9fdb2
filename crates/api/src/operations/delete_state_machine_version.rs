//! `DeleteStateMachineVersion`: deletes a version that no alias leads to; one that does not exist is deleted already.

use crate::model::{DeleteStateMachineVersionInput, DeleteStateMachineVersionOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineVersion.html>
pub(crate) struct DeleteStateMachineVersion;

impl Operation for DeleteStateMachineVersion {
    const NAME: &'static str = "DeleteStateMachineVersion";
    type Input = DeleteStateMachineVersionInput;
    type Output = DeleteStateMachineVersionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DeleteStateMachineVersionInput,
    ) -> Result<DeleteStateMachineVersionOutput, ApiError> {
        api.engine().delete_version(&arn::version(&input.state_machine_version_arn)?).await?;
        Ok(DeleteStateMachineVersionOutput {})
    }
}
