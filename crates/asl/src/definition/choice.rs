//! Choice.
use super::Fields;
use crate::ChoiceRule;
use json::Text;
#[derive(Clone, Debug)]
pub struct Choice {
    /// `Assign` and `Output` here apply only when `Default` is taken.
    pub fields: Fields,
    pub choices: Vec<ChoiceRule>,
    pub default: Option<Text>,
}
