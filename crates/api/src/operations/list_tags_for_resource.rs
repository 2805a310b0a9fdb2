//! `ListTagsForResource`: lists the tags of a state machine or an activity.

use crate::model::Tag;
use crate::model::{ListTagsForResourceInput, ListTagsForResourceOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListTagsForResource.html>
pub(crate) struct ListTagsForResource;

impl Operation for ListTagsForResource {
    const NAME: &'static str = "ListTagsForResource";
    type Input = ListTagsForResourceInput;
    type Output = ListTagsForResourceOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: ListTagsForResourceInput,
    ) -> Result<ListTagsForResourceOutput, ApiError> {
        let tags = api.engine().tags(&arn::taggable(&input.resource_arn)?).await?;
        let tag = |(key, value): (String, String)| Tag { key: Some(key.into()), value: Some(value.into()) };
        Ok(ListTagsForResourceOutput { tags: Some(tags.into_iter().map(tag).collect()) })
    }
}
