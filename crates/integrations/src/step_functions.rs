//! [`StepFunctions`]: the service itself, as the integrations call it. The binary implements it over the API.

use crate::ServiceError;
use futures_util::future::BoxFuture;
use json::Value;
use machine::Facts;

/// For whom a call is made: the account and region of the execution that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub region: String,
    pub account: String,
}

impl Caller {
    pub(crate) fn of(facts: &Facts) -> Caller {
        Caller { region: facts.region.to_string(), account: facts.account.to_string() }
    }
}

/// Step Functions in process: what a client would reach through HTTP, with the same checks.
pub trait StepFunctions: Send + Sync {
    /// Calls the operation (`StartExecution`) with its input as on the wire (camelCase, times in seconds),
    /// and gives its output as on the wire.
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>>;
    /// Ready when the execution has ended: the output of `DescribeExecution`.
    fn wait_until_closed(&self, execution_arn: &str) -> BoxFuture<'_, Result<Value, ServiceError>>;
}
