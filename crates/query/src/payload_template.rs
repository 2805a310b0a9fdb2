//! Payload Templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign` … of JSONPath states.
use crate::{Ambient, Failure, Path, Scope, SyntaxError, intrinsics::Call};
use json::Value;
/// A template whose `….$` members are paths or intrinsic calls.
#[derive(Clone, Debug)]
pub struct PayloadTemplate(());
impl PayloadTemplate {
    /// Each fault with its place below the template, for example (`/a/b.$`, error).
    pub fn parse(_template: &Value) -> Result<PayloadTemplate, Vec<(String, SyntaxError)>> { todo!() }
    pub fn evaluate(&self, _scope: &Scope<'_>, _ambient: &Ambient) -> Result<Value, Failure> { todo!() }
    /// The variables that it reads.
    pub fn variables(&self) -> Vec<&str> { todo!() }
}
/// A path or an intrinsic call: what a `.$` member, `ErrorPath` and `CausePath` hold.
#[derive(Clone, Debug)]
pub enum PathOrCall { Path(Path), Call(Call) }
impl PathOrCall {
    pub fn parse(_text: &str) -> Result<PathOrCall, SyntaxError> { todo!() }
    pub fn evaluate(&self, _scope: &Scope<'_>, _ambient: &Ambient, _field: &str) -> Result<Value, Failure> { todo!() }
}
