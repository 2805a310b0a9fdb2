//! `CreateStateMachine`: creates a state machine; the same one a second time gives the one that is there.

use crate::model::{CreateStateMachineInput, CreateStateMachineOutput};
use crate::operation::Operation;
use crate::operations::tags;
use crate::operations::versions;
use crate::shape::Timestamp;
use crate::{Api, ApiError, Caller, arn, configuration, definition};
use asl::Resource;
use engine::NewStateMachine;

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>
pub(crate) struct CreateStateMachine;

impl Operation for CreateStateMachine {
    const NAME: &'static str = "CreateStateMachine";
    type Input = CreateStateMachineInput;
    type Output = CreateStateMachineOutput;

    async fn call(
        api: &Api,
        caller: &Caller,
        input: CreateStateMachineInput,
    ) -> Result<CreateStateMachineOutput, ApiError> {
        let publish = versions::to_publish(input.publish, input.version_description)?;
        arn::check_name(&input.name)?;
        arn::any(&input.role_arn)?;
        let configurations = configuration::of_new(
            input.logging_configuration,
            input.tracing_configuration,
            input.encryption_configuration,
        )?;
        let state_machine_type = definition::state_machine_type(input.r#type.as_deref());
        let new = NewStateMachine {
            arn: caller.arn(Resource::StateMachine { name: input.name }),
            parsed: definition::parse(api, &input.definition, state_machine_type).await?,
            definition: input.definition,
            role_arn: input.role_arn,
            state_machine_type,
            logging: configurations.logging,
            tracing: configurations.tracing,
            encryption: configurations.encryption,
            tags: tags::pairs(input.tags.unwrap_or_default())?,
            publish,
        };
        let created = api.engine().create_state_machine(new).await?;
        Ok(CreateStateMachineOutput {
            state_machine_arn: created.state_machine.arn.clone(),
            creation_date: Timestamp(created.state_machine.created_ms),
            state_machine_version_arn: created.version_arn,
        })
    }
}
