//! `CreateActivity`: registers an activity; a second time it gives the one that is there.

use crate::model::{CreateActivityInput, CreateActivityOutput};
use crate::operation::Operation;
use crate::operations::tags;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn, configuration};
use asl::Resource;
use engine::NewActivity;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateActivity.html>
pub(crate) struct CreateActivity;

impl Operation for CreateActivity {
    const NAME: &'static str = "CreateActivity";
    type Input = CreateActivityInput;
    type Output = CreateActivityOutput;

    async fn call(api: &Api, caller: &Caller, input: CreateActivityInput) -> Result<CreateActivityOutput, ApiError> {
        arn::check_name(&input.name)?;
        let new = NewActivity {
            arn: caller.arn(Resource::Activity { name: input.name }),
            encryption: configuration::encryption_of_new(input.encryption_configuration)?,
            tags: tags::pairs(input.tags.unwrap_or_default())?,
        };
        let record = api.engine().create_activity(new).await?;
        Ok(CreateActivityOutput { activity_arn: record.arn, creation_date: Timestamp(record.created_ms) })
    }
}
