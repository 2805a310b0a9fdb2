//! Step Functions called from a state machine: the same operations, in process.

use api::{Api, ApiError, WeakApi};
use integrations::{Caller, ServiceError, StepFunctions};
use json::Value;
use std::sync::{Arc, OnceLock};
use store::BoxFuture;
use tokio::sync::Notify;

/// The service as the integrations see it. Tasks need the API, the API needs the engine, and the engine needs the
/// tasks: so the API is put in last, and not kept alive from here. A task that a restart carries out before that waits
/// for it.
#[derive(Clone, Default)]
pub struct InProcess {
    api: Arc<OnceLock<WeakApi>>,
    ready: Arc<Notify>,
}

impl InProcess {
    /// Puts the API in. A second call changes nothing.
    pub fn connect(&self, api: &Api) {
        self.api.get_or_init(|| api.downgrade());
        self.ready.notify_waiters();
    }

    async fn api(&self) -> Api {
        loop {
            let ready = self.ready.notified();
            match self.api.get().map(WeakApi::upgrade) {
                Some(Some(api)) => return api,
                // The engine is about to end, and its calls with it.
                Some(None) => std::future::pending().await,
                None => ready.await,
            }
        }
    }
}

impl StepFunctions for InProcess {
    fn call(&self, operation: &str, input: Value, caller: &Caller) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let operation = operation.to_owned();
        let caller = api::Caller {
            region: caller.region.as_str().into(),
            account: caller.account.as_str().into(),
            access_key: None,
            trace_header: None,
            origin: caller.origin,
        };
        Box::pin(async move { self.api().await.call(&operation, input, &caller).await.map_err(service_error) })
    }
}

fn service_error(error: ApiError) -> ServiceError {
    ServiceError { code: error.code.to_owned(), message: error.message, status: error.status.as_u16() }
}
