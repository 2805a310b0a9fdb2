//! `UpdateStateMachine`: changes a state machine; running executions keep the definition that they started with.

use crate::model::{UpdateStateMachineInput, UpdateStateMachineOutput};
use crate::operation::Operation;
use crate::operations::versions;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn, configuration, definition};
use engine::StateMachineChange;

const NOTHING_TO_CHANGE: &str =
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html>
pub(crate) struct UpdateStateMachine;

impl Operation for UpdateStateMachine {
    const NAME: &'static str = "UpdateStateMachine";
    type Input = UpdateStateMachineInput;
    type Output = UpdateStateMachineOutput;

    async fn call(
        api: &Api,
        _caller: &Caller,
        input: UpdateStateMachineInput,
    ) -> Result<UpdateStateMachineOutput, ApiError> {
        let arn = arn::unqualified_state_machine(&input.state_machine_arn)?;
        if changes_nothing(&input) {
            return Err(ApiError::new("MissingRequiredParameter", NOTHING_TO_CHANGE));
        }
        let publish = versions::to_publish(input.publish, input.version_description)?;
        if let Some(role_arn) = &input.role_arn {
            arn::any(role_arn)?;
        }
        let configurations = configuration::of_change(
            input.logging_configuration,
            input.tracing_configuration,
            input.encryption_configuration,
        )?;
        let definition = match input.definition {
            None => None,
            Some(text) => {
                // What a definition may hold depends on the type, which never changes.
                let state_machine_type = api.engine().state_machine(&arn).await?.state_machine_type;
                let parsed = definition::parse(api, &text, state_machine_type).await?;
                Some((text, parsed))
            }
        };
        let change = StateMachineChange {
            definition,
            role_arn: input.role_arn,
            logging: configurations.logging,
            tracing: configurations.tracing,
            encryption: configurations.encryption,
            publish,
        };
        let updated = api.engine().update_state_machine(&arn, change).await?;
        Ok(UpdateStateMachineOutput {
            update_date: Timestamp(updated.state_machine.updated_ms),
            revision_id: updated.state_machine.revision_id.clone(),
            state_machine_version_arn: updated.version_arn,
        })
    }
}

fn changes_nothing(input: &UpdateStateMachineInput) -> bool {
    input.definition.is_none()
        && input.role_arn.is_none()
        && input.logging_configuration.is_none()
        && input.tracing_configuration.is_none()
        && input.encryption_configuration.is_none()
}
