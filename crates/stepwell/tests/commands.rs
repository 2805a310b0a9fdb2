//! The commands through the real binary: exit codes, output, and what is said when something is wrong.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const PASSES: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
const FAILS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Wrong", "Cause": "by design"}}}"#;
const READS: &str = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
  "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}},
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
    "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
  "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
}}}"#;
const BROKEN: &str = "{\n  \"StartAt\": \"A\",\n  \"States\": {\"A\": {\"Type\": \"Pass\"}}\n}";

/// A folder with the files of a test, in which commands run.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn stepwell(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(folder).args(arguments);
    for name in ["STEPWELL_PORT", "STEPWELL_CONFIG", "STEPWELL_DATA_DIR", "STEPWELL_ACCOUNT_ID", "STEPWELL_LOG"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command; it ends with `code`, and its two outputs are, or contain where they end in `…`, what is expected.
#[track_caller]
fn check(folder: &TempDir, arguments: &[&str], code: i32, standard_output: &str, standard_error: &str) {
    let output = stepwell(folder.path(), arguments);
    let matches = |found: &[u8], expected: &str| {
        let found = String::from_utf8_lossy(found).into_owned();
        let is_as_expected = match expected.strip_suffix('…') {
            Some(part) => found.contains(part),
            None => found.trim_end() == expected,
        };
        assert!(is_as_expected, "{arguments:?}: {found}");
    };
    matches(&output.stdout, standard_output);
    matches(&output.stderr, standard_error);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
}

#[test]
fn run_prints_the_output_and_tells_how_it_ended() {
    let folder = folder(&[
        ("passes.asl.json", PASSES),
        ("fails.asl.json", FAILS),
        ("broken.asl.json", BROKEN),
        ("greets.asl.yaml", "StartAt: A\nStates:\n  A:\n    Type: Pass\n    Result: ${Greeting}\n    End: true\n"),
        ("input.json", r#"{"from": "a file"}"#),
    ]);
    let quiet = |file: &'static str| ["run", "--quiet", file];
    check(&folder, &quiet("passes.asl.json"), 0, "{}", "");
    check(&folder, &["run", "passes.asl.json", "--input", r#"{"a": 1}"#], 0, r#"{"a":1}"#, "A: done in …");
    check(&folder, &["run", "-q", "passes.asl.json", "--input", "@input.json"], 0, r#"{"from":"a file"}"#, "");
    check(&folder, &["run", "-q", "greets.asl.yaml", "--substitute", "Greeting=hi"], 0, r#""hi""#, "");
    check(&folder, &quiet("fails.asl.json"), 1, "", "the execution failed: Wrong\nby design");
    check(
        &folder,
        &quiet("broken.asl.json"),
        2,
        "",
        "error: the definition has errors:\nbroken.asl.json:3:14: error[…",
    );
    check(&folder, &quiet("missing.json"), 2, "", "error: cannot read `missing.json`: …");
    check(&folder, &quiet("missing.json"), 2, "", "hint: check the path…");
    check(&folder, &quiet("greets.asl.yaml"), 2, "", "no value for the placeholders Greeting…");
    check(&folder, &["run", "passes.asl.json", "--input", "{"], 2, "", "error: the input is not JSON…");
}

#[test]
fn run_knows_both_types_and_any_name_of_a_file() {
    let named = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true,
        "Parameters": {"name.$": "$$.StateMachine.Name", "execution.$": "$$.Execution.Id"}}}}"#;
    let waits = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 100, "End": true}}}"#;
    let folder = folder(&[("my file.asl.json", named), ("waits.json", waits), ("fails.json", FAILS)]);
    let arn = "arn:aws:states:us-east-1:000000000000";
    let standard = format!(r#"{{"name":"my-file","execution":"{arn}:execution:my-file:run"}}"#);
    for arguments in [&["run", "-q", "my file.asl.json"][..], &["run", "-q", "my file.asl.json", "--type", "Standard"]]
    {
        check(&folder, arguments, 0, &standard, "");
    }
    let express = format!(r#"{{"name":"my-file","execution":"{arn}:express:my-file:run:…"#);
    for name in ["EXPRESS", "express"] {
        check(&folder, &["run", "my file.asl.json", "--type", name], 0, &express, "A: done in …");
    }
    check(&folder, &["run", "-q", "fails.json", "--type", "express"], 1, "", "the execution failed: Wrong\nby design");
    for name in ["standard", "express"] {
        let stopped = "the execution was stopped: States.Timeout\nthe execution did not end within 1 s; give it more with --timeout";
        check(&folder, &["run", "-q", "waits.json", "--timeout", "1", "--type", name], 1, "", stopped);
    }
}

#[test]
fn what_is_not_supported_yet_is_warned_of() {
    let folder = folder(&[("reads.json", READS)]);
    let reader = "reads.json:2:3: warning[NOT_SUPPORTED_YET]: ItemReader is not supported here yet: \
                  the Map Run fails with `States.ItemReaderFailed` (at /States/M/ItemReader)\n…";
    let writer = "warning[NOT_SUPPORTED_YET]: Resource of ResultWriter is not supported here yet: \
                  the Map Run fails with `States.ResultWriterFailed` (at /States/M/ResultWriter/Resource)\n…";
    for line in [reader, writer, "1 file checked: 0 errors, 2 warnings…"] {
        check(&folder, &["validate", "reads.json"], 0, line, "");
    }
    for line in [reader, writer, "the execution failed: States.ItemReaderFailed…"] {
        check(&folder, &["run", "reads.json"], 1, "", line);
    }
}

#[test]
fn a_task_that_nothing_here_serves_is_warned_of() {
    let task = |resource: &str| {
        format!(
            r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{resource}", "Parameters": {{}}, "End": true}}}}}}"#
        )
    };
    let not_here = task("arn:aws:states:::dynamodb:getItem");
    let here = task("arn:aws:states:::states:startExecution.sync:2");
    let folder = folder(&[("table.json", &not_here), ("nested.json", &here)]);
    let warning = "table.json:1:51: warning[NOT_SUPPORTED_YET]: no integration of this server serves the resource yet: \
                   the task fails with `States.Runtime` (at /States/T/Resource)\n…";
    check(&folder, &["validate", "table.json"], 0, warning, "");
    check(&folder, &["validate", "nested.json"], 0, "1 file checked: 0 errors, 0 warnings…", "");
}

/// Whoever reads the output may stop before its end.
#[test]
fn nobody_has_to_read_to_the_end() {
    let folder = folder(&[("passes.json", PASSES), ("broken.json", BROKEN)]);
    let check = |arguments: &[&str], code: i32| {
        let mut command = command(folder.path(), arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((process.stdout.take(), process.stderr.take()));
        assert_eq!(process.wait().unwrap().code(), Some(code), "{arguments:?}");
    };
    check(&["run", "passes.json"], 0);
    check(&["validate", "broken.json"], 1);
    check(&["validate", "--format", "json", "broken.json"], 1);
    check(&["env"], 0);
    check(&["run", "missing.json"], 2);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_lost_is_an_error() {
    let folder = folder(&[("passes.json", PASSES)]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(folder.path(), &["run", "-q", "passes.json"]).stdout(full).output().unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(shown.starts_with("error: cannot write to standard output: "), "{shown}");
}

/// A function in the server's own log: of `serve` always, of `run` when it is asked to log.
#[test]
fn what_a_function_writes_is_logged_under_its_name() {
    const FUNCTION: &str = r#"
import os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    invocation = urllib.request.urlopen(api + "next")
    print("a line of the function", flush=True)
    urllib.request.urlopen(api + invocation.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", b"{}")
"#;
    let call = r#"{"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
        "Parameters":{"FunctionName":"price"},"End":true}}}"#;
    let config = "[[function]]\nname = 'price'\ncommand = ['python3', 'price.py']\n";
    let folder = folder(&[("price.py", FUNCTION), ("call.asl.json", call), ("stepwell.toml", config)]);
    let run = ["run", "call.asl.json", "--functions", "stepwell.toml"];
    let output = command(folder.path(), &run).env("STEPWELL_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let line = log.lines().find(|line| line.contains("a line of the function")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(r#"function="price""#) && line.contains("request_id="), "{line}");
}

#[test]
fn run_shows_where_in_a_map_a_state_is() {
    let nested = json!({"StartAt": "Orders", "States": {"Orders": {"Type": "Map", "End": true, "ItemProcessor": {
        "StartAt": "Ship", "States": {"Ship": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "Pack", "States": {"Pack": {"Type": "Pass", "End": true}}},
        ]}},
    }}}});
    let folder = folder(&[("nested.asl.json", &nested.to_string())]);
    let arguments = ["run", "nested.asl.json", "--input", "[1, 2]"];
    for line in ["Orders[0] / Ship / Pack: done in …", "Orders[1] / Ship: done in …", "\nOrders: done in …"] {
        check(&folder, &arguments, 0, "[[1],[2]]", line);
    }
}

#[test]
fn validate_tells_what_is_wrong_and_where() {
    let folder = folder(&[("passes.json", PASSES), ("broken.json", BROKEN), ("no.yaml", "a: [")]);
    check(&folder, &["validate", "passes.json"], 0, "1 file checked: 0 errors, 0 warnings", "");
    check(&folder, &["validate", "broken.json", "passes.json"], 1, "broken.json:3:14: error[…", "");
    check(&folder, &["validate", "broken.json", "passes.json"], 1, "2 files checked: 1 error, 0 warnings…", "");
    check(
        &folder,
        &["validate", "no.yaml", "passes.json"],
        2,
        "1 file checked: 0 errors, 0 warnings; 1 file could not be read",
        "error: `no.yaml` is not YAML: …",
    );
    check(&folder, &["validate"], 2, "", "the following required arguments were not provided…");
}

#[test]
fn validate_takes_the_limits_of_a_server() {
    let batches =
        READS.replace("\"ResultWriter\"", "\"ItemBatcher\": {\"MaxInputBytesPerBatch\": 300000}, \"ResultWriter\"");
    let folder = folder(&[("batches.json", batches.as_str())]);
    check(&folder, &["validate", "batches.json"], 1, "Maximum value is 262144…", "");
    let limit = ["validate", "--limit", "payload_bytes_max=300_000", "batches.json"];
    check(&folder, &limit, 0, "1 file checked: 0 errors…", "");
    let unknown = ["validate", "--limit", "x=1", "batches.json"];
    check(&folder, &unknown, 2, "", "`--limit x=1` cannot be used…");
}

#[test]
fn validate_gives_json_for_tools() {
    let folder = folder(&[("passes.json", PASSES), ("broken.json", BROKEN)]);
    let found = |arguments: &[&str]| -> (Option<i32>, Value) {
        let output = stepwell(folder.path(), &[&["validate", "--format", "json"], arguments].concat());
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    };
    assert_eq!(found(&["passes.json"]), (Some(0), json!([])));
    let (code, diagnostics) = found(&["broken.json", "missing.json"]);
    assert_eq!(code, Some(2));
    let of = |name: &str| -> Vec<&Value> {
        diagnostics.as_array().unwrap().iter().map(|diagnostic| &diagnostic[name]).collect()
    };
    assert_eq!(of("file"), ["missing.json", "broken.json"]);
    assert_eq!(of("severity"), ["error", "error"]);
    assert_eq!(of("code"), ["UNREADABLE_FILE", "SCHEMA_VALIDATION_FAILED"]);
    assert_eq!(of("line"), [&Value::Null, &json!(3)]);
}

#[test]
fn env_takes_port_and_region_from_flags_or_the_configuration() {
    let folder = folder(&[("stepwell.toml", "port = 9000\nregion = 'eu-central-1'\n")]);
    check(&folder, &["env"], 0, "export AWS_ENDPOINT_URL_SFN='http://127.0.0.1:8083'…", "");
    check(&folder, &["env", "--port", "9001"], 0, "export AWS_ENDPOINT_URL_SFN='http://127.0.0.1:9001'…", "");
    let with_file = ["env", "--config", "stepwell.toml"];
    check(&folder, &with_file, 0, "export AWS_ENDPOINT_URL_SFN='http://127.0.0.1:9000'…", "");
    check(&folder, &with_file, 0, "export AWS_REGION='eu-central-1'…", "");
    let elsewhere = ["env", "--endpoint", "http://sfn.internal:1", "--region", "us-west-2"];
    check(&folder, &elsewhere, 0, "export AWS_ENDPOINT_URL_SFN='http://sfn.internal:1'…", "");
    // It says where a server is, whose programs need not be here.
    std::fs::write(folder.path().join("elsewhere.toml"), "[[function]]\nname = 'f'\ncommand = ['no-such-program']\n")
        .unwrap();
    check(
        &folder,
        &["env", "--config", "elsewhere.toml"],
        0,
        "export AWS_ENDPOINT_URL_SFN='http://127.0.0.1:8083'…",
        "",
    );
    check(&folder, &["env", "--config", "no.toml"], 2, "", "error: cannot read the configuration file `no.toml`…");
}

/// What a shell has after it has read the settings.
#[test]
fn env_keeps_the_credentials_of_the_shell() {
    let folder = folder(&[]);
    let program = env!("CARGO_BIN_EXE_stepwell");
    let check = |given: &[(&str, &str)], expected: &str| {
        for settings in [format!("eval \"$({program} env)\""), format!("eval $({program} env)")] {
            let show =
                "echo ${AWS_ACCESS_KEY_ID-none} ${AWS_SECRET_ACCESS_KEY-none} ${AWS_SESSION_TOKEN-none} $AWS_REGION";
            let mut shell = Command::new("sh");
            shell.args(["-euc", &format!("{settings}; {show}")]).current_dir(folder.path()).env_clear();
            let output = shell.envs(given.iter().copied()).output().unwrap();
            let shown = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            assert_eq!(shown, (format!("{expected} us-east-1\n"), String::new()), "{given:?}: {settings}");
        }
    };
    check(&[], "stepwell stepwell none");
    check(&[("AWS_ACCESS_KEY_ID", "")], "stepwell stepwell none");
    let mine = [("AWS_ACCESS_KEY_ID", "mine"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "token")];
    check(&mine, "mine secret token");
    check(&[("AWS_PROFILE", "work")], "none none none");
}

#[test]
fn serve_says_why_it_does_not_start() {
    let folder = folder(&[("file", ""), ("wrong.toml", "[limits]\nhistory_events_max = 0\n")]);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let taken = ["serve", "--port", &port];
    check(&folder, &taken, 2, "", &format!("error: cannot listen on 127.0.0.1:{port}: …"));
    check(&folder, &taken, 2, "", "choose another port with --port…");
    let no_folder = ["serve", "--port", "0", "--data-dir", "file/data"];
    check(
        &folder,
        &no_folder,
        2,
        "",
        "error: cannot start over the data in `file/data`: the store cannot be opened: …",
    );
    check(&folder, &no_folder, 2, "", "hint: choose a folder that can be written with --data-dir…");
    let wrong = ["serve", "--config", "wrong.toml"];
    check(
        &folder,
        &wrong,
        2,
        "",
        "error: `wrong.toml`, line 2: the limit `history_events_max` is 0; it must be at least 1",
    );
    check(&folder, &["serve", "--limit", "events=1"], 2, "", "error: `--limit events=1` cannot be used: …");
    check(&folder, &["serve", "--account-id", "1"], 2, "", "error: the account id `1` is not 12 digits");
}

#[test]
fn a_wrong_value_is_blamed_on_where_it_comes_from() {
    let folder = folder(&[]);
    let check_told = |arguments: &[&OsStr], variable: &str, set: &str, is_blamed: bool| {
        let output = command(folder.path(), &["serve"]).args(arguments).env(variable, set).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let tip = format!("the value is that of the environment variable {variable}");
        assert_eq!(told.contains(&tip), is_blamed, "{told}");
    };
    check_told(&[], "STEPWELL_PORT", "abc", true);
    check_told(&[], "STEPWELL_LOG_FORMAT", "xml", true);
    let not_unicode = OsStr::from_bytes(b"--data-dir=/data/\xff");
    check_told(&[not_unicode], "STEPWELL_PORT", "abc", true);
    check_told(&["--port=abc".as_ref()], "STEPWELL_PORT", "abc", false);
    check_told(&["--port".as_ref(), "70000".as_ref()], "STEPWELL_PORT", "8083", false);
    check_told(&["--no-such".as_ref()], "STEPWELL_PORT", "8083", false);
}

/// Files of containers set them so.
#[test]
fn an_environment_variable_without_a_value_is_none() {
    let folder = folder(&[]);
    let output = command(folder.path(), &["env"]).env("STEPWELL_PORT", "").env("STEPWELL_CONFIG", "").output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("http://127.0.0.1:8083"), "{out}{error}");
}

