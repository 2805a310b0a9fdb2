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
