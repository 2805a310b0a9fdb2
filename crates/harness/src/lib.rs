//! The product from outside: starts the real `stepwell` binary and speaks AWS JSON 1.0 to it.
//!
//! Tests, benchmarks and examples use it. It depends on none of the product's own crates, so that what it
//! shows is what a user sees.

mod client;
pub mod figures;
mod server;

pub use client::{ApiError, Client};
pub use server::{Launch, Server};

/// Why a server could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API answered with an error.
    #[error("{operation}: {error}")]
    Api { operation: String, error: ApiError },
    /// No answer came.
    #[error("{operation}: no answer")]
    NoAnswer { operation: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// The answer is not JSON.
    #[error("{operation}: the answer is not JSON")]
    NotJson { operation: String, source: serde_json::Error },
    /// The process could not be started.
    #[error("cannot start `{program}`")]
    Start { program: String, source: std::io::Error },
    /// The process ended or stayed silent instead of listening.
    #[error("the server did not come up; its log:\n{log}")]
    NotUp { log: String },
}
