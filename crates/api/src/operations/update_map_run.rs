//! `UpdateMapRun`: changes concurrency and tolerated failures of a Map Run that runs.

use crate::model::{UpdateMapRunInput, UpdateMapRunOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};
use machine::MapRunUpdate;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateMapRun.html>
pub(crate) struct UpdateMapRun;

impl Operation for UpdateMapRun {
    const NAME: &'static str = "UpdateMapRun";
    type Input = UpdateMapRunInput;
    type Output = UpdateMapRunOutput;

    async fn call(api: &Api, _caller: &Caller, input: UpdateMapRunInput) -> Result<UpdateMapRunOutput, ApiError> {
        let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
        let update = MapRunUpdate {
            max_concurrency: count(input.max_concurrency),
            tolerated_failure_count: count(input.tolerated_failure_count),
            tolerated_failure_percentage: input.tolerated_failure_percentage,
        };
        api.engine().update_map_run(&arn::map_run(&input.map_run_arn)?, update).await?;
        Ok(UpdateMapRunOutput {})
    }
}
