//! Step Functions called from a state machine: the same operations, in process.

use api::{Api, ApiError};
use integrations::{Caller, ServiceError, StepFunctions};
use json::Value;
use std::sync::{Arc, OnceLock};
use store::BoxFuture;
use tokio::sync::Notify;

/// The API as the integrations see it. Tasks need the API, the API needs the engine, and the engine needs the tasks:
/// so the API is put in last. A task that a restart carries out before that waits for it.
#[derive(Clone, Default)]
pub struct InProcess {
    api: Arc<OnceLock<Api>>,
    ready: Arc<Notify>,
}

impl InProcess {
    /// Puts the API in. A second call changes nothing.
    pub fn connect(&self, api: Api) {
        self.api.get_or_init(|| api);
        self.ready.notify_waiters();
    }

    async fn api(&self) -> Api {
        loop {
            let ready = self.ready.notified();
            if let Some(api) = self.api.get() {
                return api.clone();
            }
            ready.await;
        }
    }
}

impl StepFunctions for InProcess {
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let (this, operation, caller) = (self.clone(), operation.to_owned(), caller.clone());
        Box::pin(async move {
            let api = this.api().await;
            let caller = api.caller(&caller.region, &caller.account);
            api.call(&operation, input, &caller).await.map_err(service_error)
        })
    }

    fn wait_until_closed(&self, execution_arn: &str, _caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let (this, execution_arn) = (self.clone(), execution_arn.to_owned());
        Box::pin(async move { this.api().await.wait_until_closed(&execution_arn).await.map_err(service_error) })
    }
}

fn service_error(error: ApiError) -> ServiceError {
    ServiceError { code: error.code.to_owned(), message: error.message, status: error.status.as_u16() }
}
