//! Catch.
use super::Template;
use json::Text;
use query::ReferencePath;
#[derive(Clone, Debug)]
pub struct Catcher {
    pub error_equals: Vec<Text>,
    pub next: Text,
    /// JSONPath: `None` is `$`, `Some(None)` is `null`.
    pub result_path: Option<Option<ReferencePath>>,
    /// JSONata.
    pub output: Option<Template>,
    pub assign: Option<Template>,
}
