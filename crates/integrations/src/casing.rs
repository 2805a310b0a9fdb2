//! Names of members: `PascalCase` in definitions and results, `camelCase` on the wire of Step Functions.

use json::{Object, Text, Value};

/// Members whose own keys are data (names of states and of variables), not names of members.
const MAPS: &[&str] = &["variableReferences", "assignedVariables"];

/// `StateMachineArn` → `stateMachineArn`, at all depths: what the API takes.
/// A `null` stands for a parameter that is not given.
pub(crate) fn to_camel(value: &Value) -> Value {
    rename(value, &|name| with_first(name, char::to_ascii_lowercase))
}

/// `stateMachineArn` → `StateMachineArn`, at all depths: what a definition sees. Members without a value are left out.
pub(crate) fn to_pascal(value: &Value) -> Value {
    rename(value, &pascal)
}

/// `startExecution` → `StartExecution`.
pub(crate) fn pascal(name: &str) -> Text {
    with_first(name, char::to_ascii_uppercase)
}

fn rename(value: &Value, name: &dyn Fn(&str) -> Text) -> Value {
    match value {
        Value::Object(members) => Value::Object(rename_members(members, name)),
        Value::Array(elements) => elements.iter().map(|element| rename(element, name)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn rename_members(members: &Object, name: &dyn Fn(&str) -> Text) -> Object {
    let given = members.iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(key, value)| {
            let is_map = MAPS.iter().any(|map| map.eq_ignore_ascii_case(key));
            (name(key), if is_map { value.clone() } else { rename(value, name) })
        })
        .collect()
}

fn with_first(name: &str, change: impl Fn(&char) -> char) -> Text {
    let mut letters = name.chars();
    letters.next().map(|first| change(&first)).into_iter().chain(letters).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(camel: &str, pascal: &str) {
        let value = |text: &str| Value::parse(text).unwrap();
        assert_eq!(to_pascal(&value(camel)).to_string(), pascal);
        assert_eq!(to_camel(&value(pascal)).to_string(), camel);
    }

    #[test]
    fn members_are_renamed_at_all_depths() {
        check(r#"{"executionArn":"arn","startDate":1.5}"#, r#"{"ExecutionArn":"arn","StartDate":1.5}"#);
        check(r#"{"inputDetails":{"included":true}}"#, r#"{"InputDetails":{"Included":true}}"#);
        check(r#"{"tags":[{"key":"a b","value":"c"}]}"#, r#"{"Tags":[{"Key":"a b","Value":"c"}]}"#);
        check(r#"{"variableReferences":{"a state":["x"]}}"#, r#"{"VariableReferences":{"a state":["x"]}}"#);
        check("{}", "{}");
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        let value = Value::parse(r#"{"taskToken":null,"input":""}"#).unwrap();
        assert_eq!(to_pascal(&value).to_string(), r#"{"Input":""}"#);
    }
}
