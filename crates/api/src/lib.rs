//! The API of AWS Step Functions over the engine: AWS JSON 1.0, its checks, its errors, one file per operation.
//!
//! A request goes through `protocol` (HTTP, target, body), `operation` (the table), `shape` (constraints of the
//! service model) and its file in `operations`; the answer goes back through `protocol`. Tasks inside of state machines
//! that call Step Functions itself enter at [`Api::call`], behind HTTP.

mod api;
mod arn;
mod caller;
mod configuration;
mod definition;
mod error;
mod history;
pub mod model;
mod operation;
mod operations;
mod page_token;
mod protocol;
mod random;
mod read;
mod record;
mod shape;
mod timestamp;

pub use api::{Api, ApiConfig};
pub use caller::Caller;
pub use error::ApiError;
