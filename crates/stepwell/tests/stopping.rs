//! How a server stops when nothing of what it waits for ends.

use harness::Server;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const DRAIN: Duration = Duration::from_secs(4);

/// A function that never answers, an endpoint for events that never answers, and a client that never ends its request.
#[tokio::test]
async fn all_that_a_stop_waits_for_has_one_deadline() {
    // Its line takes connections; nobody takes them out of it.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepwell.toml");
    let text = format!(
        "drain_seconds = {}\n[events]\nurl = 'http://{}/'\n\
         [[function]]\nname = 'hang'\ncommand = ['sleep', '1000']\ninit_timeout_seconds = 900\n",
        DRAIN.as_secs(),
        silent.local_addr().unwrap(),
    );
    std::fs::write(&config, text).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell"));
    let mut server = Server::start(program, &["--config", config.to_str().unwrap()]).await.unwrap();
    let definition = json!({ "StartAt": "Hang", "States": { "Hang": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Parameters": { "FunctionName": "hang" },
    } } });
    let role = "arn:aws:iam::000000000000:role/r";
    let new = json!({ "name": "hang", "definition": definition.to_string(), "roleArn": role });
    let created = server.client().call("CreateStateMachine", new).await.unwrap();
    let start = json!({ "stateMachineArn": created.get("stateMachineArn") });
    server.client().call("StartExecution", start).await.unwrap();
    let mut client = TcpStream::connect(server.endpoint().strip_prefix("http://").unwrap()).await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await.unwrap();

    let asked = Instant::now();
    let status = server.terminate().await.unwrap();
    let took = asked.elapsed();
    assert!(status.success(), "{status}");
    // Three deadlines, one after the other, would be three times as much.
    assert!((DRAIN * 3 / 4..DRAIN * 2).contains(&took), "{took:?}\n{}", server.log());
    for waited_for in ["tasks still run", "the last events could not be delivered in time", "closing connections"] {
        assert!(server.log().contains(waited_for), "{waited_for}\n{}", server.log());
    }
}
