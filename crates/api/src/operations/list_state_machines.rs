//! `ListStateMachines`: lists the state machines of the caller's account and Region.

use crate::definition::type_name;
use crate::model::{ListStateMachinesInput, ListStateMachinesOutput, StateMachineListItem};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller};
use engine::ListedStateMachine;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachines.html>
pub(crate) struct ListStateMachines;

impl Operation for ListStateMachines {
    const NAME: &'static str = "ListStateMachines";
    type Input = ListStateMachinesInput;
    type Output = ListStateMachinesOutput;

    async fn call(
        api: &Api,
        caller: &Caller,
        input: ListStateMachinesInput,
    ) -> Result<ListStateMachinesOutput, ApiError> {
        let filter = [Self::NAME, &*caller.region];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let found = api.engine().list_state_machines(&caller.scope(), page).await?;
        let item = |listed: ListedStateMachine| StateMachineListItem {
            state_machine_arn: listed.arn,
            name: listed.name,
            r#type: type_name(listed.state_machine_type).into(),
            creation_date: Timestamp(listed.created_ms),
        };
        Ok(ListStateMachinesOutput {
            state_machines: found.items.into_iter().map(item).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
