//! Configurations that are refused, and how.

use super::*;

/// Reads the file, and gives what is said of it, without the path.
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.toml");
    std::fs::write(&path, text).unwrap();
    let error: Box<dyn std::error::Error> = Box::new(Config::read(&path).unwrap_err());
    let source = error.source().map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}").replace(&format!("{}/", folder.path().display()), "")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = refusal(text);
    assert!(found.contains(expected), "{found}");
}

#[test]
fn an_empty_file_is_the_default() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!((config.port, config.account_id.as_str()), (8083, "000000000000"));
    assert_eq!((config.logs, config.events), (LogsConfig::default(), EventsConfig::default()));
    let config: Config = toml::from_str("listen = 'localhost'").unwrap();
    assert_eq!(config.listen, Config::default().listen);
    assert!(Config::default().check().is_ok());
}

#[test]
fn times_may_be_less_than_a_day() {
    let config: Config =
        toml::from_str("[limits]\nretention_days = 0\nretention_minutes = 2\nname_reuse_days = 0").unwrap();
    assert!(config.check().is_ok());
}

#[test]
fn what_is_wrong_has_its_line() {
    check("\nprot = 1", "the configuration file `stepwell.toml` is not understood: line 2: unknown field `prot`, did");
    check("[limits\n", "`stepwell.toml` is not understood: line 1: unclosed table");
    check("port = 'x'", "line 1: invalid type: string \"x\", expected a whole number from 0 to 65535");
    check("port = 1\nlogs = 1", "line 2: invalid type: integer `1`, expected a table");
    check("listen = 'here'", "line 1: `here` is no IP address; write it as `127.0.0.1`");
    check("unknown_service_fields = 'allow'", "unknown variant `allow`, expected `refuse` or `warn`");
    check("[limits]\nevents = 1", "unknown field `events`, expected one of `payload_bytes_max`");
    check("[limits]\n\nhistory_events_max = 'x'", "line 3");
    check(
        "[limits]\nhistory_event_max = 1",
        "line 2: unknown field `history_event_max`, did you mean `history_events_max`?",
    );
    check(
        "port = 1\n[limits]\nhistory_events_max = 0",
        "`stepwell.toml`, line 3: the limit `history_events_max` is 0; it must be at least 1",
    );
    check("[limits]\nretention_days = 0", "line 2: the limit `retention_days` is 0; it must be at least 1");
    check("account_id = '123'", "line 1: the account id `123` is not 12 digits");
    check("port = 1\nregion = 'US East'", "line 2: `US East` is no Region");
    check("shards = 257", "line 1: `shards` is 257; it can be at most 256");
    check("port = 1\ndata_dir = 'stepwell.toml'", "stepwell.toml` is a file; the data needs a folder");
    check("drain_seconds = 86401", "line 1: `drain_seconds` is 86401; it can be at most 86400");
    check("[logs]\nfolder = ''", "line 2: a path without a name");
    check("[events]\nfile = ''", "line 2: a path without a name");
    check("connections_max = 0", "line 1: `connections_max` is 0; it must be at least 1");
    check("request_seconds_max = 0", "line 1: `request_seconds_max` is 0; it must be at least 1");
    check("executions_in_memory_bytes_max = 0", "line 1: `executions_in_memory_bytes_max` is 0; it must be at least 1");
    check("tasks_at_once_max = 0", "line 1: `tasks_at_once_max` is 0; it must be at least 1");
    check("delivery_bytes_max = 0", "line 1: `delivery_bytes_max` is 0; it must be at least 1");
    check("listen = '0.0.0.0'", "line 1: refusing to listen on `0.0.0.0`");
    check("[logs]\nfolder = 'a'\nstandard_output = true", "line 1: `[logs]` takes one of `folder`");
    check("[events]\nfile = 'a'\nurl = 'http://a/'", "line 1: `[events]` takes one of `file` or `url`");
    check("[events]\nurl = 'ftp://a/'", "`ftp://a/` is no URL that begins with `http://` or `https://`");
    let ca_file = "ca_file = 'stepwell.toml'";
    let none = "stepwell.toml`: it has no certificate in PEM";
    check(&format!("[logs]\notlp_endpoint = 'https://a/'\n{ca_file}"), none);
    check(&format!("[events]\nurl = 'https://a/'\n{ca_file}"), "line 3: cannot read certificates from");
    check("[events]\nurl = 'https://a/'\nca_file = 'none.pem'", "line 3: cannot read certificates from");
    let for_https = "line 3: `ca_file` is for an `url` that begins with `https://`";
    check(&format!("[events]\nurl = 'http://a/'\n{ca_file}"), for_https);
    check(&format!("[logs]\n{ca_file}"), "line 2: `ca_file` is for an `otlp_endpoint` that begins with `https://`");
}

#[test]
fn functions_that_cannot_run_are_refused() {
    let function = |more: &str| format!("[[function]]\nname = 'f'\n{more}\n");
    check(&function("command = []"), "line 3: function `f` has no command");
    check(
        &function("command = ['no-such-program']"),
        "line 3: the program `no-such-program` of function `f` is not found",
    );
    check(&function("command = ['./f']"), "line 3: the program `./f` of function `f` is not found");
    check(&function("command = ['sh']\nconcurrency = 0"), "line 4: `concurrency` of function `f` is 0");
    check(
        &function("command = ['sh']\nworking_directory = 'x'"),
        "line 4: the working directory `x` of function `f` does not exist",
    );
    check(
        &function("command = ['./stepwell.toml']"),
        "line 3: the program `./stepwell.toml` of function `f` is not executable; run `chmod +x",
    );
    let twice = function("command = ['sh']").repeat(2);
    check(&twice, "line 5: function `f` is configured twice");
}

#[test]
fn limits_can_be_given_by_name() {
    let mut config = Config::default();
    config.set_limits(&["history_events_max=100_000".to_owned(), "payload_bytes_max=1048576".to_owned()]).unwrap();
    assert_eq!((config.limits.history_events_max, config.limits.payload_bytes_max), (100_000, 1_048_576));
    let mut refused = |argument: &str| config.set_limits(&[argument.to_owned()]).unwrap_err().to_string();
    assert!(refused("history").contains("it has no `=`"));
    assert!(refused("history_events_max=many").contains("`many` is not a whole number"));
    assert!(refused("history_events_max=18446744073709551615").contains("is out of range"));
    assert!(refused("events=1").contains("there is no limit `events`, COMPATIBILITY.md lists"));
    assert!(refused("history_event_max=1").contains("did you mean `history_events_max`?"));
    assert!(refused("history_events_max=-1").contains("`-1`, expected a whole number, 0 or more"));
    config.set_limits(&["history_events_max=0".to_owned()]).unwrap();
    assert!(config.check().unwrap_err().to_string().contains("must be at least 1"));
}
