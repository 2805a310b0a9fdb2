//! `CreateStateMachineAlias`: gives one or two versions of a state machine a name; the same one a second time gives the one that is there.

use crate::model::{CreateStateMachineAliasInput, CreateStateMachineAliasOutput};
use crate::operation::Operation;
use crate::operations::aliases;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller};
use asl::Resource;
use engine::NewAlias;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachineAlias.html>
pub(crate) struct CreateStateMachineAlias;

impl Operation for CreateStateMachineAlias {
    const NAME: &'static str = "CreateStateMachineAlias";
    type Input = CreateStateMachineAliasInput;
    type Output = CreateStateMachineAliasOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: CreateStateMachineAliasInput,
    ) -> Result<CreateStateMachineAliasOutput, ApiError> {
        let routing = aliases::read(&input.routing_configuration)?;
        let Resource::StateMachine { name } = &routing.state_machine.resource else {
            return Err(ApiError::internal("a route that leads to no state machine"));
        };
        let arn = routing.state_machine.with_resource(Resource::Alias { name: name.clone(), alias: input.name });
        let new = NewAlias { arn: arn.clone(), description: input.description, routes: routing.routes };
        let alias = api.engine().create_alias(new).await?;
        Ok(CreateStateMachineAliasOutput {
            state_machine_alias_arn: arn.to_string().into(),
            creation_date: Timestamp(alias.created_ms),
        })
    }
}
