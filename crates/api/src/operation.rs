//! What an operation is, and the table of all of them.

use crate::operations as of;
use crate::shape::{self, Input, Member};
use crate::{Api, ApiError, Caller};
use json::{Object, Value};
use serde::Serialize;
use std::pin::Pin;

/// One operation of AWS Step Functions.
pub(crate) trait Operation {
    /// Suffix of `X-Amz-Target`, and the action of IAM policies.
    const NAME: &'static str;
    type Input: Input + Send;
    type Output: Serialize + Send;
    fn call(
        api: &Api,
        caller: &Caller,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, ApiError>> + Send;
}

/// One row of the table.
pub(crate) struct Route {
    name: &'static str,
    members: &'static [Member],
    call: for<'a> fn(&'a Api, &'a Caller, &'a Object) -> Answer<'a>,
}

/// The body of the answer.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, ApiError>> + Send + 'a>>;

const ROUTES: &[Route] = &[
    // The first ones are called most.
    route::<of::StartExecution>(),
    route::<of::DescribeExecution>(),
    route::<of::SendTaskSuccess>(),
    route::<of::GetActivityTask>(),
    route::<of::GetExecutionHistory>(),
    route::<of::StartSyncExecution>(),
    route::<of::SendTaskFailure>(),
    route::<of::SendTaskHeartbeat>(),
    route::<of::ListExecutions>(),
    route::<of::StopExecution>(),
    route::<of::RedriveExecution>(),
    route::<of::CreateStateMachine>(),
    route::<of::UpdateStateMachine>(),
    route::<of::DescribeStateMachine>(),
    route::<of::DescribeStateMachineForExecution>(),
    route::<of::DeleteStateMachine>(),
    route::<of::ListStateMachines>(),
    route::<of::PublishStateMachineVersion>(),
    route::<of::ListStateMachineVersions>(),
    route::<of::DeleteStateMachineVersion>(),
    route::<of::CreateStateMachineAlias>(),
    route::<of::UpdateStateMachineAlias>(),
    route::<of::DescribeStateMachineAlias>(),
    route::<of::DeleteStateMachineAlias>(),
    route::<of::ListStateMachineAliases>(),
    route::<of::ValidateStateMachineDefinition>(),
    route::<of::TestState>(),
    route::<of::DescribeMapRun>(),
    route::<of::ListMapRuns>(),
    route::<of::UpdateMapRun>(),
    route::<of::CreateActivity>(),
    route::<of::DescribeActivity>(),
    route::<of::DeleteActivity>(),
    route::<of::ListActivities>(),
    route::<of::TagResource>(),
    route::<of::UntagResource>(),
    route::<of::ListTagsForResource>(),
];

const fn route<O: Operation>() -> Route {
    Route { name: O::NAME, members: <O::Input as Input>::MEMBERS, call: call::<O> }
}

fn call<'a, O: Operation>(api: &'a Api, caller: &'a Caller, members: &'a Object) -> Answer<'a> {
    Box::pin(async move {
        let output = O::call(api, caller, O::Input::read(members)).await?;
        serde_json::to_vec(&output)
            .map_err(|error| ApiError::internal(format!("the output of {} cannot be written: {error}", O::NAME)))
    })
}

/// The row of an operation.
pub(crate) fn find(name: &str) -> Result<&'static Route, ApiError> {
    if let Some(route) = ROUTES.iter().find(|route| route.name == name) {
        return Ok(route);
    }
    Err(ApiError::unknown_operation(format!("AWS Step Functions has no operation `{name}`")))
}

impl Route {
    /// Checks the input against the constraints of the service model and carries out the operation.
    pub(crate) async fn run(&self, api: &Api, caller: &Caller, input: &Value) -> Result<Vec<u8>, ApiError> {
        let Some(members) = input.as_object() else {
            return Err(ApiError::serialization(match input {
                Value::Array(_) => "Start of list found where not expected",
                _ => "Unexpected token received from parser",
            }));
        };
        shape::check(self.members, members, api.limits())?;
        (self.call)(api, caller, members).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OPERATIONS;

    #[test]
    fn every_operation_of_the_service_has_one_row() {
        let mut rows: Vec<&str> = ROUTES.iter().map(|route| route.name).collect();
        rows.sort_unstable();
        let mut operations = OPERATIONS.to_vec();
        operations.sort_unstable();
        assert_eq!(rows, operations);
    }

    #[test]
    fn an_operation_is_found_or_named() {
        let code = |name: &str| find(name).err().map(|error| (error.code, error.message));
        assert_eq!(code("StartExecution"), None);
        for unknown in ["", "startExecution", "StartExecution ", "Nonsense"] {
            assert_eq!(code(unknown).map(|(code, _)| code), Some("UnknownOperationException"));
        }
    }
}
