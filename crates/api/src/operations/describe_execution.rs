//! `DescribeExecution`: tells how an execution stands.

use crate::model::{DescribeExecutionInput, DescribeExecutionOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, record};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
pub(crate) struct DescribeExecution;

impl Operation for DescribeExecution {
    const NAME: &'static str = "DescribeExecution";
    type Input = DescribeExecutionInput;
    type Output = DescribeExecutionOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DescribeExecutionInput,
    ) -> Result<DescribeExecutionOutput, ApiError> {
        let record = api
            .engine()
            .execution(&arn::described_execution(&input.execution_arn, api.engine().keeps_express_history())?)
            .await?;
        let not_redrivable = api.engine().not_redrivable(&record).await?;
        Ok(record::execution(record, record::with_data(input.included_data.as_ref()), not_redrivable))
    }
}
