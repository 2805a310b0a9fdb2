//! The API over an engine in memory.

#![expect(clippy::unwrap_used, reason = "a test ends at what should not be")]

mod bad_requests;
mod configurations;
mod operations;
mod support;
mod versions;
