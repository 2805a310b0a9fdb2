//! `UpdateStateMachineAlias`: changes the description or the routing of an alias.

use crate::model::{UpdateStateMachineAliasInput, UpdateStateMachineAliasOutput};
use crate::operation::Operation;
use crate::operations::aliases::{self, state_machine_of};
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn};
use engine::AliasChange;

const NOTHING_TO_CHANGE: &str = "Either the description or the RoutingConfiguration must be specified";

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachineAlias.html>
pub(crate) struct UpdateStateMachineAlias;

impl Operation for UpdateStateMachineAlias {
    const NAME: &'static str = "UpdateStateMachineAlias";
    type Input = UpdateStateMachineAliasInput;
    type Output = UpdateStateMachineAliasOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: UpdateStateMachineAliasInput,
    ) -> Result<UpdateStateMachineAliasOutput, ApiError> {
        let arn = arn::alias(&input.state_machine_alias_arn)?;
        if input.description.is_none() && input.routing_configuration.is_none() {
            return Err(ApiError::validation_because("MISSING_REQUIRED_PARAMETER", NOTHING_TO_CHANGE));
        }
        let routing = input.routing_configuration.as_deref().map(aliases::read).transpose()?;
        if let Some(routing) =
            routing.as_ref().filter(|routing| Some(&routing.state_machine) != state_machine_of(&arn).as_ref())
        {
            return Err(aliases::of_another(&routing.state_machine));
        }
        let change = AliasChange { description: input.description, routes: routing.map(|routing| routing.routes) };
        let alias = api.engine().update_alias(&arn, change).await?;
        Ok(UpdateStateMachineAliasOutput { update_date: Timestamp(alias.updated_ms) })
    }
}
