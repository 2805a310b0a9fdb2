//! Step Functions called from a state machine: the same operations, in process.

use api::Api;
use engine::Engine;
use integrations::{Caller, ServiceError, StepFunctions};
use json::Value;
use std::sync::{Arc, OnceLock};
use store::BoxFuture;

/// The API as the integrations see it. Tasks need the API, the API needs the engine, and the engine needs the tasks:
/// so the API is put in last, before the first task runs.
#[derive(Clone, Default)]
pub struct InProcess {
    api: Arc<OnceLock<(Api, Engine)>>,
}

impl InProcess {
    /// Puts the API in.
    pub fn connect(&self, api: Api, engine: Engine) {
        // Called once, by `wiring`; a second call would change nothing.
        let _connected_before = self.api.set((api, engine));
    }
}
