//! Choice Rules: 39 comparisons with And, Or, Not; or a JSONata condition.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html>

use crate::definition::read_assign;
use crate::kind;
use crate::reader::Reader;
use crate::shape::{Field, both, json_path, jsonata};
use crate::{QueryLanguage, Template};
use json::{Text, Value};
use query::{Path, jsonata};

/// When it holds, and where the Choice goes on then.
#[derive(Clone, Debug)]
pub struct ChoiceRule {
    pub condition: Condition,
    pub next: Text,
    pub assign: Option<Template>,
    /// JSONata.
    pub output: Option<Template>,
}

/// What must hold.
#[derive(Clone, Debug)]
pub enum Condition {
    Compare(Comparison),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Jsonata(jsonata::Expression),
}

/// One comparison of JSONPath.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub variable: Path,
    pub operator: Operator,
    pub operand: Operand,
}

/// What `variable` is compared with: a value, or a `…Path`.
#[derive(Clone, Debug)]
pub enum Operand {
    Literal(Value),
    Path(Path),
}

/// Without the `Path` suffix: that is in the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    StringEquals,
    StringLessThan,
    StringGreaterThan,
    StringLessThanEquals,
    StringGreaterThanEquals,
    StringMatches,
    NumericEquals,
    NumericLessThan,
    NumericGreaterThan,
    NumericLessThanEquals,
    NumericGreaterThanEquals,
    BooleanEquals,
    TimestampEquals,
    TimestampLessThan,
    TimestampGreaterThan,
    TimestampLessThanEquals,
    TimestampGreaterThanEquals,
    IsNull,
    IsPresent,
    IsNumeric,
    IsString,
    IsBoolean,
    IsTimestamp,
}

/// How the operand of an operator is written.
#[derive(Clone, Copy)]
enum Written {
    String,
    /// As a string, and never as a path.
    Pattern,
    Number,
    Boolean,
    Timestamp,
    /// As a boolean, and never as a path.
    Test,
}

const OPERATORS: &[(&str, Operator, Written)] = &[
    ("StringEquals", Operator::StringEquals, Written::String),
    ("StringLessThan", Operator::StringLessThan, Written::String),
    ("StringGreaterThan", Operator::StringGreaterThan, Written::String),
    ("StringLessThanEquals", Operator::StringLessThanEquals, Written::String),
    ("StringGreaterThanEquals", Operator::StringGreaterThanEquals, Written::String),
    ("StringMatches", Operator::StringMatches, Written::Pattern),
    ("NumericEquals", Operator::NumericEquals, Written::Number),
    ("NumericLessThan", Operator::NumericLessThan, Written::Number),
    ("NumericGreaterThan", Operator::NumericGreaterThan, Written::Number),
    ("NumericLessThanEquals", Operator::NumericLessThanEquals, Written::Number),
    ("NumericGreaterThanEquals", Operator::NumericGreaterThanEquals, Written::Number),
    ("BooleanEquals", Operator::BooleanEquals, Written::Boolean),
    ("TimestampEquals", Operator::TimestampEquals, Written::Timestamp),
    ("TimestampLessThan", Operator::TimestampLessThan, Written::Timestamp),
    ("TimestampGreaterThan", Operator::TimestampGreaterThan, Written::Timestamp),
    ("TimestampLessThanEquals", Operator::TimestampLessThanEquals, Written::Timestamp),
    ("TimestampGreaterThanEquals", Operator::TimestampGreaterThanEquals, Written::Timestamp),
    ("IsNull", Operator::IsNull, Written::Test),
    ("IsPresent", Operator::IsPresent, Written::Test),
    ("IsNumeric", Operator::IsNumeric, Written::Test),
    ("IsString", Operator::IsString, Written::Test),
    ("IsBoolean", Operator::IsBoolean, Written::Test),
    ("IsTimestamp", Operator::IsTimestamp, Written::Test),
];

/// Fields of a rule beside its condition.
const OF_RULE: &[Field] = &[both("Next"), both("Assign"), jsonata("Output")];

/// Fields of a condition beside its operator: at any depth.
const OF_CONDITION: &[Field] = &[both("Comment"), json_path("Variable"), jsonata("Condition")];

/// `And`, `Or` and `Not` instead of an operator.
const COMBINATIONS: &[Field] = &[json_path("And"), json_path("Or"), json_path("Not")];

