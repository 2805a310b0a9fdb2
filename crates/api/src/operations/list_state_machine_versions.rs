//! `ListStateMachineVersions`: lists the versions of a state machine, newest first.

use crate::model::{ListStateMachineVersionsInput, ListStateMachineVersionsOutput, StateMachineVersionListItem};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};
use engine::VersionRecord;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html>
pub(crate) struct ListStateMachineVersions;

impl Operation for ListStateMachineVersions {
    const NAME: &'static str = "ListStateMachineVersions";
    type Input = ListStateMachineVersionsInput;
    type Output = ListStateMachineVersionsOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: ListStateMachineVersionsInput,
    ) -> Result<ListStateMachineVersionsOutput, ApiError> {
        let arn = arn::unqualified_state_machine(&input.state_machine_arn)?;
        let filter = [Self::NAME, &*input.state_machine_arn];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let found = api.engine().list_versions(&arn, page).await?;
        let item = |version: VersionRecord| StateMachineVersionListItem {
            state_machine_version_arn: format!("{arn}:{}", version.number).into(),
            creation_date: Timestamp(version.created_ms),
        };
        Ok(ListStateMachineVersionsOutput {
            state_machine_versions: found.items.into_iter().map(item).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
