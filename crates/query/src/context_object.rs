//! The context object (`$$`, `$states.context`).
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>

use json::{Text, Value};
use std::sync::Arc;

/// The context object of one state visit. Its JSON is made when an expression first asks for it.
#[derive(Clone, Debug)]
pub struct ContextObject {
    pub execution: Arc<ExecutionContext>,
    pub state_name: Text,
    /// Milliseconds since the Unix epoch.
    pub state_entered_ms: i64,
    /// `None` outside states that can retry.
    pub retry_count: u32,
    /// In a `.waitForTaskToken` task.
    pub task_token: Option<Text>,
    /// Inside a Map.
    pub map_item: Option<MapItem>,
    pub(crate) built: std::cell::OnceCell<Value>,
}

/// The part that is the same in every state of an execution.
#[derive(Clone, Debug)]
pub struct ExecutionContext {
    pub id: Text, pub input: Value, pub name: Text, pub role_arn: Text, pub start_time_ms: i64,
    pub redrive_count: u32, pub redrive_time_ms: Option<i64>,
    pub state_machine_id: Text, pub state_machine_name: Text,
}

/// `$$.Map.Item`.
#[derive(Clone, Debug, PartialEq)]
pub struct MapItem { pub index: u64, pub key: Option<Text>, pub value: Value, pub source: Option<Text> }

impl ContextObject {
    pub fn new(_execution: Arc<ExecutionContext>, _state_name: Text, _state_entered_ms: i64) -> ContextObject { todo!() }
    /// The whole object, as AWS orders its members.
    pub fn value(&self) -> &Value { todo!() }
}
