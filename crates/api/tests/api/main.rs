//! The API over an engine in memory.

mod bad_requests;
mod operations;
mod support;
