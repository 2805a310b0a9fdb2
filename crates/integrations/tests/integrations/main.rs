//! The integrations from outside: real processes of functions, and tasks as the engine calls them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod definitions;
mod functions;
mod support;
mod tasks;
