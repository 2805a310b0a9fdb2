//! Step Functions called from a state machine: the same operations, in process.

use api::{Api, ApiError};
use asl::Arn;
use engine::Engine;
use integrations::{Caller, ServiceError, StepFunctions};
use json::{Object, Value};
use std::sync::{Arc, OnceLock};
use store::BoxFuture;
use tokio::sync::Notify;

/// The service as the integrations see it. Tasks need the API, the API needs the engine, and the engine needs the
/// tasks: so the API is put in last. A task that a restart carries out before that waits for it.
#[derive(Clone, Default)]
pub struct InProcess {
    service: Arc<OnceLock<Service>>,
    ready: Arc<Notify>,
}

#[derive(Clone)]
struct Service {
    api: Api,
    engine: Engine,
}

impl InProcess {
    /// Puts the service in. A second call changes nothing.
    pub fn connect(&self, api: Api, engine: Engine) {
        self.service.get_or_init(|| Service { api, engine });
        self.ready.notify_waiters();
    }

    async fn service(&self) -> Service {
        loop {
            let ready = self.ready.notified();
            if let Some(service) = self.service.get() {
                return service.clone();
            }
            ready.await;
        }
    }
}

impl StepFunctions for InProcess {
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let (operation, caller) = (operation.to_owned(), caller.clone());
        Box::pin(async move { self.service().await.call(&operation, input, &caller).await })
    }

    fn wait_until_closed(&self, execution_arn: &str) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let execution_arn = execution_arn.to_owned();
        Box::pin(async move { self.service().await.describe_when_closed(&execution_arn).await })
    }
}

impl Service {
    async fn call(&self, operation: &str, input: Value, caller: &Caller) -> Result<Value, ServiceError> {
        let caller = api::Caller {
            region: caller.region.as_str().into(),
            account: caller.account.as_str().into(),
            access_key: None,
            trace_header: None,
        };
        self.api.call(operation, input, &caller).await.map_err(service_error)
    }

    async fn describe_when_closed(&self, execution_arn: &str) -> Result<Value, ServiceError> {
        let mut caller = Caller { region: String::new(), account: String::new() };
        if let Ok(arn) = Arn::parse(execution_arn) {
            // That there is no such execution says DescribeExecution, in AWS's words.
            let _ended = self.engine.wait_until_closed(&arn).await;
            caller = Caller { region: arn.region.to_string(), account: arn.account.to_string() };
        }
        let input = Value::Object(Object::from([("executionArn", execution_arn)]));
        self.call("DescribeExecution", input, &caller).await
    }
}

fn service_error(error: ApiError) -> ServiceError {
    ServiceError { code: error.code.to_owned(), message: error.message, status: error.status.as_u16() }
}
