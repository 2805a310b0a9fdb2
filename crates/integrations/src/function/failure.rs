//! Error documents that Lambda writes itself, when a function did not get to write one.

use bytes::Bytes;
use json::{Object, Value};
use std::time::Duration;

/// The invocation took longer than the function's timeout.
pub(super) fn timed_out(request_id: &str, timeout: Duration) -> Bytes {
    document("Sandbox.Timedout", request_id, &format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()))
}

/// The process ended before it answered.
pub(super) fn exited(request_id: &str, exit: Exit) -> Bytes {
    document("Runtime.ExitError", request_id, &exit.to_string())
}

/// The process used more than its memory, and was killed.
pub(super) fn out_of_memory(request_id: &str) -> Bytes {
    document("Runtime.OutOfMemory", request_id, &Exit::Signal(9).to_string())
}

/// The program could not be started.
pub(super) fn not_started(request_id: &str, program: &str, error: &std::io::Error) -> Bytes {
    document("Runtime.InvalidEntrypoint", request_id, &format!("fork/exec {program}: {error}"))
}

/// The answer is larger than Lambda passes on.
pub(super) fn response_too_large(bytes_max: usize) -> Bytes {
    let message = format!("Response payload size exceeded maximum allowed payload size ({bytes_max} bytes).");
    write("Function.ResponseSizeTooLarge", &message)
}

/// The server stopped, or failed, while the function ran.
pub(super) fn interrupted(request_id: &str) -> Bytes {
    document("Runtime.ExitError", request_id, "Runtime exited without providing a reason")
}

fn document(error_type: &str, request_id: &str, message: &str) -> Bytes {
    write(error_type, &format!("RequestId: {request_id} Error: {message}"))
}

fn write(error_type: &str, message: &str) -> Bytes {
    let document = Object::from([("errorType", error_type), ("errorMessage", message)]);
    Value::from(document).to_string().into()
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
    Unknown,
}

impl From<std::process::ExitStatus> for Exit {
    fn from(status: std::process::ExitStatus) -> Exit {
        use std::os::unix::process::ExitStatusExt as _;
        status.code().map(Exit::Code).or(status.signal().map(Exit::Signal)).unwrap_or(Exit::Unknown)
    }
}

/// In Lambda's words; a process that ends without an error has no reason to tell.
impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(0) | Exit::Unknown => f.write_str("Runtime exited without providing a reason"),
            Exit::Code(code) => write!(f, "Runtime exited with error: exit status {code}"),
            Exit::Signal(signal) => write!(f, "Runtime exited with error: signal: {}", signal_name(*signal)),
        }
    }
}

/// What Go's runtime, in which Lambda's supervisor is written, calls a signal.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &Bytes, expected: &str) {
        assert_eq!(std::str::from_utf8(document).unwrap(), expected);
    }

    #[test]
    fn documents_have_lambdas_words() {
        check(
            &timed_out("1", Duration::from_secs(3)),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out after 3.00 seconds"}"#,
        );
        let exit = |exit: Exit, reason: &str| {
            let message = format!("RequestId: 1 Error: {reason}");
            let document = format!(r#"{{"errorType":"Runtime.ExitError","errorMessage":"{message}"}}"#);
            check(&exited("1", exit), &document);
        };
        exit(Exit::Code(1), "Runtime exited with error: exit status 1");
        exit(Exit::Code(0), "Runtime exited without providing a reason");
        exit(Exit::Signal(9), "Runtime exited with error: signal: killed");
        check(
            &out_of_memory("1"),
            r#"{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: 1 Error: Runtime exited with error: signal: killed"}"#,
        );
        check(
            &response_too_large(6_291_556),
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#,
        );
    }
}
