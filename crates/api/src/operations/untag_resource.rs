//! `UntagResource`: takes tags off a state machine or an activity.

use crate::model::{UntagResourceInput, UntagResourceOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UntagResource.html>
pub(crate) struct UntagResource;

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    type Input = UntagResourceInput;
    type Output = UntagResourceOutput;

    async fn call(api: &Api, _caller: &Caller, input: UntagResourceInput) -> Result<UntagResourceOutput, ApiError> {
        let keys: Vec<String> = input.tag_keys.iter().map(ToString::to_string).collect();
        api.engine().untag(&arn::taggable(&input.resource_arn)?, &keys).await?;
        Ok(UntagResourceOutput {})
    }
}
