//! Versions and aliases as clients have them, and how they are refused.

use crate::support::{self, ask, refused, string};
use json::Value;

const STATE_MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

fn create(name: &str, more: &str) -> String {
    let definition = r#"{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Succeed\"}}}"#;
    format!(r#"{{"name": "{name}", "definition": "{definition}", "roleArn": "arn:aws:iam::1:role/r"{more}}}"#)
}

fn of(qualifier: &str) -> String {
    format!(r#"{{"stateMachineArn": "{STATE_MACHINE}{qualifier}"}}"#)
}

fn routes(routes: &[(&str, u8)]) -> String {
    let route = |(arn, weight): &(&str, u8)| format!(r#"{{"stateMachineVersionArn": "{arn}", "weight": {weight}}}"#);
    routes.iter().map(route).collect::<Vec<_>>().join(", ")
}

fn alias(name: &str, to: &[(&str, u8)]) -> String {
    format!(r#"{{"name": "{name}", "routingConfiguration": [{}]}}"#, routes(to))
}

fn of_alias(name: &str, more: &str) -> String {
    format!(r#"{{"stateMachineAliasArn": "{STATE_MACHINE}:{name}"{more}}}"#)
}

const FIRST: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m:1";
const SECOND: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m:2";

/// An API with a state machine of two versions.
async fn two_versions() -> api::Api {
    let api = support::api().await;
    let created =
        ask(&api, "CreateStateMachine", &create("m", r#", "publish": true, "versionDescription": "d""#)).await;
    assert_eq!(string(&created, "stateMachineVersionArn"), FIRST);
    let change = of("").replace('}', r#", "roleArn": "arn:aws:iam::1:role/s", "publish": true}"#);
    let updated = ask(&api, "UpdateStateMachine", &change).await;
    assert_eq!(string(&updated, "stateMachineVersionArn"), SECOND);
    api
}

#[tokio::test]
async fn a_version_shows_the_state_machine_as_it_was() {
    let api = two_versions().await;
    let of_second = of("").replace('}', r#", "description": "ignored"}"#);
    let published = ask(&api, "PublishStateMachineVersion", &of_second).await;
    assert_eq!(string(&published, "stateMachineVersionArn"), SECOND);
    let first = ask(&api, "DescribeStateMachine", &of(":1")).await;
    for (member, expected) in
        [("stateMachineArn", FIRST), ("roleArn", "arn:aws:iam::1:role/r"), ("description", "d"), ("status", "ACTIVE")]
    {
        assert_eq!(string(&first, member), expected, "{member}");
    }
    assert_eq!(first.get("revisionId"), None);
    let second = ask(&api, "DescribeStateMachine", &of(":2")).await;
    assert_eq!(string(&second, "roleArn"), "arn:aws:iam::1:role/s");
    assert_eq!(second.get("revisionId"), ask(&api, "DescribeStateMachine", &of("")).await.get("revisionId"));
    let listed = ask(&api, "ListStateMachineVersions", &of("")).await;
    let arns: Vec<String> = listed
        .get("stateMachineVersions")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|version| string(version, "stateMachineVersionArn"))
        .collect();
    assert_eq!(arns, [SECOND, FIRST]);
    assert_eq!(ask(&api, "ListStateMachineVersions", &of("x")).await.to_string(), r#"{"stateMachineVersions":[]}"#);
}

#[tokio::test]
async fn an_alias_is_created_described_changed_and_deleted() {
    let api = two_versions().await;
    let created = ask(&api, "CreateStateMachineAlias", &alias("live", &[(FIRST, 90), (SECOND, 10)])).await;
    assert_eq!(string(&created, "stateMachineAliasArn"), format!("{STATE_MACHINE}:live"));
    assert_eq!(ask(&api, "CreateStateMachineAlias", &alias("live", &[(FIRST, 90), (SECOND, 10)])).await, created);
    let described = ask(&api, "DescribeStateMachineAlias", &of_alias("live", "")).await;
    assert_eq!((described.get("description"), string(&described, "name")), (None, "live".to_owned()));
    let expected = Value::parse(&format!("[{}]", routes(&[(FIRST, 90), (SECOND, 10)]))).unwrap();
    assert_eq!(described.get("routingConfiguration"), Some(&expected));
    // Of an alias the version with most executions is shown.
    assert_eq!(string(&ask(&api, "DescribeStateMachine", &of(":live")).await, "stateMachineArn"), FIRST);
    ask(&api, "UpdateStateMachineAlias", &of_alias("live", r#", "description": "new""#)).await;
    let described = ask(&api, "DescribeStateMachineAlias", &of_alias("live", "")).await;
    assert_eq!(
        (string(&described, "description"), described.get("routingConfiguration")),
        ("new".to_owned(), Some(&expected))
    );
    assert_eq!(ask(&api, "DeleteStateMachineAlias", &of_alias("live", "")).await.to_string(), "{}");
    assert_eq!(ask(&api, "DeleteStateMachineAlias", &of_alias("live", "")).await.to_string(), "{}");
    assert_eq!(ask(&api, "ListStateMachineAliases", &of("")).await.to_string(), r#"{"stateMachineAliases":[]}"#);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let api = two_versions().await;
    let other = ask(&api, "CreateStateMachine", &create("n", r#", "publish": true"#)).await;
    let other = string(&other, "stateMachineVersionArn");
    ask(&api, "CreateStateMachineAlias", &alias("live", &[(FIRST, 100)])).await;
    let nowhere = format!("{STATE_MACHINE}:7");
    let not_found = |arn: &str| format!("Resource not found: '{arn}'");
    let routing = |why: &str| format!("Routing configuration must contain {why}");
    let wrong_type = |name: &str| format!("Invalid Arn: 'Resource type not valid in this context: {name}'");
    let one = format!(r#", "routingConfiguration": [{}]"#, routes(&[(&other, 100)]));
    let cases = [
        ("CreateStateMachineAlias", alias("a", &[(STATE_MACHINE, 100)]), "ValidationException",
            routing(&format!("state machine version ARNs. Received: [{STATE_MACHINE}]"))),
        ("CreateStateMachineAlias", alias("a", &[(FIRST, 50), (&other, 50)]), "ValidationException",
            routing(&format!("versions of the same state machine. Received: [{FIRST}, {other}]"))),
        ("CreateStateMachineAlias", alias("a", &[(FIRST, 50), (FIRST, 50)]), "ValidationException",
            routing(&format!("distinct state machine version ARNs. Received: [{FIRST}, {FIRST}]"))),
        ("CreateStateMachineAlias", alias("a", &[(FIRST, 50), (SECOND, 40)]), "ValidationException",
            "Sum of routing configuration weights must equal 100. Received: [50, 40]".to_owned()),
        ("CreateStateMachineAlias", alias("a", &[(&nowhere, 100)]), "ResourceNotFound", not_found(&nowhere)),
        ("CreateStateMachineAlias", alias("live", &[(SECOND, 100)]), "ConflictException",
            "Failed to create alias because an alias with the same name and a different routing configuration already exists."
                .to_owned()),
        ("UpdateStateMachineAlias", of_alias("live", ""), "ValidationException",
            "Either the description or the RoutingConfiguration must be specified".to_owned()),
        ("UpdateStateMachineAlias", of_alias("live", &one), "ValidationException",
            routing(&format!("versions of the alias's state machine. Received: [{}]", other.trim_end_matches(":1")))),
        ("UpdateStateMachineAlias", of_alias("x", r#", "description": "d""#), "ResourceNotFound",
            not_found(&format!("{STATE_MACHINE}:x"))),
        ("DescribeStateMachineAlias", of_alias("x", ""), "ResourceNotFound", not_found(&format!("{STATE_MACHINE}:x"))),
        ("DescribeStateMachineAlias", of_alias("1", ""), "InvalidArn", wrong_type("stateMachineVersion")),
        ("DeleteStateMachineVersion", format!(r#"{{"stateMachineVersionArn": "{FIRST}"}}"#), "ConflictException",
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]"
                .to_owned()),
        ("DeleteStateMachineVersion", format!(r#"{{"stateMachineVersionArn": "{STATE_MACHINE}"}}"#), "InvalidArn",
            wrong_type("stateMachine")),
        ("DeleteStateMachine", of(":live"), "InvalidArn", wrong_type("stateMachineAlias")),
        ("PublishStateMachineVersion", of("").replace('}', r#", "revisionId": "INITIAL"}"#), "ConflictException", String::new()),
        ("StartExecution", of(":x"), "StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{STATE_MACHINE}:x'")),
        ("StartExecution", of("/label"), "ValidationException",
            format!("ARNs with the label of a Map state are not supported by this operation: '{STATE_MACHINE}/label'")),
        ("ListExecutions", of(":7"), "StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{nowhere}'")),
        ("ListStateMachineAliases", of(":7"), "ResourceNotFound", not_found(&nowhere)),
        ("TagResource", format!(r#"{{"resourceArn": "{FIRST}", "tags": []}}"#), "ResourceNotFound", not_found(FIRST)),
    ];
    for (operation, body, code, message) in cases {
        let found = refused(&api, operation, &body).await;
        // The message of one holds a random id.
        let message = if message.is_empty() { found.1.clone() } else { message };
        assert_eq!(found, (code.to_owned(), message), "{operation} {body}");
    }
    let response = support::send(&api, "CreateStateMachineAlias", alias("a", &[(FIRST, 1)])).await;
    let body = Value::parse(std::str::from_utf8(response.body()).unwrap()).unwrap();
    assert_eq!(string(&body, "reason"), "INVALID_ROUTING_CONFIGURATION");
}
