//! Definitions that the real server refuses when they come, rather than when they run: what a service does not have.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use harness::{Client, Server};
use serde_json::{Value, json};
use std::path::Path;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// A Task that calls a function, and gives it this beside its name.
fn calls(field: &str) -> String {
    let parameters = json!({"FunctionName": "f", field: {"any": "thing"}});
    let task =
        json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": true});
    json!({"StartAt": "Call it", "States": {"Call it": task}}).to_string()
}

async fn check_refused(client: &Client, operation: &str, input: Value) {
    let refused = client.call(operation, input).await.unwrap_err().to_string();
    let message = "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field \"Paylod\" is not supported by \
                   Step Functions at /States/Call it/Parameters'";
    assert!(refused.contains("InvalidDefinition") && refused.contains(message), "{operation}: {refused}");
}

#[tokio::test]
async fn a_field_that_a_service_does_not_have_is_refused() {
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), &[]).await.unwrap();
    let client = server.client();
    let new = |definition| json!({"name": "m", "definition": definition, "roleArn": ROLE});
    check_refused(&client, "CreateStateMachine", new(calls("Paylod"))).await;
    let created = client.call("CreateStateMachine", new(calls("Payload"))).await.unwrap();
    let change = json!({"stateMachineArn": created["stateMachineArn"], "definition": calls("Paylod")});
    check_refused(&client, "UpdateStateMachine", change).await;
    let found = client.call("ValidateStateMachineDefinition", json!({"definition": calls("Paylod")})).await.unwrap();
    let diagnostic = json!({"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED",
        "message": "The field \"Paylod\" is not supported by Step Functions", "location": "/States/Call it/Parameters"});
    assert_eq!(found, json!({"result": "FAIL", "diagnostics": [diagnostic], "truncated": false}));
}

/// The way out for services that have grown since this build.
#[tokio::test]
async fn a_field_that_a_service_does_not_have_is_a_warning_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepwell.toml");
    std::fs::write(&config, "unknown_service_fields = 'warn'").unwrap();
    let settings: [&[&str]; 2] = [&["--unknown-service-fields", "warn"], &["--config", config.to_str().unwrap()]];
    for arguments in settings {
        let server = Server::start(Path::new(env!("CARGO_BIN_EXE_stepwell")), arguments).await.unwrap();
        let client = server.client();
        let new = json!({"name": "m", "definition": calls("Paylod"), "roleArn": ROLE});
        client.call("CreateStateMachine", new).await.unwrap();
        let asked = json!({"definition": calls("Paylod"), "severity": "WARNING"});
        let found = client.call("ValidateStateMachineDefinition", asked).await.unwrap();
        let diagnostic = json!({"severity": "WARNING", "code": "SCHEMA_VALIDATION_FAILED",
            "message": "The field \"Paylod\" is not supported by Step Functions", "location": "/States/Call it/Parameters"});
        assert_eq!(found, json!({"result": "OK", "diagnostics": [diagnostic], "truncated": false}), "{arguments:?}");
    }
}