impl ChoiceRule {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<ChoiceRule> {
        let condition = Condition::read(reader, OF_RULE);
        reader.check_required(&["Next"]);
        let next = reader.read("Next", kind::string);
        let (assign, output) = (read_assign(reader), reader.template("Output"));
        Some(ChoiceRule { condition: condition?, next: next?, assign, output })
    }
}

impl Condition {
    /// `beside` are the fields that the object may have beside its condition.
    fn read(reader: &Reader<'_>, beside: &'static [Field]) -> Option<Condition> {
        reader.check_fields(|name| {
            let mut fields = [beside, OF_CONDITION, COMBINATIONS].into_iter().flatten();
            let known = fields.find(|field| field.name == name).map(|field| field.only);
            known.or_else(|| operator(name).map(|_| Some(QueryLanguage::JsonPath)))
        });
        if reader.is_jsonata() {
            reader.check_required(&["Condition"]);
            return read_jsonata(reader);
        }
        let keys = reader.object().keys();
        let kinds: Vec<&str> =
            keys.map(|key| &**key).filter(|key| is_combination(key) || operator(key).is_some()).collect();
        match kinds.as_slice() {
            [] => {
                reader.fault("There should be a comparison operator, 'And', 'Or' or 'Not'");
                None
            }
            [field] if is_combination(field) => Condition::read_combination(reader, field),
            [field] => Comparison::read(reader, field).map(Condition::Compare),
            many => {
                let fields = many.join(", ");
                reader.fault(format!("There should only be one of the following fields: [{fields}]"));
                None
            }
        }
    }

    fn read_combination(reader: &Reader<'_>, field: &str) -> Option<Condition> {
        if reader.has("Variable") {
            reader.fault("Field 'Variable' is not supported");
        }
        if field == "Not" {
            let inner = Condition::read(&reader.child(field)?, &[])?;
            return Some(Condition::Not(Box::new(inner)));
        }
        reader.check_not_empty(field);
        let inner: Vec<Option<Condition>> =
            reader.children(field).iter().map(|reader| Condition::read(reader, &[])).collect();
        let inner = inner.into_iter().collect::<Option<_>>()?;
        Some(if field == "And" { Condition::And(inner) } else { Condition::Or(inner) })
    }
}

/// `Condition`: an expression, or `true` or `false` written out.
fn read_jsonata(reader: &Reader<'_>) -> Option<Condition> {
    match reader.get("Condition")? {
        Value::Bool(always) => {
            let source = if *always { "true" } else { "false" };
            jsonata::Expression::parse(source).ok().map(Condition::Jsonata)
        }
        _ => reader.expression("Condition").map(Condition::Jsonata),
    }
}

fn is_combination(field: &str) -> bool {
    COMBINATIONS.iter().any(|combination| combination.name == field)
}

/// The operator of a field, and whether the field holds a path to the operand.
fn operator(field: &str) -> Option<(Operator, Written, bool)> {
    let find = |name: &str| OPERATORS.iter().find(|(operator, ..)| *operator == name);
    if let Some((_, operator, written)) = find(field) {
        return Some((*operator, *written, false));
    }
    let (_, operator, written) = find(field.strip_suffix("Path")?)?;
    let takes_path = !matches!(written, Written::Pattern | Written::Test);
    takes_path.then_some((*operator, *written, true))
}

impl Comparison {
    fn read(reader: &Reader<'_>, field: &str) -> Option<Comparison> {
        let (operator, written, is_path) = operator(field)?;
        reader.check_required(&["Variable"]);
        let variable = reader.read("Variable", kind::definite_path);
        let operand = if is_path {
            reader.read(field, kind::definite_path).map(Operand::Path)
        } else {
            read_literal(reader, field, written).map(Operand::Literal)
        };
        Some(Comparison { variable: variable?, operator, operand: operand? })
    }
}

fn read_literal(reader: &Reader<'_>, field: &str, written: Written) -> Option<Value> {
    match written {
        Written::String | Written::Pattern => {
            let text = reader.read(field, kind::string)?;
            crate::validate::warn_of_path(reader, field, &text);
            Some(text.into())
        }
        Written::Number => reader.read(field, kind::any_number),
        Written::Boolean | Written::Test => reader.read(field, kind::boolean).map(Value::from),
        Written::Timestamp => reader.read(field, kind::timestamp).map(Value::from),
    }
}
