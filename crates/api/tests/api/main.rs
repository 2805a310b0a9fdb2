//! The API over an engine in memory.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends at what should not be")]

mod apart;
mod bad_requests;
mod configurations;
mod constraints;
mod declared_errors;
mod limits;
mod map_run_redrive;
mod operations;
mod redrive;
mod support;
mod test_state;
mod versions;
