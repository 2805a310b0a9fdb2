//! Functions of a real server that is killed.

use harness::Server;
use serde_json::json;
use std::path::Path;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A runtime client that takes an invocation, starts a child that has the connection too, and never answers.
const FUNCTION: &str = r#"
import os, signal, socket, subprocess, urllib.request
urllib.request.urlopen("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/next").read()
gate = socket.create_connection(("127.0.0.1", int(os.environ["GATE"])))
subprocess.Popen(["sleep", "1000"], pass_fds=[gate.fileno()])
gate.sendall(b"!")
signal.pause()
"#;

#[tokio::test]
async fn no_function_outlives_a_server_that_is_killed() {
    let gate = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hang.py"), FUNCTION).unwrap();
    let port = gate.local_addr().unwrap().port();
    let config = folder.path().join("stepwell.toml");
    let text = format!(
        "[[function]]\nname = 'hang'\ncommand = ['python3', 'hang.py']\ntimeout_seconds = 900\n\
         init_timeout_seconds = 60\nenvironment = {{ GATE = '{port}' }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell"));
    let mut server = Server::start(program, &["--config", config.to_str().unwrap()]).await.unwrap();
    let client = server.client();
    let definition = json!({ "StartAt": "Hang", "States": { "Hang": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Parameters": { "FunctionName": "hang" },
    } } });
    let role = "arn:aws:iam::000000000000:role/r";
    let new = json!({ "name": "hang", "definition": definition.to_string(), "roleArn": role });
    let created = client.call("CreateStateMachine", new).await.unwrap();
    client.call("StartExecution", json!({ "stateMachineArn": created["stateMachineArn"] })).await.unwrap();
    let (mut function, _) = gate.accept().await.unwrap();
    assert_eq!(function.read_u8().await.unwrap(), b'!');
    server.kill();
    // The connection ends when the process and its child are gone; one that is killed may reset it.
    let _end = function.read_to_end(&mut Vec::new()).await;
}
