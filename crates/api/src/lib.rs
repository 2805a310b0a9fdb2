//! The API of AWS Step Functions over the engine: AWS JSON 1.0, its checks, its errors, one file per operation.
//!
//! A request goes through `protocol` (HTTP, target, body), `operation` (the table), `shape` (constraints of the
//! service model) and its file in `operations`; the answer goes back through `protocol`. Tasks inside of state machines
//! that call Step Functions itself enter at [`Api::call`], behind HTTP. What AWS writes to CloudWatch Logs and sends to
//! EventBridge has its form here, too (`log_record`, `status_change`); where it goes is not decided here.

mod api;
mod arn;
mod caller;
mod configuration;
mod definition;
mod error;
mod escaped;
mod history;
mod log_record;
mod map_run;
pub mod model;
mod operation;
mod operations;
mod page_token;
mod protocol;
mod random;
mod read;
mod record;
mod shape;
mod status_change;
mod timestamp;

pub use api::{Api, ApiConfig, WeakApi};
pub use caller::Caller;
pub use error::ApiError;
pub use log_record::log_records;
pub use status_change::status_change_event;
