//! What writes the results of a Map whose `ResultWriter` has a `Resource`. An integration provides it beside its
//! [`crate::Task`]s, and [`crate::Tasks::result_writer`] finds it by the `Resource`.
//!
//! A Map Run hands it all its results when its last child has ended and that is durable, and goes on running until they
//! are written. A restart, or a redrive after they could not be written, hands them out again: to write the same results
//! of the same Map Run again must come to the same. A Map Run that is stopped meanwhile drops the call.

use json::{Payload, Text};
use machine::{Facts, Failure, ResultDestination};
use std::sync::Arc;
use store::BoxFuture;

/// What is to be written.
#[derive(Clone)]
pub struct ResultWriting {
    /// `ResultWriter`, evaluated: `Parameters` or `Arguments`, and `WriterConfig`.
    pub destination: ResultDestination,
    /// Of the execution whose Map it is: in its account and Region, and as its role, the results are written.
    pub facts: Arc<Facts>,
    pub map_run_arn: Text,
    /// An array in the form of `WriterConfig`, up to [`asl::Limits::map_run_result_bytes_max`].
    pub results: Payload,
}

/// Writes results.
pub trait ResultWriter: Send + Sync {
    /// Writes the results and gives what the Map state has as its result, such as `MapRunArn` and `ResultWriterDetails`. A
    /// failure fails the Map Run; its error is `States.ResultWriterFailed` for all that is wrong with the destination.
    /// Dropping the future gives up.
    fn write(&self, writing: ResultWriting) -> BoxFuture<'static, Result<Payload, Failure>>;
}
