//! The context object (`$$`, `$states.context`).
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>

use jiff::Timestamp;
use json::{Object, Text, Value};
use std::cell::OnceCell;
use std::sync::Arc;

/// The context object of one state visit. Its JSON is made when an expression first asks for it.
#[derive(Clone, Debug)]
pub struct ContextObject {
    pub execution: Arc<ExecutionContext>,
    pub state_name: Text,
    /// Milliseconds since the Unix epoch.
    pub state_entered_ms: i64,
    /// `None` outside states that can retry.
    pub retry_count: Option<u32>,
    /// In a `.waitForTaskToken` task.
    pub task_token: Option<Text>,
    /// Inside a Map.
    pub map_item: Option<MapItem>,
    /// What `TestState` was given: its members stand for those made from the other fields.
    pub given: Option<Object>,
    // Invariant: made from the fields above, which nobody changes once it is made.
    pub(crate) built: OnceCell<Value>,
}

/// The part that is the same in every state of an execution.
#[derive(Clone, Debug)]
pub struct ExecutionContext {
    pub id: Text,
    pub input: Value,
    pub name: Text,
    /// Empty, and then `null` in the object, where no role is needed (`TestState` with a mock).
    pub role_arn: Text,
    pub start_time_ms: i64,
    /// `None` in a synchronous Express execution, which has no such member.
    pub redrive_count: Option<u32>,
    /// Of the last redrive.
    pub redrive_time_ms: Option<i64>,
    pub state_machine_id: Text,
    pub state_machine_name: Text,
}

/// `$$.Map.Item`.
#[derive(Clone, Debug, PartialEq)]
pub struct MapItem {
    pub index: u64,
    /// The member's name, when the Map goes over an object.
    pub key: Option<Text>,
    pub value: Value,
    /// `STATE_DATA`, `S3://bucket` or `S3://bucket/key`, in a distributed Map.
    pub source: Option<Text>,
}

impl ContextObject {
    pub fn new(execution: Arc<ExecutionContext>, state_name: Text, state_entered_ms: i64) -> ContextObject {
        ContextObject {
            execution,
            state_name,
            state_entered_ms,
            retry_count: None,
            task_token: None,
            map_item: None,
            given: None,
            built: OnceCell::new(),
        }
    }

    /// The whole object, as AWS orders its members.
    pub fn value(&self) -> &Value {
        self.built.get_or_init(|| {
            let mut object = Object::new();
            object.insert("Execution", self.execution.value());
            object.insert("StateMachine", self.execution.state_machine());
            object.insert("State", self.state());
            if let Some(token) = &self.task_token {
                object.insert("Task", Object::from([("Token", token)]));
            }
            if let Some(item) = &self.map_item {
                object.insert("Map", Object::from([("Item", item.value())]));
            }
            if let Some(given) = &self.given {
                put_over(&mut object, given);
            }
            Value::Object(object)
        })
    }

    fn state(&self) -> Object {
        let mut state = Object::from([("Name", self.state_name.clone())]);
        state.insert("EnteredTime", iso_8601(self.state_entered_ms));
        if let Some(count) = self.retry_count {
            state.insert("RetryCount", count);
        }
        state
    }
}

/// The members of `given`, and those of the objects in it, replace the ones of `object`.
fn put_over(object: &mut Object, given: &Object) {
    for (name, value) in given.iter() {
        let merged = match (object.get(name), value) {
            (Some(Value::Object(members)), Value::Object(given)) => {
                let mut members = members.clone();
                members.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
                Value::Object(members)
            }
            _ => value.clone(),
        };
        object.insert(name.clone(), merged);
    }
}

impl ExecutionContext {
    fn value(&self) -> Object {
        let mut execution = Object::new();
        execution.insert("Id", &self.id);
        execution.insert("Input", &self.input);
        execution.insert("StartTime", iso_8601(self.start_time_ms));
        execution.insert("Name", &self.name);
        execution.insert("RoleArn", (!self.role_arn.is_empty()).then(|| self.role_arn.clone()));
        if let Some(count) = self.redrive_count {
            execution.insert("RedriveCount", count);
        }
        if let Some(time) = self.redrive_time_ms {
            execution.insert("RedriveTime", iso_8601(time));
        }
        execution
    }

    fn state_machine(&self) -> Object {
        Object::from([("Id", &self.state_machine_id), ("Name", &self.state_machine_name)])
    }
}

impl MapItem {
    fn value(&self) -> Object {
        let mut item = Object::from([("Index", self.index)]);
        if let Some(key) = &self.key {
            item.insert("Key", key);
        }
        item.insert("Value", &self.value);
        if let Some(source) = &self.source {
            item.insert("Source", source);
        }
        item
    }
}

/// `2026-11-24T09:30:00.000Z`. Times beyond what a timestamp can hold are cut off there.
fn iso_8601(milliseconds: i64) -> String {
    let out_of_range = if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    format!("{:.3}", Timestamp::from_millisecond(milliseconds).unwrap_or(out_of_range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution() -> ExecutionContext {
        ExecutionContext {
            id: "arn:aws:states:eu-west-1:123456789012:execution:machine:run".into(),
            input: Value::parse(r#"{"a":1}"#).unwrap(),
            name: "run".into(),
            role_arn: "arn:aws:iam::123456789012:role/role".into(),
            start_time_ms: 1_700_000_000_000,
            redrive_count: Some(0),
            redrive_time_ms: None,
            state_machine_id: "arn:aws:states:eu-west-1:123456789012:stateMachine:machine".into(),
            state_machine_name: "machine".into(),
        }
    }

    #[test]
    fn members_stand_as_aws_orders_them() {
        let object = ContextObject::new(Arc::new(execution()), "Wait".into(), 1_700_000_000_250);
        let expected = concat!(
            r#"{"Execution":{"Id":"arn:aws:states:eu-west-1:123456789012:execution:machine:run","Input":{"a":1},"#,
            r#""StartTime":"2023-11-14T22:13:20.000Z","Name":"run","RoleArn":"arn:aws:iam::123456789012:role/role","#,
            r#""RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:eu-west-1:123456789012:stateMachine:machine","#,
            r#""Name":"machine"},"State":{"Name":"Wait","EnteredTime":"2023-11-14T22:13:20.250Z"}}"#,
        );
        assert_eq!(object.value().to_string(), expected);
    }

    #[test]
    fn members_that_only_some_states_have() {
        let mut object = ContextObject::new(Arc::new(execution()), "Task".into(), 0);
        object.retry_count = Some(2);
        object.task_token = Some("token".into());
        object.map_item = Some(MapItem {
            index: 3,
            key: Some("k".into()),
            value: Value::from("v"),
            source: Some("STATE_DATA".into()),
        });
        let value = object.value();
        let state = r#"{"Name":"Task","EnteredTime":"1970-01-01T00:00:00.000Z","RetryCount":2}"#;
        assert_eq!(value.get("State").unwrap().to_string(), state);
        assert_eq!(value.get("Task").unwrap().to_string(), r#"{"Token":"token"}"#);
        let item = r#"{"Item":{"Index":3,"Key":"k","Value":"v","Source":"STATE_DATA"}}"#;
        assert_eq!(value.get("Map").unwrap().to_string(), item);
    }
}
