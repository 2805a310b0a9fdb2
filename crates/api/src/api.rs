//! [`Api`]: the operations over one engine.

use crate::page_token::PageTokens;
use crate::{ApiError, Caller, operation};
use asl::Limits;
use engine::Engine;
use json::{Text, Value};
use std::sync::{Arc, Weak};

/// What the API is told by the configuration.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The account of all resources: twelve digits.
    pub account_id: Text,
    /// For requests without a signature.
    pub default_region: Text,
}

/// The API. Cloning it shares it.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

/// An API that is not kept: for the tasks of its own engine.
#[derive(Clone, Debug)]
pub struct WeakApi {
    inner: Weak<Inner>,
}

impl WeakApi {
    /// `None` when the API is gone.
    pub fn upgrade(&self) -> Option<Api> {
        Some(Api { inner: self.inner.upgrade()? })
    }
}

struct Inner {
    engine: Engine,
    config: ApiConfig,
    page_tokens: PageTokens,
}

impl Api {
    pub fn new(engine: Engine, config: ApiConfig) -> Api {
        let (key, hours) = (engine.derived_key("page tokens"), engine.limits().page_token_hours);
        let page_tokens = PageTokens::new(key, Arc::clone(engine.clock()), hours);
        Api { inner: Arc::new(Inner { engine, config, page_tokens }) }
    }

    /// The same API, as long as somebody else keeps it.
    pub fn downgrade(&self) -> WeakApi {
        WeakApi { inner: Arc::downgrade(&self.inner) }
    }

    /// Bytes of the largest request body.
    pub fn request_bytes_max(&self) -> usize {
        self.limits().request_bytes_max
    }

    /// Carries out an operation in process: the input and the output are what they would be on the wire.
    pub async fn call(&self, operation: &str, input: Value, caller: &Caller) -> Result<Value, ApiError> {
        let body = operation::find(operation)?.run(self, caller, &input).await?;
        let text = std::str::from_utf8(&body).map_err(|error| ApiError::internal(error.to_string()))?;
        Value::parse(text).map_err(|error| ApiError::internal(error.message))
    }

    /// The engine that the operations are over.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.inner.engine.limits()
    }

    pub(crate) fn account_id(&self) -> &Text {
        &self.inner.config.account_id
    }

    pub(crate) fn default_region(&self) -> &Text {
        &self.inner.config.default_region
    }

    pub(crate) fn page_tokens(&self) -> &PageTokens {
        &self.inner.page_tokens
    }
}
