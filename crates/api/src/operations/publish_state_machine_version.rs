//! `PublishStateMachineVersion`: publishes a version of a state machine as it is now.

use crate::model::{PublishStateMachineVersionInput, PublishStateMachineVersionOutput};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};
use engine::Publish;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_PublishStateMachineVersion.html>
pub(crate) struct PublishStateMachineVersion;

impl Operation for PublishStateMachineVersion {
    const NAME: &'static str = "PublishStateMachineVersion";
    type Input = PublishStateMachineVersionInput;
    type Output = PublishStateMachineVersionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: PublishStateMachineVersionInput,
    ) -> Result<PublishStateMachineVersionOutput, ApiError> {
        let arn = arn::unqualified_state_machine(&input.state_machine_arn)?;
        let publish = Publish { description: input.description };
        let version = api.engine().publish_version(&arn, input.revision_id, publish).await?;
        Ok(PublishStateMachineVersionOutput {
            creation_date: Timestamp(version.created_ms),
            state_machine_version_arn: format!("{arn}:{}", version.number).into(),
        })
    }
}
