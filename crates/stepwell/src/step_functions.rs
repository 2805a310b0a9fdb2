//! Step Functions called from a state machine: the same operations, in process.

use api::Api;
use engine::Engine;
use integrations::{Caller, ServiceError, StepFunctions};
use json::{Object, Value};
use std::sync::{Arc, OnceLock};
use store::BoxFuture;

/// The API as the integrations see it. Tasks need the API, the API needs the engine, and the engine needs the tasks:
/// so the API is put in last. A task that a restart carries out before that waits for it.
#[derive(Clone, Default)]
pub struct InProcess {
    connected: Arc<OnceLock<Connected>>,
    ready: Arc<tokio::sync::Notify>,
}

#[derive(Clone)]
struct Connected {
    api: Api,
    engine: Engine,
}

impl InProcess {
    /// Puts the API in. A second call changes nothing.
    pub fn connect(&self, api: Api, engine: Engine) {
        self.connected.get_or_init(|| Connected { api, engine });
        self.ready.notify_waiters();
    }

    async fn connected(&self) -> Connected {
        loop {
            let ready = self.ready.notified();
            if let Some(connected) = self.connected.get() {
                return connected.clone();
            }
            ready.await;
        }
    }

    async fn call_operation(self, operation: &str, input: Value, caller: Caller) -> Result<Value, ServiceError> {
        let Connected { api, .. } = self.connected().await;
        let caller = api::Caller {
            region: caller.region.into(),
            account: caller.account.into(),
            access_key: None,
            trace_header: None,
        };
        api.call(operation, input, &caller).await.map_err(|error| ServiceError {
            code: error.code.to_owned(),
            message: error.message,
            status: error.status.as_u16(),
        })
    }

    async fn describe_when_closed(self, execution_arn: String, caller: Caller) -> Result<Value, ServiceError> {
        let Connected { engine, .. } = self.connected().await;
        // What is wrong with the ARN, or that there is no such execution, DescribeExecution says in AWS's words.
        if let Ok(arn) = asl::Arn::parse(&execution_arn) {
            let _ended = engine.wait_until_closed(&arn).await;
        }
        let input = Value::Object(Object::from([("executionArn", execution_arn.as_str())]));
        self.call_operation("DescribeExecution", input, caller).await
    }
}

impl StepFunctions for InProcess {
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'static, Result<Value, ServiceError>> {
        let (this, operation, caller) = (self.clone(), operation.to_owned(), caller.clone());
        Box::pin(async move { this.call_operation(&operation, input, caller).await })
    }

    fn wait_until_closed(
        &self,
        execution_arn: &str,
        caller: &Caller,
    ) -> BoxFuture<'static, Result<Value, ServiceError>> {
        Box::pin(self.clone().describe_when_closed(execution_arn.to_owned(), caller.clone()))
    }
}
