//! Catch.

use super::Template;
use super::state::read_assign;
use crate::kind;
use crate::reader::{Reader, Sees};
use crate::shape::{Shape, both, json_path, jsonata};
use json::Text;
use query::ReferencePath;

/// Where a state that failed goes on.
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

const SHAPE: Shape = Shape {
    fields: &[&[
        both("ErrorEquals"),
        both("Next"),
        json_path("ResultPath"),
        jsonata("Output"),
        both("Assign"),
        both("Comment"),
    ]],
    required: &["ErrorEquals", "Next"],
    groups: &[],
};

impl Catcher {
    pub(crate) fn read_all(reader: &Reader<'_>) -> Vec<Catcher> {
        let catchers = reader.children("Catch").into_iter();
        catchers.filter_map(|catcher| Catcher::read(&catcher.seeing(Sees::ErrorOutput))).collect()
    }

    fn read(reader: &Reader<'_>) -> Option<Catcher> {
        reader.check(&SHAPE);
        let error_equals = reader.texts("ErrorEquals");
        let next = reader.read("Next", kind::string);
        let result_path = reader.read("ResultPath", kind::nullable(kind::reference_path));
        let (output, assign) = (reader.template("Output"), read_assign(reader));
        Some(Catcher { error_equals: error_equals?, next: next?, result_path, output, assign })
    }
}
