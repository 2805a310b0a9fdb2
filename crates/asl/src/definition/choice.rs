//! Choice.

use super::Fields;
use crate::ChoiceRule;
use crate::kind;
use crate::reader::Reader;
use crate::shape::{INPUT_OUTPUT, STATE, Shape, both};
use json::Text;

/// Goes on by the first rule that matches.
#[derive(Clone, Debug)]
pub struct Choice {
    /// `Assign` and `Output` here apply only when `Default` is taken.
    pub fields: Fields,
    pub choices: Vec<ChoiceRule>,
    pub default: Option<Text>,
}

const SHAPE: Shape = Shape {
    fields: &[STATE, INPUT_OUTPUT, &[both("Choices"), both("Default"), both("Assign")]],
    required: &["Choices"],
    groups: &[],
};

impl Choice {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Choice> {
        reader.check(&SHAPE);
        let fields = Fields::read(reader);
        reader.check_not_empty("Choices");
        let rules: Vec<Option<ChoiceRule>> = reader.children("Choices").iter().map(ChoiceRule::read).collect();
        let default = reader.read("Default", kind::string);
        Some(Choice { fields, choices: rules.into_iter().collect::<Option<_>>()?, default })
    }
}
