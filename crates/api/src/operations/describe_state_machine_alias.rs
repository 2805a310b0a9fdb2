//! `DescribeStateMachineAlias`: tells where an alias leads.

use crate::model::{DescribeStateMachineAliasInput, DescribeStateMachineAliasOutput};
use crate::operation::Operation;
use crate::operations::aliases;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineAlias.html>
pub(crate) struct DescribeStateMachineAlias;

impl Operation for DescribeStateMachineAlias {
    const NAME: &'static str = "DescribeStateMachineAlias";
    type Input = DescribeStateMachineAliasInput;
    type Output = DescribeStateMachineAliasOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: DescribeStateMachineAliasInput,
    ) -> Result<DescribeStateMachineAliasOutput, ApiError> {
        let arn = arn::alias(&input.state_machine_alias_arn)?;
        let alias = api.engine().alias(&arn).await?;
        Ok(DescribeStateMachineAliasOutput {
            routing_configuration: Some(aliases::on_the_wire(&arn, &alias)),
            state_machine_alias_arn: Some(input.state_machine_alias_arn),
            name: Some(alias.name),
            description: alias.description,
            creation_date: Some(Timestamp(alias.created_ms)),
            update_date: Some(Timestamp(alias.updated_ms)),
        })
    }
}
