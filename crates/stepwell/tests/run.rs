//! `stepwell run` as a user sees it.

use std::process::Command;

const ACTIVITY: &str = r#"{"StartAt": "Work", "States": {"Work": {"Type": "Task", "End": true,
    "Resource": "arn:aws:states:us-east-1:000000000000:activity:work"}}}"#;

#[test]
fn a_run_says_what_it_waits_for_and_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("work.asl.json");
    std::fs::write(&file, ACTIVITY).unwrap();
    let program = env!("CARGO_BIN_EXE_stepwell");
    let output = Command::new(program).arg("run").arg(&file).args(["--timeout", "1"]).output().unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let hint = "waiting for a worker of the activity `arn:aws:states:us-east-1:000000000000:activity:work`; take the task with `aws stepfunctions --endpoint-url http://127.0.0.1:";
    assert!(shown.contains(hint), "{shown}");
    let end = "the execution was stopped: States.Timeout\nthe execution did not end within 1 s; give it more with --timeout\n";
    assert!(shown.ends_with(end), "{shown}");
}

const CALLBACK: &str = r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true,
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}}}}"#;
/// Answers each invocation with `null`, and never with the token.
const FUNCTION: &str = r#"
import os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    invocation = urllib.request.urlopen(api + "next").headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(api + invocation + "/response", data=b"null")
"#;

#[test]
fn a_run_says_that_it_waits_for_a_callback() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ask.asl.json", CALLBACK);
    write("ask.py", FUNCTION);
    write("stepwell.toml", "[[function]]\nname = 'ask'\ncommand = ['python3', 'ask.py']\n");
    let arguments = ["run", "ask.asl.json", "--functions", "stepwell.toml", "--timeout", "3"];
    let mut run = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    let output = run.current_dir(folder.path()).args(arguments).output().unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    let hint = "Ask: waiting for the callback; whoever was given the task token answers with `aws stepfunctions";
    assert_eq!(shown.matches(hint).count(), 1, "{shown}");
    assert_eq!(output.status.code(), Some(1), "{shown}");
}
