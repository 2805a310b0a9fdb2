//! `DescribeActivity`: tells what an activity is.

use crate::model::{DescribeActivityInput, DescribeActivityOutput};
use crate::operation::Operation;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn, configuration};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeActivity.html>
pub(crate) struct DescribeActivity;

impl Operation for DescribeActivity {
    const NAME: &'static str = "DescribeActivity";
    type Input = DescribeActivityInput;
    type Output = DescribeActivityOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DescribeActivityInput,
    ) -> Result<DescribeActivityOutput, ApiError> {
        let record = api.engine().activity(&arn::activity(&input.activity_arn)?).await?;
        Ok(DescribeActivityOutput {
            activity_arn: record.arn,
            name: record.name,
            creation_date: Timestamp(record.created_ms),
            encryption_configuration: Some(configuration::encryption(record.encryption.as_ref())),
        })
    }
}
