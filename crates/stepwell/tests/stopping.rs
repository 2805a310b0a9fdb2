//! How a server stops when nothing of what it waits for ends.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use harness::Server;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const DRAIN: Duration = Duration::from_secs(4);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_stepwell"))
}

/// A function that never answers, an endpoint for events that never answers, and a client that never ends its request.
#[tokio::test]
async fn all_that_a_stop_waits_for_has_one_deadline() {
    // Its line takes connections; nobody takes them out of it.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let config = format!(
        "drain_seconds = {}\n[events]\nurl = 'http://{}/'\n\
         [[function]]\nname = 'hang'\ncommand = ['sleep', '1000']\ninit_timeout_seconds = 900\n",
        DRAIN.as_secs(),
        silent.local_addr().unwrap(),
    );
    let mut server = Server::start_configured(program(), &config).await.unwrap();
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

#[tokio::test]
async fn a_stop_without_time_warns_of_nothing_where_nothing_runs() {
    let mut server = Server::start_configured(program(), "drain_seconds = 0\n").await.unwrap();
    server.client().call("ListStateMachines", json!({})).await.unwrap();
    assert!(server.terminate().await.unwrap().success());
    assert!(!server.log().contains("WARN"), "{}", server.log());
}

/// The slow lane has minutes of work: each execution waits for a moment, and then never ends to compute.
#[tokio::test]
async fn a_stop_does_not_wait_for_what_stands_in_line_to_compute() {
    const STARTS: usize = 80;
    let config = format!("drain_seconds = {}\n", DRAIN.as_secs());
    let mut server = Server::start_configured(program(), &config).await.unwrap();
    let endless = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}";
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "Wait", "States": {
        // Until all have started: then those behind them would wait in the same line.
        "Wait": { "Type": "Wait", "Seconds": 3, "Next": "Endless" },
        "Endless": { "Type": "Pass", "Output": endless, "End": true },
    } });
    let role = "arn:aws:iam::000000000000:role/r";
    let new = json!({ "name": "endless", "definition": definition.to_string(), "roleArn": role });
    let created = server.client().call("CreateStateMachine", new).await.unwrap();
    let machine = created.get("stateMachineArn").unwrap();
    for _ in 0..STARTS {
        server.client().call("StartExecution", json!({ "stateMachineArn": machine })).await.unwrap();
    }
    // When one has come to its end the lane is at work, and the others are behind it.
    while count(&server, machine, "FAILED").await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let asked = Instant::now();
    let status = server.terminate().await.unwrap();
    let took = asked.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < DRAIN * 2, "{took:?}\n{}", server.log());
    server.restart().await.unwrap();
    let (failed, running) = (count(&server, machine, "FAILED").await, count(&server, machine, "RUNNING").await);
    assert!(running > 0 && failed + running >= STARTS, "{failed} failed, {running} run");
}

async fn count(server: &Server, machine: &serde_json::Value, status: &str) -> usize {
    let asked = json!({ "stateMachineArn": machine, "statusFilter": status, "maxResults": 1000 });
    let listed = server.client().call("ListExecutions", asked).await.unwrap();
    listed.get("executions").and_then(serde_json::Value::as_array).unwrap().len()
}
