//! `DescribeMapRun`: tells how a Map Run stands, with its counts as of its last step.

use crate::model::{DescribeMapRunInput, DescribeMapRunOutput};
use crate::operation::Operation;
use crate::{Api, ApiError, Caller, arn, map_run};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html>
pub(crate) struct DescribeMapRun;

impl Operation for DescribeMapRun {
    const NAME: &'static str = "DescribeMapRun";
    type Input = DescribeMapRunInput;
    type Output = DescribeMapRunOutput;

    async fn call(api: &Api, _caller: &Caller, input: DescribeMapRunInput) -> Result<DescribeMapRunOutput, ApiError> {
        Ok(map_run::description(api.engine().map_run(&arn::map_run(&input.map_run_arn)?).await?))
    }
}
