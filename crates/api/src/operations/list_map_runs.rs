//! `ListMapRuns`: lists the Map Runs of an execution, newest first.

use crate::model::{ListMapRunsInput, ListMapRunsOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, map_run};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListMapRuns.html>
pub(crate) struct ListMapRuns;

impl Operation for ListMapRuns {
    const NAME: &'static str = "ListMapRuns";
    type Input = ListMapRunsInput;
    type Output = ListMapRunsOutput;

    async fn call(api: &Api, _caller: &Caller, input: ListMapRunsInput) -> Result<ListMapRunsOutput, ApiError> {
        let execution = arn::execution(&input.execution_arn)?;
        let filter = [Self::NAME, &input.execution_arn];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let found = api.engine().list_map_runs(&execution, page).await?;
        Ok(ListMapRunsOutput {
            map_runs: found.items.into_iter().map(map_run::in_list).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
