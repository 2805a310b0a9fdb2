//! The shape of the objects of a definition: which fields they may have, must have, and must not have together.

use crate::QueryLanguage;

/// What an object of a definition may hold. Each type has its `SHAPE` beside it.
pub(crate) struct Shape {
    pub(crate) fields: &'static [&'static [Field]],
    pub(crate) required: &'static [&'static str],
    pub(crate) groups: &'static [Group],
}

/// A field, and the query language in which alone it is supported.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) only: Option<QueryLanguage>,
}

/// Fields that stand for each other.
pub(crate) enum Group {
    AtMostOne(&'static [&'static str]),
    ExactlyOne(&'static [&'static str]),
    NotEmpty(&'static [&'static str]),
}

pub(crate) const fn both(name: &'static str) -> Field {
    Field { name, only: None }
}

pub(crate) const fn json_path(name: &'static str) -> Field {
    Field { name, only: Some(QueryLanguage::JsonPath) }
}

pub(crate) const fn jsonata(name: &'static str) -> Field {
    Field { name, only: Some(QueryLanguage::Jsonata) }
}

/// What every state has.
pub(crate) const STATE: &[Field] = &[both("Type"), both("Comment"), both("QueryLanguage")];

/// What every state has that goes on to another one.
pub(crate) const TRANSITION: &[Field] = &[both("Next"), both("End")];

/// Input and output of every state but Fail.
pub(crate) const INPUT_OUTPUT: &[Field] = &[json_path("InputPath"), json_path("OutputPath"), jsonata("Output")];

/// Retry and Catch, and the result to which they belong.
pub(crate) const RESULT: &[Field] =
    &[json_path("ResultSelector"), json_path("ResultPath"), both("Assign"), both("Retry"), both("Catch")];

pub(crate) const NEXT_OR_END: Group = Group::ExactlyOne(&["Next", "End"]);

impl Shape {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().copied().flatten().find(|field| field.name == name)
    }
}
