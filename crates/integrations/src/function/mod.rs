//! Local functions: processes that speak the Lambda Runtime API, run, reused and reported as Lambda does.
//!
//! [`Functions`] finds a function by name and invokes it. Each function (`pool.rs`) bounds how many invocations run,
//! reuses warm processes and stops idle ones. Each process (`process.rs`) has a listener on the loopback interface
//! for itself alone (`runtime_api.rs`), so that any Lambda runtime client works unmodified, and may use so much memory
//! (`memory.rs`). What nobody waits for is tried again (`event.rs`). No process outlives the server, even one that is killed (`keeper.rs`).

mod config;
mod environment;
mod event;
mod failure;
mod keeper;
mod log;
mod memory;
mod name;
mod pool;
mod process;
mod runtime_api;

pub use config::FunctionConfig;
pub use environment::{INHERITED, Surroundings};
pub use keeper::keep_functions;
pub use name::{FunctionName, NAME_PATTERN};

use crate::Error;
use bytes::Bytes;
use event::GivenUp;
use keeper::Keeper;
use pool::Function;
use std::collections::HashMap;
use std::sync::Arc;

/// All functions of the configuration.
pub struct Functions {
    by_name: HashMap<String, Arc<Function>>,
}

/// One call of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    pub request_id: String,
    /// As the function is told it was called.
    pub function_arn: String,
    /// The X-Ray header.
    pub trace_id: String,
    /// The JSON of `ClientContext`.
    pub client_context: Option<String>,
    /// JSON text.
    pub payload: Bytes,
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response, or the error document: the function's own, or Lambda's when the function did not write one.
    pub result: Result<Bytes, Bytes>,
    /// The last 4 KB of what it wrote, between Lambda's `START` and `REPORT` lines.
    pub log_tail: Vec<u8>,
}

impl Answer {
    /// Length of the text in bytes.
    pub fn byte_len(&self) -> usize {
        self.result.as_ref().map_or_else(Bytes::len, Bytes::len)
    }

    fn without_log(result: Result<Bytes, Bytes>) -> Answer {
        Answer { result, log_tail: Vec::new() }
    }
}

/// Why a function was not invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    /// All processes are busy and the line is full.
    TooManyRequests,
}

impl Functions {
    /// The functions of a configuration; no process starts before it is needed.
    pub fn new(configs: Vec<FunctionConfig>, surroundings: &Surroundings) -> Result<Functions, Error> {
        let surroundings = Arc::new(surroundings.clone());
        let keeper = Keeper::new(surroundings.keeper.clone());
        let mut by_name = HashMap::new();
        for config in configs {
            config.check()?;
            let name = config.name.clone();
            if by_name
                .insert(name.clone(), Function::new(config, Arc::clone(&surroundings), Arc::clone(&keeper)))
                .is_some()
            {
                return Err(Error::DuplicateFunction { name });
            }
        }
        Ok(Functions { by_name })
    }

    /// Invokes a function and waits for its answer. Dropping the future leaves a function running that has started.
    pub async fn invoke(&self, name: &FunctionName, invocation: Invocation) -> Result<Answer, Refused> {
        self.find(name)?.invoke(invocation).await
    }

    /// Invokes a function without waiting for its answer: `InvocationType` `Event`. It is tried again as Lambda does
    /// (`event.rs`). As many events wait for a function, or are run by it, as may run and wait at all.
    pub fn invoke_later(&self, name: &FunctionName, invocation: Invocation) -> Result<(), Refused> {
        let function = Arc::clone(self.find(name)?);
        let place = function.place_for_event()?;
        tokio::spawn(async move {
            let request_id = invocation.request_id.clone();
            let carried_out = event::carry_out(|| {
                let attempt = (!function.is_closed()).then(|| function.invoke(invocation.clone()));
                async move { Some(attempt?.await) }
            });
            match carried_out.await {
                Ok(()) => {}
                Err(GivenUp::Failed(document)) => {
                    let document = String::from_utf8_lossy(&document);
                    tracing::warn!(request_id, %document, "a function that nobody waits for failed in all attempts");
                }
                Err(GivenUp::TooOld) => {
                    tracing::warn!(request_id, "an event was given up: the function had no room for too long");
                }
                Err(GivenUp::Closed) => {
                    tracing::warn!(request_id, "an event was given up: the server stops");
                }
            }
            drop(place);
        });
        Ok(())
    }

    /// Whether there is such a function.
    pub fn contains(&self, name: &FunctionName) -> Result<(), Refused> {
        self.find(name).map(drop)
    }

    /// Stops the processes without work and takes no more invocations. Those that run end by themselves, or with the
    /// server.
    pub fn close(&self) {
        self.by_name.values().for_each(|function| function.close());
    }

    fn find(&self, name: &FunctionName) -> Result<&Arc<Function>, Refused> {
        self.by_name.get(name.name()).ok_or(Refused::NotFound)
    }
}
