//! `ListActivities`: lists the activities of the caller's account and Region.

use crate::model::{ActivityListItem, ListActivitiesInput, ListActivitiesOutput};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller};
use engine::ActivityRecord;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListActivities.html>
pub(crate) struct ListActivities;

impl Operation for ListActivities {
    const NAME: &'static str = "ListActivities";
    type Input = ListActivitiesInput;
    type Output = ListActivitiesOutput;

    async fn call(api: &Api, caller: &Caller, input: ListActivitiesInput) -> Result<ListActivitiesOutput, ApiError> {
        let filter = [Self::NAME, &*caller.region];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let found = api.engine().list_activities(&caller.scope(), page).await?;
        let item = |record: ActivityRecord| ActivityListItem {
            activity_arn: record.arn,
            name: record.name,
            creation_date: Timestamp(record.created_ms),
        };
        Ok(ListActivitiesOutput {
            activities: found.items.into_iter().map(item).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
