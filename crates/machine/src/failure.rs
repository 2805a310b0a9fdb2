//! Failures: errors of the language. They are data, never Rust errors.
use json::Text;
use serde::{Deserialize, Serialize};
/// An ASL error name and its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure { pub error: Option<Text>, pub cause: Option<Text> }