/// Kubernetes tells each pod of a Service that is called `stepwell`.
#[test]
fn the_address_of_a_service_is_no_port() {
    let folder = folder(&[]);
    let output = command(folder.path(), &["env"]).env("STEPWELL_PORT", "tcp://10.0.0.7:8083").output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("http://127.0.0.1:8083"), "{out}{error}");
}

#[test]
fn a_misspelt_environment_variable_is_told() {
    let folder = folder(&[("stepwell.toml", "account_id = '1'")]);
    let mut serve = command(folder.path(), &["serve", "--config", "stepwell.toml"]);
    serve.env("STEPWELL_PROT", "1").env("STEPWELL_ACCOUNT", "1").env("STEPWELL_SERVICE_HOST", "10.0.0.7");
    let output = serve.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("STEPWELL_PROT sets nothing; did you mean STEPWELL_PORT?"), "{told}");
    assert!(told.contains("STEPWELL_ACCOUNT sets nothing; did you mean STEPWELL_ACCOUNT_ID?"), "{told}");
    assert!(!told.contains("STEPWELL_SERVICE_HOST"), "{told}");
}

#[test]
fn a_server_that_cannot_write_its_logs_does_not_start() {
    let folder = folder(&[("file", ""), ("stepwell.toml", "data_dir = 'data'\n[logs]\nfolder = 'file'\n")]);
    let told =
        "error: cannot deliver logs and events: cannot write to `./file`; check that the folder exists, is yours and…";
    check(&folder, &["serve", "--config", "stepwell.toml"], 2, "", told);
}

