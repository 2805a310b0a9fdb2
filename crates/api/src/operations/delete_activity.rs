//! `DeleteActivity`: deletes an activity.

use crate::model::{DeleteActivityInput, DeleteActivityOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteActivity.html>
pub(crate) struct DeleteActivity;

impl Operation for DeleteActivity {
    const NAME: &'static str = "DeleteActivity";
    type Input = DeleteActivityInput;
    type Output = DeleteActivityOutput;

    async fn call(api: &Api, _caller: &Caller, input: DeleteActivityInput) -> Result<DeleteActivityOutput, ApiError> {
        api.engine().delete_activity(&arn::activity(&input.activity_arn)?).await?;
        Ok(DeleteActivityOutput {})
    }
}
