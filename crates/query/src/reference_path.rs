//! Reference Paths: where `ResultPath` puts a result.
use crate::{Failure, SyntaxError};
use json::Value;
/// A path that names exactly one place of the input.
#[derive(Clone, Debug)]
pub struct ReferencePath(());
impl ReferencePath {
    pub fn parse(_text: &str) -> Result<ReferencePath, SyntaxError> { todo!() }
    pub fn source(&self) -> &str { todo!() }
    /// `input` with `result` at the place; objects on the way are made. Fails as `States.ResultPathMatchFailure` does.
    pub fn put(&self, _input: &Value, _result: Value) -> Result<Value, Failure> { todo!() }
}