#[test]
fn help_and_version_explain() {
    let folder = folder(&[]);
    check(&folder, &["--version"], 0, "API of AWS Step Functions: 2016-11-23…", "");
    check(&folder, &["--help"], 0, "First steps:…", "");
    for command in ["serve", "run", "validate", "env"] {
        check(&folder, &[command, "--help"], 0, "Usage: stepwell …", "");
    }
    check(&folder, &["serve", "--help"], 0, "STEPWELL_LOG chooses what is logged…", "");
    check(&folder, &["run", "--help"], 0, "The exit code is 0 when the execution succeeds…", "");
    check(&folder, &["validate", "--help"], 0, "The exit code is 0 when there are no errors…", "");
    check(&folder, &["env", "--help"], 0, "stepwell env --shell fish | source…", "");
    check(
        &folder,
        &["env", "-h"],
        0,
        "Print the settings that make the AWS CLI and SDKs talk to a local server\n…",
        "",
    );
}

const HISTORY: &str = r#"{"events": [
  {"id": 1, "previousEventId": 0, "type": "ExecutionStarted", "timestamp": "2026-11-23T10:00:00.000Z",
   "executionStartedEventDetails": {"input": "{\"a\": 1}", "roleArn": "arn:aws:iam::123456789012:role/r"}},
  {"id": 2, "previousEventId": 0, "type": "PassStateEntered", "timestamp": "2026-11-23T10:00:00.000Z",
   "stateEnteredEventDetails": {"name": "A", "input": "{\"a\": 1}"}}]}
{"events": [
  {"id": 3, "previousEventId": 2, "type": "PassStateExited", "timestamp": "2026-11-23T10:00:00.001Z",
   "stateExitedEventDetails": {"name": "A", "output": "{\"a\":1}"}},
  {"id": 4, "previousEventId": 3, "type": "ExecutionSucceeded", "timestamp": "2026-11-23T10:00:00.001Z",
   "executionSucceededEventDetails": {"output": "{\"a\":1}"}}]}"#;

