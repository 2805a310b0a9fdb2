//! [`StepFunctions`]: the service itself, as the integrations call it. The binary implements it over the API.

use crate::ServiceError;
use engine::{Call, Origin};
use futures_util::future::BoxFuture;
use json::Value;

/// For whom a call is made: the account and region of the execution that makes it, and the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub region: String,
    pub account: String,
    /// The call: what it did is remembered with it, for the case that a restart makes it again.
    pub origin: Option<Origin>,
}

impl Caller {
    pub(crate) fn of(call: &Call) -> Caller {
        let Call { facts, origin, .. } = call;
        Caller { region: facts.region.to_string(), account: facts.account.to_string(), origin: *origin }
    }
}

/// Step Functions in process: what a client would reach through HTTP, with the same checks.
pub trait StepFunctions: Send + Sync {
    /// Calls the operation (`StartExecution`) with its input as on the wire (camelCase, times in seconds),
    /// and gives its output as on the wire.
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>>;
}
