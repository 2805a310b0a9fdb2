//! Choice Rules: 39 comparisons with And, Or, Not; or a JSONata condition.
use crate::{Template};
use json::{Text, Value};
use query::{Path, jsonata};

#[derive(Clone, Debug)]
pub struct ChoiceRule {
    pub condition: Condition,
    pub next: Text,
    pub assign: Option<Template>,
    /// JSONata.
    pub output: Option<Template>,
}
#[derive(Clone, Debug)]
pub enum Condition {
    Compare(Comparison),
    And(Vec<Condition>), Or(Vec<Condition>), Not(Box<Condition>),
    Jsonata(jsonata::Expression),
}
#[derive(Clone, Debug)]
pub struct Comparison { pub variable: Path, pub operator: Operator, pub operand: Operand }
/// What `variable` is compared with: a value, or a `…Path`.
#[derive(Clone, Debug)]
pub enum Operand { Literal(Value), Path(Path) }
/// Without the `Path` suffix: that is in the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    StringEquals, StringLessThan, StringGreaterThan, StringLessThanEquals, StringGreaterThanEquals, StringMatches,
    NumericEquals, NumericLessThan, NumericGreaterThan, NumericLessThanEquals, NumericGreaterThanEquals,
    BooleanEquals,
    TimestampEquals, TimestampLessThan, TimestampGreaterThan, TimestampLessThanEquals, TimestampGreaterThanEquals,
    IsNull, IsPresent, IsNumeric, IsString, IsBoolean, IsTimestamp,
}