const DESCRIBED: &str = r#"{"status": "SUCCEEDED", "input": "{\"a\": 1}", "output": "{\"a\":2}",
  "startDate": 1795428000.0, "stopDate": 1795428000.001}"#;

const MAP_OF_PASSES: &str = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "End": true,
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, PASSES}}}"#;

#[test]
fn check_history_says_what_cannot_be() {
    let map = MAP_OF_PASSES.replace("PASSES", PASSES.trim().trim_start_matches('{'));
    let wrong = HISTORY.replace(r#""output": "{\"a\":1}"}}]}"#, r#""output": "{\"a\":3}"}}]}"#);
    let folder = folder(&[
        ("a.json", PASSES),
        ("a.yaml", "StartAt: A\nStates:\n  A:\n    Type: Pass\n    End: true\n"),
        ("fails.json", FAILS),
        ("broken.json", BROKEN),
        ("map.json", &map),
        ("unlabelled.json", &map.replace(r#""Label": "L", "#, "")),
        ("history.json", HISTORY),
        ("wrong.json", &wrong),
        ("described.json", DESCRIBED),
        ("input.json", r#"{"a": 1}"#),
    ]);
    let check_with = |arguments: &[&'static str], code: i32, output: &str, error: &str| {
        check(&folder, &[&["check-history"], arguments].concat(), code, output, error);
    };
    let legal = "legal: 4 events, 0 values taken on trust";
    check_with(&["--definition", "a.json", "--history", "history.json"], 0, legal, "");
    check_with(&["--definition", "a.yaml", "--history", "history.json", "--input", "@input.json"], 0, legal, "");
    check_with(
        &["--definition", "a.json", "--history", "history.json", "--format", "json"],
        0,
        r#"{"legal":true,"closed":true,"events":4,"trusted":0,"untimed":0,"violations":[]}"#,
        "",
    );
    check_with(
        &["--definition", "a.json", "--history", "history.json", "--limit", "payload_bytes_max=3"],
        1,
        "event 3: path: nothing explains PassStateExited…",
        "",
    );
    check_with(
        &["--definition", "a.json", "--history", "wrong.json"],
        1,
        r#"event 4: data: `output` differs at byte 5: expected {"a":1}, found {"a":3}…"#,
        "",
    );
    check_with(
        &["--definition", "a.json", "--history", "history.json", "--describe", "described.json"],
        1,
        r#"event 4: described: `output` of the execution should be {"a":1} and is {"a":2}…"#,
        "",
    );
    check_with(
        &["--definition", "fails.json", "--history", "history.json"],
        1,
        "event 2: path: nothing explains PassStateEntered of `A` after event 0; expected: FailStateEntered of `A` after…",
        "",
    );
    check_with(&["--definition", "map.json", "--history", "history.json", "--child-of", "L"], 0, legal, "");
    let made_up = "0d1f5c3a-0000-3000-8000-000000000001";
    for (label, code, output, error) in
        [(made_up, 0, legal, ""), ("M", 0, legal, ""), ("nope", 2, "", "the definition has no distributed Map `nope`…")]
    {
        let arguments = ["--definition", "unlabelled.json", "--history", "history.json", "--child-of", label];
        check_with(&arguments, code, output, error);
    }
    let at_map = "expected: MapStateEntered of `M` after event 0…";
    check_with(&["--definition", "map.json", "--history", "history.json"], 1, at_map, "");
    let no_map = "the definition has no distributed Map `M`…";
    check_with(&["--definition", "a.json", "--history", "history.json", "--child-of", "M"], 2, "", no_map);
    check_with(&["--definition", "a.json", "--history", "missing.json"], 2, "", "cannot read `missing.json`…");
    check_with(&["--definition", "broken.json", "--history", "history.json"], 2, "", "is no definition: …");
    check_with(&["--definition", "a.json", "--history", "a.yaml"], 2, "", "`a.yaml` is no history…");
}

#[test]
fn fsck_says_where_there_is_no_data() {
    let folder = folder(&[]);
    check(&folder, &["fsck", "nothing"], 2, "", "there is no folder `nothing`…");
}
