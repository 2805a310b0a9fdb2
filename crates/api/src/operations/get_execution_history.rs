//! `GetExecutionHistory`: gives the history of an execution, page by page.

use crate::history::{HistoryPage, ShownEvent};
use crate::model::GetExecutionHistoryInput;
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html>
pub(crate) struct GetExecutionHistory;

impl Operation for GetExecutionHistory {
    const NAME: &'static str = "GetExecutionHistory";
    type Input = GetExecutionHistoryInput;
    type Output = HistoryPage;

    async fn call(api: &Api, _caller: &Caller, input: GetExecutionHistoryInput) -> Result<HistoryPage, ApiError> {
        let arn = arn::execution_with_history(&input.execution_arn, api.engine().keeps_express_history())?;
        let reverse = input.reverse_order.unwrap_or(false);
        let filter = [Self::NAME, &*input.execution_arn, if reverse { "reverse" } else { "" }];
        let page = api.page_tokens().page(input.max_results, input.next_token.as_ref(), &filter)?;
        let with_data = input.include_execution_data.unwrap_or(true);
        let found = if with_data {
            api.engine().history(&arn, reverse, page).await?
        } else {
            api.engine().history_without_data(&arn, reverse, page).await?
        };
        Ok(HistoryPage {
            events: found.items.into_iter().map(|event| ShownEvent { event, with_data }).collect(),
            next_token: api.page_tokens().next(found.next, &filter),
        })
    }
}
