//! The context object that a test is given: its members and their types.

use super::tested_state;
use crate::ApiError;
use crate::model::TestStateInput;
use asl::{Map, State};
use json::{Object, Value};

/// What a member holds.
enum Kind {
    Any,
    Text,
    Number,
    Members(&'static [(&'static str, Kind)]),
}

/// <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>
const CONTEXT_OBJECT: &[(&str, Kind)] = &[
    (
        "Execution",
        Kind::Members(&[
            ("Id", Kind::Text),
            ("Input", Kind::Any),
            ("Name", Kind::Text),
            ("RoleArn", Kind::Text),
            ("StartTime", Kind::Text),
            ("RedriveCount", Kind::Number),
            ("RedriveTime", Kind::Text),
        ]),
    ),
    ("State", Kind::Members(&[("EnteredTime", Kind::Text), ("Name", Kind::Text), ("RetryCount", Kind::Number)])),
    ("StateMachine", Kind::Members(&[("Id", Kind::Text), ("Name", Kind::Text)])),
    ("Task", Kind::Members(&[("Token", Kind::Text)])),
    (
        "Map",
        Kind::Members(&[(
            "Item",
            Kind::Members(&[
                ("Index", Kind::Number),
                ("Key", Kind::Text),
                ("Value", Kind::Any),
                ("Source", Kind::Text),
            ]),
        )]),
    ),
];

/// The members that stand for those of the test.
pub(super) fn read(input: &TestStateInput, state: &State) -> Result<Option<Object>, ApiError> {
    let Some(text) = &input.context else { return Ok(None) };
    let refused = |why: String| ApiError::validation(format!("Invalid Context object provided: {why}"));
    let value = Value::parse(text).map_err(|error| refused(error.message))?;
    let object = value.as_object().ok_or_else(|| refused("it must be a JSON object".to_owned()))?;
    check(object, CONTEXT_OBJECT, "").map_err(refused)?;
    if object.contains_key("Task") && !tested_state::waits(state) {
        return Err(refused(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' \
             service integration pattern"
                .to_owned(),
        ));
    }
    Ok(Some(object.clone()))
}

/// What a state in the iterations of a Map is told without a context object: it is the first iteration, and the item is its
/// input. Where items that a reader reads would come from is not known.
pub(super) fn in_iteration(map: &Map, input: &Value) -> Object {
    let mut item = Object::from([("Index", Value::from(0_i64)), ("Value", input.clone())]);
    if map.distributed.as_ref().is_some_and(|distributed| distributed.item_reader.is_none()) {
        item.insert("Source", "STATE_DATA");
    }
    Object::from([("Map", Value::Object(Object::from([("Item", Value::Object(item))])))])
}

/// `within` is the path to the object, with a dot at its end.
fn check(object: &Object, members: &[(&str, Kind)], within: &str) -> Result<(), String> {
    for (name, value) in object.iter() {
        let Some((_, kind)) = members.iter().find(|(member, _)| **member == **name) else {
            return Err(format!("Field '{name}' is not allowed"));
        };
        let wrong = |expected: &str| Err(format!("{within}{name} must be {expected}"));
        match (kind, value) {
            (Kind::Any, _) | (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) => {}
            (Kind::Members(members), Value::Object(object)) => check(object, members, &format!("{within}{name}."))?,
            (Kind::Text, _) => return wrong("a string"),
            (Kind::Number, _) => return wrong("a number"),
            (Kind::Members(_), _) => return wrong("an object"),
        }
    }
    Ok(())
}
