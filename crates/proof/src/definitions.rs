//! The state machines of the load: little ones that together come through everything that is stored.

use crate::Result;
use harness::Client;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::000000000000:role/proof";

/// What the load runs.
pub struct Deployed {
    pub activity: String,
    /// ARN and definition.
    pub state_machines: Vec<(String, Value)>,
}

/// One state machine of the load.
pub struct Definition {
    pub name: &'static str,
    /// Given the ARN of the activity and that of the state machine that answers callbacks.
    write: fn(&str, &str) -> Value,
}

/// The first one answers callbacks; the load starts all others.
pub const DEFINITIONS: &[Definition] = &[
    Definition { name: "answer", write: |_, _| answer() },
    Definition { name: "steps", write: |_, _| steps() },
    Definition { name: "work", write: |activity, _| work(activity) },
    Definition { name: "callback", write: |_, answer| callback(answer) },
    Definition { name: "inline-map", write: |activity, _| inline_map(activity) },
    Definition { name: "express-children", write: |_, _| map_run("EXPRESS", &express_child()) },
    Definition { name: "standard-children", write: |_, _| map_run("STANDARD", &standard_child()) },
];

/// The ARN of the execution with this name.
pub fn execution_arn(state_machine_arn: &str, name: &str) -> String {
    format!("{}:{name}", state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
}

/// Creates the activity and the state machines. What exists already stays.
pub async fn deploy(client: &Client) -> Result<Deployed> {
    let activity = client.call("CreateActivity", json!({ "name": "work" })).await?;
    let activity = activity["activityArn"].as_str().ok_or("CreateActivity gave no ARN")?.to_owned();
    let mut deployed = Deployed { activity, state_machines: Vec::new() };
    for definition in DEFINITIONS {
        let answer = deployed.state_machines.first().map_or("", |(arn, _): &(String, Value)| arn);
        let text = (definition.write)(&deployed.activity, answer);
        let arn = create(client, definition.name, &text.to_string(), "STANDARD").await?;
        deployed.state_machines.push((arn, text));
    }
    Ok(deployed)
}

/// Creates a state machine; gives its ARN.
pub async fn create(client: &Client, name: &str, definition: &str, state_machine_type: &str) -> Result<String> {
    let input = json!({ "name": name, "definition": definition, "type": state_machine_type, "roleArn": ROLE });
    let created = client.call("CreateStateMachine", input).await?;
    Ok(created["stateMachineArn"].as_str().ok_or("CreateStateMachine gave no ARN")?.to_owned())
}

/// A task that a worker lost in a crash misses its heartbeat, and is tried again.
fn again() -> Value {
    json!([{ "ErrorEquals": ["Again", "States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 60, "BackoffRate": 1 }])
}

fn activity_task(activity: &str) -> Value {
    json!({ "Type": "Task", "Resource": activity, "HeartbeatSeconds": 2, "Retry": again(),
        "Parameters": { "number.$": "$.number", "attempt.$": "$$.State.RetryCount" }, "ResultPath": "$.worked" })
}

fn with(mut state: Value, name: &str, value: Value) -> Value {
    state[name] = value;
    state
}

fn answer() -> Value {
    json!({ "StartAt": "Answer", "States": { "Answer": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", "End": true,
        "Parameters": { "TaskToken.$": "$.token", "Output.$": "States.JsonToString($.answer)" },
    } } })
}

fn steps() -> Value {
    let branch = |seconds: u32| {
        let (rest, note) = (format!("Rest {seconds}"), format!("Note {seconds}"));
        json!({ "StartAt": rest, "States": {
            rest.clone(): { "Type": "Wait", "Seconds": seconds, "Next": note },
            note.clone(): { "Type": "Pass", "Result": { "rested": seconds }, "End": true },
        } })
    };
    json!({ "StartAt": "Count", "States": {
        "Count": { "Type": "Pass", "Parameters": { "number.$": "$.number", "next.$": "States.MathAdd($.number, 1)" }, "Next": "Odd" },
        "Odd": { "Type": "Choice", "Default": "Fork",
            "Choices": [{ "Variable": "$.number", "NumericLessThan": 3, "Next": "Wait" }] },
        "Wait": { "Type": "Wait", "Seconds": 1, "Next": "Fork" },
        "Fork": { "Type": "Parallel", "Branches": [branch(0), branch(1)], "ResultPath": "$.forked", "Next": "Done" },
        "Done": { "Type": "Succeed" },
    } })
}

fn work(activity: &str) -> Value {
    let caught = json!([{ "ErrorEquals": ["Broken"], "ResultPath": "$.broken", "Next": "Mend" }]);
    json!({ "StartAt": "Work", "States": {
        "Work": with(with(activity_task(activity), "Catch", caught), "Next", json!("Rest")),
        "Mend": { "Type": "Pass", "Result": "mended", "ResultPath": "$.mended", "Next": "Rest" },
        "Rest": { "Type": "Wait", "Seconds": 1, "Next": "Work again" },
        "Work again": with(activity_task(activity), "End", json!(true)),
    } })
}

fn callback(answer: &str) -> Value {
    json!({ "StartAt": "Call", "States": {
        "Call": { "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken", "End": true,
            "Parameters": { "StateMachineArn": answer,
                "Input": { "token.$": "$$.Task.Token", "answer": { "number.$": "$.number" } } } },
    } })
}

fn inline_map(activity: &str) -> Value {
    json!({ "StartAt": "List", "States": {
        "List": { "Type": "Pass", "Parameters": { "number.$": "$.number", "items.$": "States.ArrayRange(1, 3, 1)" }, "Next": "Each" },
        "Each": { "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true,
            "ItemSelector": { "number.$": "$$.Map.Item.Value" },
            "ItemProcessor": { "StartAt": "Item", "States": { "Item": with(activity_task(activity), "End", json!(true)) } } },
    } })
}

fn map_run(execution_type: &str, child: &Value) -> Value {
    let mut processor = child.clone();
    processor["ProcessorConfig"] = json!({ "Mode": "DISTRIBUTED", "ExecutionType": execution_type });
    json!({ "StartAt": "List", "States": {
        "List": { "Type": "Pass", "Parameters": { "number.$": "$.number", "items.$": "States.ArrayRange(1, 6, 1)" }, "Next": "Each" },
        "Each": { "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 3, "End": true, "ItemProcessor": processor },
    } })
}

fn express_child() -> Value {
    json!({ "StartAt": "Square", "States": {
        "Square": { "Type": "Pass", "Parameters": { "item.$": "$" }, "Next": "Rest" },
        "Rest": { "Type": "Wait", "Seconds": 0, "Next": "Done" },
        "Done": { "Type": "Succeed" },
    } })
}

fn standard_child() -> Value {
    json!({ "StartAt": "Rest", "States": {
        "Rest": { "Type": "Wait", "Seconds": 1, "Next": "Done" },
        "Done": { "Type": "Pass", "Parameters": { "item.$": "$" }, "End": true },
    } })
}
