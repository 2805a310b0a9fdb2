//! `TagResource`: puts tags on a state machine or an activity.

use crate::model::{TagResourceInput, TagResourceOutput};
use crate::operation::Operation;
use crate::operations::tags;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html>
pub(crate) struct TagResource;

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Input = TagResourceInput;
    type Output = TagResourceOutput;

    async fn call(api: &Api, _caller: &Caller, input: TagResourceInput) -> Result<TagResourceOutput, ApiError> {
        api.engine().tag(&arn::taggable(&input.resource_arn)?, tags::pairs(input.tags)?).await?;
        Ok(TagResourceOutput {})
    }
}
