//! Local functions as real processes: what they answer, how they fail, how they are reused and bounded.

use crate::support::{Gate, error, functions, invoke, python, response};
use futures_util::future::join_all;
use futures_util::poll;
use integrations::FunctionConfig;
use integrations::function::Refused;
use std::collections::HashSet;

#[tokio::test]
async fn a_python_function_answers() {
    let functions = functions(python(|_| ()));
    assert_eq!(response(&functions, r#"{"a": [1, 2.50, "ü"]}"#).await, r#"{"a": [1, 2.5, "\u00fc"]}"#);
}

#[tokio::test]
async fn a_shell_script_with_curl_answers() {
    let functions = functions(python(|config| config.command = vec!["sh".into(), "client.sh".into()]));
    assert_eq!(response(&functions, r#"{"a":1}"#).await, r#"{"event":{"a":1}}"#);
    assert_eq!(response(&functions, "null").await, r#"{"event":null}"#);
}

#[tokio::test]
async fn a_function_is_told_what_lambda_tells() {
    let functions = functions(python(|config| {
        config.memory_mb = 256;
        config.handler = "app.main".into();
        config.environment.insert("MINE".into(), "yes".into());
    }));
    let headers: serde_json::Value = serde_json::from_str(&response(&functions, r#"{"do":"headers"}"#).await).unwrap();
    assert_eq!(headers["Lambda-Runtime-Aws-Request-Id"], "request-1");
    assert_eq!(headers["Lambda-Runtime-Invoked-Function-Arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_eq!(headers["Lambda-Runtime-Trace-Id"], "Root=1");
    assert_eq!(headers["Lambda-Runtime-Client-Context"], r#"{"custom":1}"#);
    assert!(headers["Lambda-Runtime-Deadline-Ms"].as_str().unwrap().parse::<u64>().is_ok());

    let names = r#"["AWS_LAMBDA_FUNCTION_NAME","AWS_LAMBDA_FUNCTION_MEMORY_SIZE","_HANDLER","MINE","CARGO_PKG_NAME"]"#;
    let environment = response(&functions, &format!(r#"{{"do":"environment","names":{names}}}"#)).await;
    assert_eq!(
        environment,
        r#"{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_HANDLER": "app.main", "MINE": "yes", "CARGO_PKG_NAME": null}"#,
    );
}

/// What each way of failing is answered with. The function goes on afterwards, in a new process if it must.
#[tokio::test]
async fn failures_are_told_as_lambda_tells_them() {
    let functions = functions(python(|_| ()));
    let exit = |reason: &str| {
        let message = format!("RequestId: request-1 Error: {reason}");
        format!(r#"{{"errorType":"Runtime.ExitError","errorMessage":"{message}"}}"#)
    };
    for (event, document) in [
        (r#"{"do":"fail"}"#, r#"{"errorMessage": "no money", "errorType": "PaymentDeclined", "stackTrace": []}"#.to_owned()),
        (r#"{"do":"fail_untyped"}"#, r#"{"errorMessage": "something"}"#.to_owned()),
        (r#"{"do":"exit","code":7}"#, exit("Runtime exited with error: exit status 7")),
        (r#"{"do":"exit","code":0}"#, exit("Runtime exited without providing a reason")),
        (r#"{"do":"die"}"#, exit("Runtime exited with error: signal: killed")),
        (
            r#"{"do":"huge"}"#,
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#.to_owned(),
        ),
    ] {
        assert_eq!(error(&functions, event).await, document, "{event}");
        assert_eq!(response(&functions, "{}").await, "{}", "after {event}");
    }
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why() {
    let starting = |how: &str| {
        functions(python(|config| {
            config.environment.insert("START".into(), how.into());
            config.init_timeout_seconds = if how == "hang" { 1 } else { 60 };
        }))
    };
    for (how, document) in [
        ("fail", r#"{"errorMessage": "no module", "errorType": "Runtime.ImportModuleError"}"#),
        (
            "exit",
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: request-1 Error: Runtime exited with error: exit status 3"}"#,
        ),
        (
            "hang",
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: request-1 Error: Task timed out after 1.00 seconds"}"#,
        ),
    ] {
        assert_eq!(error(&starting(how), "{}").await, document, "{how}");
    }
    let missing = functions(FunctionConfig::new("f", &["/no/such/program"]));
    assert_eq!(
        error(&missing, "{}").await,
        r#"{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: request-1 Error: fork/exec /no/such/program: No such file or directory (os error 2)"}"#,
    );
}

#[tokio::test]
async fn a_timeout_ends_the_process_and_its_children() {
    let mut config = python(|config| config.timeout_seconds = 1);
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let (document, arrival) = tokio::join!(error(&functions, r#"{"do":"hang"}"#), gate.arrival());
    assert_eq!(
        document,
        r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: request-1 Error: Task timed out after 1.00 seconds"}"#,
    );
    // The child process holds the connection open: it must be gone as well.
    arrival.gone().await;
}

#[tokio::test]
async fn a_warm_process_is_used_again() {
    let functions = functions(python(|_| ()));
    let pid = response(&functions, r#"{"do":"pid"}"#).await;
    assert_eq!(response(&functions, r#"{"do":"pid"}"#).await, pid);
    error(&functions, r#"{"do":"fail"}"#).await;
    assert_eq!(response(&functions, r#"{"do":"pid"}"#).await, pid, "an error of the function does not end its process");
    error(&functions, r#"{"do":"die"}"#).await;
    assert_ne!(response(&functions, r#"{"do":"pid"}"#).await, pid);
}

#[tokio::test]
async fn a_warm_process_that_left_is_replaced() {
    let functions = functions(python(|_| ()));
    for _ in 0..5 {
        assert_eq!(response(&functions, r#"{"do":"leave"}"#).await, "null");
    }
}

#[tokio::test]
async fn an_idle_process_is_stopped() {
    let mut config = python(|config| config.idle_seconds = 0);
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let (_, arrival) = tokio::join!(response(&functions, r#"{"do":"connect"}"#), gate.arrival());
    arrival.gone().await;
}

#[tokio::test]
async fn processes_end_with_the_functions() {
    let mut config = python(|_| ());
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let (_, arrival) = tokio::join!(response(&functions, r#"{"do":"connect"}"#), gate.arrival());
    drop(functions);
    arrival.gone().await;
}

#[tokio::test]
async fn no_more_run_at_once_than_configured() {
    let mut config = python(|config| config.concurrency = 2);
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let invocations = join_all((0..6).map(|_| response(&functions, r#"{"do":"wait"}"#)));
    let arrivals = async {
        let mut first = gate.arrival().await;
        for _ in 1..6 {
            // Two are at the gate at once, always in two processes; a third process would show among the pids.
            let second = gate.arrival().await;
            assert_ne!(first.pid, second.pid);
            first.release().await;
            first = second;
        }
        first.release().await;
    };
    let (pids, ()) = tokio::join!(invocations, arrivals);
    assert_eq!(pids.into_iter().collect::<HashSet<_>>().len(), 2);
}

#[tokio::test]
async fn too_many_waiting_invocations_are_refused() {
    let mut config = python(|config| {
        config.concurrency = 1;
        config.waiting_max = 1;
    });
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let mut running = Box::pin(invoke(&functions, r#"{"do":"wait"}"#));
    assert!(poll!(&mut running).is_pending());
    let mut waiting = Box::pin(invoke(&functions, r#"{"do":"wait"}"#));
    assert!(poll!(&mut waiting).is_pending());
    assert_eq!(invoke(&functions, "{}").await, Err(Refused::TooManyRequests));
    drop(waiting);
    let mut waiting = Box::pin(invoke(&functions, "{}"));
    assert!(poll!(&mut waiting).is_pending(), "who stops waiting makes room");
    let release = async { gate.arrival().await.release().await };
    let (running, waiting, ()) = tokio::join!(running, waiting, release);
    assert!(running.unwrap().result.is_ok() && waiting.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_function_runs_on_when_nobody_waits() {
    let mut config = python(|config| config.concurrency = 1);
    let gate = Gate::open(&mut config).await;
    let functions = functions(config);
    let arrival = {
        let abandoned = invoke(&functions, r#"{"do":"wait"}"#);
        let arrival = gate.arrival();
        tokio::select! {
            biased;
            arrival = arrival => arrival,
            _ = abandoned => unreachable!("the function waits at the gate"),
        }
    };
    let pid = arrival.pid.clone();
    arrival.release().await;
    assert_eq!(response(&functions, r#"{"do":"pid"}"#).await, pid, "its process takes the next invocation");
}

#[tokio::test]
async fn the_runtime_api_refuses_what_does_not_fit() {
    let functions = functions(python(|_| ()));
    assert_eq!(response(&functions, r#"{"do":"misuse"}"#).await, "[400, 403, 404]");
}

#[tokio::test]
async fn what_a_function_writes_is_the_tail_of_its_invocation() {
    let functions = functions(python(|_| ()));
    let first = invoke(&functions, r#"{"do":"print"}"#).await.unwrap();
    let tail = String::from_utf8(first.log_tail).unwrap();
    let lines: Vec<&str> = tail.lines().collect();
    assert_eq!(
        lines[..4],
        ["START RequestId: request-1 Version: $LATEST", "to stdout", "to stderr", "END RequestId: request-1"]
    );
    assert!(lines[4].starts_with("REPORT RequestId: request-1\tDuration: "), "{}", lines[4]);
    assert!(lines[4].contains("\tMemory Size: 128 MB\tInit Duration: "), "{}", lines[4]);
    assert_eq!(lines.len(), 5);

    let second = invoke(&functions, "{}").await.unwrap();
    let tail = String::from_utf8(second.log_tail).unwrap();
    assert!(!tail.contains("to stdout") && !tail.contains("Init Duration"), "{tail}");
    assert_eq!(tail.lines().count(), 3);

    let half = invoke(&functions, r#"{"do":"print half a line"}"#).await.unwrap();
    let tail = String::from_utf8(half.log_tail).unwrap();
    assert!(tail.contains("\nhalf a line\nEND "), "{tail}");
    let after = invoke(&functions, "{}").await.unwrap();
    assert_eq!(after.log_tail.split(|byte| *byte == b'\n').count(), 4, "nothing of the invocation before");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_function_that_uses_more_memory_than_it_may_is_ended() {
    let functions = functions(python(|config| config.memory_mb = 128));
    for event in [r#"{"do":"allocate","megabytes":200}"#, r#"{"do":"allocate_in_child","megabytes":200}"#] {
        assert_eq!(
            error(&functions, event).await,
            r#"{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: request-1 Error: Runtime exited with error: signal: killed"}"#,
            "{event}",
        );
        assert_eq!(response(&functions, "{}").await, "{}", "after {event}");
    }
    let hungry = functions_that_need_more();
    assert!(error(&hungry, "{}").await.contains("Runtime.OutOfMemory"), "no process starts within 1 MB");
}

#[cfg(target_os = "linux")]
fn functions_that_need_more() -> integrations::Functions {
    functions(python(|config| {
        config.memory_mb = 1;
        config.environment.insert("START".into(), "hang".into());
    }))
}
