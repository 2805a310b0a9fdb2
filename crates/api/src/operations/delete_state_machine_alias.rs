//! `DeleteStateMachineAlias`: deletes an alias; one that does not exist is deleted already.

use crate::model::{DeleteStateMachineAliasInput, DeleteStateMachineAliasOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineAlias.html>
pub(crate) struct DeleteStateMachineAlias;

impl Operation for DeleteStateMachineAlias {
    const NAME: &'static str = "DeleteStateMachineAlias";
    type Input = DeleteStateMachineAliasInput;
    type Output = DeleteStateMachineAliasOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DeleteStateMachineAliasInput,
    ) -> Result<DeleteStateMachineAliasOutput, ApiError> {
        api.engine().delete_alias(&arn::alias(&input.state_machine_alias_arn)?).await?;
        Ok(DeleteStateMachineAliasOutput {})
    }
}
