//! `ListStateMachineAliases`: lists the aliases of a state machine or of one of its versions, the oldest first.

use crate::model::{ListStateMachineAliasesInput, ListStateMachineAliasesOutput, StateMachineAliasListItem};
use crate::operation::Operation;
use crate::operations::aliases::state_machine_of;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};
use engine::AliasRecord;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineAliases.html>
pub(crate) struct ListStateMachineAliases;

impl Operation for ListStateMachineAliases {
    const NAME: &'static str = "ListStateMachineAliases";
    type Input = ListStateMachineAliasesInput;
    type Output = ListStateMachineAliasesOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: ListStateMachineAliasesInput,
    ) -> Result<ListStateMachineAliasesOutput, ApiError> {
        let arn = arn::state_machine_or_version(&input.state_machine_arn)?;
        let filter = [Self::NAME, &*input.state_machine_arn];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let found = api.engine().list_aliases(&arn, page).await?;
        let state_machine = state_machine_of(&arn).unwrap_or(arn);
        let item = |alias: AliasRecord| StateMachineAliasListItem {
            state_machine_alias_arn: format!("{state_machine}:{}", alias.name).into(),
            creation_date: Timestamp(alias.created_ms),
        };
        Ok(ListStateMachineAliasesOutput {
            state_machine_aliases: found.items.into_iter().map(item).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
