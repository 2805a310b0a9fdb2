//! All operations and the errors that the service model declares for them: each error that can happen is provoked
//! once, and the others are named with the reason why they cannot.

use crate::support::{self, NoTasks, ask, refused, string};
use api::{Api, ApiConfig};
use engine::{Engine, ManualClock, Options};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use store::MemoryStore;

const MODEL: &str = include_str!("../../model/stepfunctions-2016-11-23.json");

/// Errors that no request can provoke: of which operation (`*`: of any), and why.
const NEVER: &[(&str, &str, &str)] = &[
    ("*", "KmsAccessDeniedException", "no key is asked for"),
    ("*", "KmsInvalidStateException", "no key is asked for"),
    ("*", "KmsThrottlingException", "no key is asked for"),
    ("*", "InvalidTracingConfiguration", "its only member is a boolean, of which the shape check takes no other value"),
    ("CreateStateMachine", "StateMachineTypeNotSupported", "the shape check takes no type but the two"),
    ("CreateStateMachine", "ConflictException", "state machines are changed one at a time"),
    ("UpdateStateMachine", "ConflictException", "state machines are changed one at a time"),
    ("CreateStateMachineAlias", "InvalidName", "the shape check takes no name that does not match the pattern"),
    ("UpdateStateMachineAlias", "ConflictException", "aliases are changed one at a time"),
    ("DeleteStateMachineAlias", "ConflictException", "aliases are changed one at a time"),
    ("DeleteStateMachineAlias", "ResourceNotFound", "an alias that does not exist is deleted already, as recorded"),
];

/// Operation, error, and the input that provokes it. `@m` is the ARN of the state machine of that name, `#closed` the
/// token of a task of a closed execution, `#gone` that of one that was removed, `#map_run` the ARN of a Map Run that has
/// ended, `!` a definition.
const PROVOKED: &[(&str, &str, &str)] = &[
    ("CreateActivity", "ActivityLimitExceeded", r#"{"name": "third"}"#),
    (
        "CreateActivity",
        "ActivityAlreadyExists",
        r#"{"name": "idle", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/k"}}"#,
    ),
    ("CreateActivity", "InvalidName", r#"{"name": "a b"}"#),
    ("CreateActivity", "TooManyTags", r#"{"name": "third", "tags": [{"key": "a"}, {"key": "b"}]}"#),
    (
        "CreateActivity",
        "InvalidEncryptionConfiguration",
        r#"{"name": "third", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}"#,
    ),
    ("CreateStateMachine", "InvalidArn", r#"{"name": "new", "definition": "!", "roleArn": "x"}"#),
    (
        "CreateStateMachine",
        "InvalidDefinition",
        r#"{"name": "new", "definition": "{}", "roleArn": "arn:aws:iam::1:role/r"}"#,
    ),
    ("CreateStateMachine", "InvalidName", r#"{"name": "a b", "definition": "!", "roleArn": "arn:aws:iam::1:role/r"}"#),
    (
        "CreateStateMachine",
        "InvalidLoggingConfiguration",
        r#"{"name": "new", "definition": "!", "roleArn": "arn:aws:iam::1:role/r", "loggingConfiguration": {"level": "ALL"}}"#,
    ),
    (
        "CreateStateMachine",
        "StateMachineAlreadyExists",
        r#"{"name": "waits", "definition": "!", "roleArn": "arn:aws:iam::1:role/r", "publish": true}"#,
    ),
    (
        "CreateStateMachine",
        "StateMachineDeleting",
        r#"{"name": "deleting", "definition": "!", "roleArn": "arn:aws:iam::1:role/r"}"#,
    ),
    (
        "CreateStateMachine",
        "StateMachineLimitExceeded",
        r#"{"name": "new", "definition": "!", "roleArn": "arn:aws:iam::1:role/r"}"#,
    ),
    (
        "CreateStateMachine",
        "TooManyTags",
        r#"{"name": "tags", "definition": "!", "roleArn": "arn:aws:iam::1:role/r", "tags": [{"key": "a"}, {"key": "b"}]}"#,
    ),
    (
        "CreateStateMachine",
        "ValidationException",
        r#"{"name": "new", "definition": "!", "roleArn": "arn:aws:iam::1:role/r", "versionDescription": "d"}"#,
    ),
    (
        "CreateStateMachine",
        "InvalidEncryptionConfiguration",
        r#"{"name": "new", "definition": "!", "roleArn": "arn:aws:iam::1:role/r", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}"#,
    ),
    (
        "CreateStateMachineAlias",
        "InvalidArn",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "x", "weight": 100}]}"#,
    ),
    (
        "CreateStateMachineAlias",
        "ValidationException",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "@waits:1", "weight": 1}]}"#,
    ),
    (
        "CreateStateMachineAlias",
        "StateMachineDeleting",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "@deleting:1", "weight": 100}]}"#,
    ),
    (
        "CreateStateMachineAlias",
        "ResourceNotFound",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "@waits:9", "weight": 100}]}"#,
    ),
    (
        "CreateStateMachineAlias",
        "ConflictException",
        r#"{"name": "live", "description": "other", "routingConfiguration": [{"stateMachineVersionArn": "@waits:1", "weight": 100}]}"#,
    ),
    (
        "CreateStateMachineAlias",
        "ServiceQuotaExceededException",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "@waits:1", "weight": 100}]}"#,
    ),
    ("DeleteActivity", "InvalidArn", r#"{"activityArn": "x"}"#),
    ("DeleteStateMachine", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("DeleteStateMachine", "ValidationException", r#"{"stateMachineArn": "@waits/label"}"#),
    ("DeleteStateMachineAlias", "ValidationException", r#"{"stateMachineAliasArn": "@waits/label"}"#),
    ("DeleteStateMachineAlias", "InvalidArn", r#"{"stateMachineAliasArn": "@waits"}"#),
    ("DeleteStateMachineVersion", "ValidationException", r#"{"stateMachineVersionArn": "@waits/label"}"#),
    ("DeleteStateMachineVersion", "InvalidArn", r#"{"stateMachineVersionArn": "@waits"}"#),
    ("DeleteStateMachineVersion", "ConflictException", r#"{"stateMachineVersionArn": "@waits:1"}"#),
    (
        "DescribeActivity",
        "ActivityDoesNotExist",
        r#"{"activityArn": "arn:aws:states:us-east-1:123456789012:activity:x"}"#,
    ),
    ("DescribeActivity", "InvalidArn", r#"{"activityArn": "@waits"}"#),
    (
        "DescribeExecution",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    ("DescribeExecution", "InvalidArn", r#"{"executionArn": "@waits"}"#),
    ("DescribeMapRun", "ResourceNotFound", r#"{"mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:i"}"#),
    ("DescribeMapRun", "InvalidArn", r#"{"mapRunArn": "x"}"#),
    ("DescribeStateMachine", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("DescribeStateMachine", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@x"}"#),
    ("DescribeStateMachineAlias", "ValidationException", r#"{"stateMachineAliasArn": "@waits/label"}"#),
    ("DescribeStateMachineAlias", "InvalidArn", r#"{"stateMachineAliasArn": "@waits"}"#),
    ("DescribeStateMachineAlias", "ResourceNotFound", r#"{"stateMachineAliasArn": "@waits:x"}"#),
    (
        "DescribeStateMachineForExecution",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    ("DescribeStateMachineForExecution", "InvalidArn", r#"{"executionArn": "x"}"#),
    (
        "GetActivityTask",
        "ActivityDoesNotExist",
        r#"{"activityArn": "arn:aws:states:us-east-1:123456789012:activity:x"}"#,
    ),
    (
        "GetActivityTask",
        "ActivityWorkerLimitExceeded",
        r#"{"activityArn": "arn:aws:states:us-east-1:123456789012:activity:idle"}"#,
    ),
    ("GetActivityTask", "InvalidArn", r#"{"activityArn": "x"}"#),
    (
        "GetExecutionHistory",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    ("GetExecutionHistory", "InvalidArn", r#"{"executionArn": "x"}"#),
    (
        "GetExecutionHistory",
        "InvalidToken",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:open", "nextToken": "x"}"#,
    ),
    ("ListActivities", "InvalidToken", r#"{"nextToken": "x"}"#),
    ("ListExecutions", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("ListExecutions", "InvalidToken", r#"{"stateMachineArn": "@waits", "nextToken": "x"}"#),
    ("ListExecutions", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@x"}"#),
    ("ListExecutions", "StateMachineTypeNotSupported", r#"{"stateMachineArn": "@express"}"#),
    ("ListExecutions", "ValidationException", r#"{"stateMachineArn": "@waits", "statusFilter": "PENDING_REDRIVE"}"#),
    ("ListExecutions", "ResourceNotFound", r#"{"mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:i"}"#),
    (
        "ListMapRuns",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    ("ListMapRuns", "InvalidArn", r#"{"executionArn": "x"}"#),
    // The ARN is looked at first, as everywhere.
    ("ListMapRuns", "InvalidArn", r#"{"executionArn": "x", "nextToken": "x"}"#),
    (
        "ListMapRuns",
        "InvalidToken",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:open", "nextToken": "x"}"#,
    ),
    ("ListStateMachineAliases", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("ListStateMachineAliases", "InvalidToken", r#"{"stateMachineArn": "@waits", "nextToken": "x"}"#),
    ("ListStateMachineAliases", "ResourceNotFound", r#"{"stateMachineArn": "@waits:9"}"#),
    ("ListStateMachineAliases", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@x"}"#),
    ("ListStateMachineAliases", "StateMachineDeleting", r#"{"stateMachineArn": "@deleting"}"#),
    ("ListStateMachineVersions", "ValidationException", r#"{"stateMachineArn": "@waits/label"}"#),
    ("ListStateMachineVersions", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("ListStateMachineVersions", "InvalidToken", r#"{"stateMachineArn": "@waits", "nextToken": "x"}"#),
    ("ListStateMachines", "InvalidToken", r#"{"nextToken": "x"}"#),
    ("ListTagsForResource", "InvalidArn", r#"{"resourceArn": "x"}"#),
    ("ListTagsForResource", "ResourceNotFound", r#"{"resourceArn": "@x"}"#),
    ("PublishStateMachineVersion", "ValidationException", r#"{"stateMachineArn": "@waits/label"}"#),
    ("PublishStateMachineVersion", "StateMachineDeleting", r#"{"stateMachineArn": "@deleting"}"#),
    ("PublishStateMachineVersion", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@x"}"#),
    ("PublishStateMachineVersion", "ServiceQuotaExceededException", r#"{"stateMachineArn": "@waits"}"#),
    ("PublishStateMachineVersion", "ConflictException", r#"{"stateMachineArn": "@waits", "revisionId": "x"}"#),
    ("PublishStateMachineVersion", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    (
        "RedriveExecution",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    (
        "RedriveExecution",
        "ExecutionNotRedrivable",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:open"}"#,
    ),
    (
        "RedriveExecution",
        "ExecutionLimitExceeded",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:work:second"}"#,
    ),
    ("RedriveExecution", "InvalidArn", r#"{"executionArn": "x"}"#),
    // Of this operation, StopExecution and ValidateStateMachineDefinition nothing else is refused so.
    (
        "RedriveExecution",
        "ValidationException",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:open", "clientToken": ""}"#,
    ),
    ("SendTaskFailure", "TaskDoesNotExist", r##"{"taskToken": "#gone"}"##),
    ("SendTaskFailure", "InvalidToken", r#"{"taskToken": "x"}"#),
    ("SendTaskFailure", "TaskTimedOut", r##"{"taskToken": "#closed"}"##),
    ("SendTaskHeartbeat", "TaskDoesNotExist", r##"{"taskToken": "#gone"}"##),
    ("SendTaskHeartbeat", "InvalidToken", r#"{"taskToken": "x"}"#),
    ("SendTaskHeartbeat", "TaskTimedOut", r##"{"taskToken": "#closed"}"##),
    ("SendTaskSuccess", "TaskDoesNotExist", r##"{"taskToken": "#gone", "output": "{}"}"##),
    ("SendTaskSuccess", "InvalidOutput", r##"{"taskToken": "#closed", "output": "{"}"##),
    ("SendTaskSuccess", "InvalidToken", r#"{"taskToken": "x", "output": "{}"}"#),
    ("SendTaskSuccess", "TaskTimedOut", r##"{"taskToken": "#closed", "output": "{}"}"##),
    ("StartExecution", "ExecutionLimitExceeded", r#"{"stateMachineArn": "@waits", "name": "more"}"#),
    ("StartExecution", "ExecutionAlreadyExists", r#"{"stateMachineArn": "@waits", "name": "open", "input": "1"}"#),
    ("StartExecution", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("StartExecution", "InvalidExecutionInput", r#"{"stateMachineArn": "@waits", "input": "{"}"#),
    ("StartExecution", "InvalidName", r#"{"stateMachineArn": "@waits", "name": "a b"}"#),
    ("StartExecution", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@waits:x"}"#),
    ("StartExecution", "StateMachineDeleting", r#"{"stateMachineArn": "@deleting"}"#),
    ("StartExecution", "ValidationException", r#"{"stateMachineArn": "@waits/label"}"#),
    ("StartSyncExecution", "InvalidArn", r#"{"stateMachineArn": "x"}"#),
    ("StartSyncExecution", "InvalidExecutionInput", r#"{"stateMachineArn": "@express", "input": "{"}"#),
    ("StartSyncExecution", "InvalidName", r#"{"stateMachineArn": "@express", "name": "a b"}"#),
    ("StartSyncExecution", "StateMachineDoesNotExist", r#"{"stateMachineArn": "@x"}"#),
    ("StartSyncExecution", "StateMachineDeleting", r#"{"stateMachineArn": "@deleting"}"#),
    ("StartSyncExecution", "StateMachineTypeNotSupported", r#"{"stateMachineArn": "@waits"}"#),
    (
        "StopExecution",
        "ExecutionDoesNotExist",
        r#"{"executionArn": "arn:aws:states:us-east-1:123456789012:execution:waits:x"}"#,
    ),
    ("StopExecution", "InvalidArn", r#"{"executionArn": "x"}"#),
    ("StopExecution", "ValidationException", r#"{"executionArn": ""}"#),
    ("TagResource", "InvalidArn", r#"{"resourceArn": "x", "tags": []}"#),
    ("TagResource", "ResourceNotFound", r#"{"resourceArn": "@x", "tags": []}"#),
    ("TagResource", "TooManyTags", r#"{"resourceArn": "@waits", "tags": [{"key": "a"}, {"key": "b"}]}"#),
    ("TestState", "InvalidArn", r#"{"definition": "{\"Type\": \"Succeed\"}", "roleArn": "x"}"#),
    ("TestState", "InvalidDefinition", r#"{"definition": "{}"}"#),
    ("TestState", "InvalidExecutionInput", r#"{"definition": "{\"Type\": \"Succeed\"}", "input": "{"}"#),
    ("TestState", "ValidationException", r#"{"definition": "!", "stateName": "X"}"#),
    ("UntagResource", "InvalidArn", r#"{"resourceArn": "x", "tagKeys": []}"#),
    ("UntagResource", "ResourceNotFound", r#"{"resourceArn": "@x", "tagKeys": []}"#),
    (
        "UpdateMapRun",
        "ResourceNotFound",
        r#"{"mapRunArn": "arn:aws:states:us-east-1:123456789012:mapRun:m/l:i", "maxConcurrency": 1}"#,
    ),
    ("UpdateMapRun", "InvalidArn", r#"{"mapRunArn": "x", "maxConcurrency": 1}"#),
    ("UpdateMapRun", "ValidationException", r##"{"mapRunArn": "#map_run", "maxConcurrency": 1}"##),
    ("UpdateStateMachine", "InvalidArn", r#"{"stateMachineArn": "x", "definition": "!"}"#),
    ("UpdateStateMachine", "InvalidDefinition", r#"{"stateMachineArn": "@waits", "definition": "{}"}"#),
    (
        "UpdateStateMachine",
        "InvalidLoggingConfiguration",
        r#"{"stateMachineArn": "@waits", "loggingConfiguration": {"level": "ALL"}}"#,
    ),
    ("UpdateStateMachine", "MissingRequiredParameter", r#"{"stateMachineArn": "@waits"}"#),
    (
        "UpdateStateMachine",
        "StateMachineDeleting",
        r#"{"stateMachineArn": "@deleting", "roleArn": "arn:aws:iam::1:role/s"}"#,
    ),
    (
        "UpdateStateMachine",
        "StateMachineDoesNotExist",
        r#"{"stateMachineArn": "@x", "roleArn": "arn:aws:iam::1:role/s"}"#,
    ),
    (
        "UpdateStateMachine",
        "ServiceQuotaExceededException",
        r#"{"stateMachineArn": "@waits", "roleArn": "arn:aws:iam::1:role/s", "publish": true}"#,
    ),
    (
        "UpdateStateMachine",
        "ValidationException",
        r#"{"stateMachineArn": "@waits", "roleArn": "arn:aws:iam::1:role/s", "versionDescription": "d"}"#,
    ),
    (
        "UpdateStateMachine",
        "InvalidEncryptionConfiguration",
        r#"{"stateMachineArn": "@waits", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}"#,
    ),
    ("UpdateStateMachineAlias", "ValidationException", r#"{"stateMachineAliasArn": "@waits:live"}"#),
    ("UpdateStateMachineAlias", "InvalidArn", r#"{"stateMachineAliasArn": "@waits", "description": "d"}"#),
    ("UpdateStateMachineAlias", "ResourceNotFound", r#"{"stateMachineAliasArn": "@waits:x", "description": "d"}"#),
    (
        "UpdateStateMachineAlias",
        "StateMachineDeleting",
        r#"{"stateMachineAliasArn": "@deleting:live", "description": "d"}"#,
    ),
    ("ValidateStateMachineDefinition", "ValidationException", r#"{"definition": "!", "maxResults": 101}"#),
];

const DEFINITION: &str =
    r#"{\"StartAt\": \"W\", \"States\": {\"W\": {\"Type\": \"Wait\", \"Seconds\": 9999999, \"End\": true}}}"#;
const WORK: &str = r#"{\"StartAt\": \"W\", \"States\": {\"W\": {\"Type\": \"Task\", \"Resource\": \"arn:aws:states:us-east-1:123456789012:activity:work\", \"End\": true}}}"#;

const MAP: &str = r#"{\"StartAt\": \"M\", \"States\": {\"M\": {\"Type\": \"Map\", \"End\": true, \"ItemsPath\": \"$.items\", \"ItemProcessor\": {\"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": \"STANDARD\"}, \"StartAt\": \"P\", \"States\": {\"P\": {\"Type\": \"Pass\", \"End\": true}}}}}}"#;

/// A server where everything that can be refused is there, and every limit is reached.
struct World {
    api: Api,
    closed: String,
    gone: String,
    map_run: String,
}

impl World {
    async fn new() -> World {
        // What is expired is removed when the test says so: it counts what was removed.
        let mut options = Options { shards: 1, removes_by_itself: false, ..Options::default() };
        let limits = &mut options.limits;
        (limits.activities_max, limits.activity_pollers_max) = (2, 1);
        (limits.state_machines_max, limits.open_executions_max, limits.tags_per_resource_max) = (5, 2, 1);
        (limits.versions_per_state_machine_max, limits.aliases_per_state_machine_max) = (1, 1);
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(1_700_000_000_000)));
        let open_store: engine::OpenStore = Arc::new(move || Ok(store.clone() as _));
        let engine = Engine::open(open_store, Arc::new(NoTasks), clock.clone(), options).await.unwrap();
        let config = ApiConfig { account_id: "123456789012".into(), default_region: "us-east-1".into() };
        let api = Api::new(engine.clone(), config);
        let mut world = World { api, closed: String::new(), gone: String::new(), map_run: String::new() };
        world.ask("CreateActivity", r#"{"name": "idle"}"#).await;
        world.ask("CreateActivity", r#"{"name": "work"}"#).await;
        world.create("work", "").await;
        world.gone = world.token("first").await;
        clock.advance(Duration::from_hours(24 * 91));
        assert_eq!(engine.remove_expired().await.unwrap(), 1);
        world.closed = world.token("second").await;
        world.map_run = world.ended_map_run().await;
        world.create("express", r#", "type": "EXPRESS""#).await;
        for (name, execution) in [("waits", "open"), ("deleting", "last")] {
            world.create(name, r#", "publish": true, "versionDescription": "first""#).await;
            let route = format!(r#"{{"stateMachineVersionArn": "@{name}:1", "weight": 100}}"#);
            world
                .ask("CreateStateMachineAlias", &format!(r#"{{"name": "live", "routingConfiguration": [{route}]}}"#))
                .await;
            world.ask("StartExecution", &format!(r#"{{"stateMachineArn": "@{name}", "name": "{execution}"}}"#)).await;
        }
        world.ask("UpdateStateMachine", r#"{"stateMachineArn": "@waits", "roleArn": "arn:aws:iam::1:role/q"}"#).await;
        world.ask("DeleteStateMachine", r#"{"stateMachineArn": "@deleting"}"#).await;
        world
    }

    fn input(&self, input: &str) -> String {
        let arn = |input: String| input.replace('@', "arn:aws:states:us-east-1:123456789012:stateMachine:");
        arn(input.replace('!', DEFINITION))
            .replace("#closed", &self.closed)
            .replace("#gone", &self.gone)
            .replace("#map_run", &self.map_run)
    }

    async fn ask(&self, operation: &str, input: &str) -> json::Value {
        ask(&self.api, operation, &self.input(input)).await
    }

    async fn create(&self, name: &str, more: &str) {
        let definition = match name {
            "work" => WORK,
            "map" => MAP,
            _ => DEFINITION,
        };
        let role = "arn:aws:iam::1:role/r";
        let input = format!(r#"{{"name": "{name}", "definition": "{definition}", "roleArn": "{role}"{more}}}"#);
        self.ask("CreateStateMachine", &input).await;
    }

    /// A Map Run without items, whose execution is closed.
    async fn ended_map_run(&self) -> String {
        self.create("map", "").await;
        let input = r#"{\"items\": []}"#;
        let start = format!(r#"{{"stateMachineArn": "@map", "name": "mapped", "input": "{input}"}}"#);
        let started = self.ask("StartExecution", &start).await;
        let of_execution = format!(r#"{{"executionArn": "{}"}}"#, string(&started, "executionArn"));
        while string(&self.ask("DescribeExecution", &of_execution).await, "status") == "RUNNING" {
            tokio::task::yield_now().await;
        }
        let listed = self.ask("ListMapRuns", &of_execution).await;
        string(
            listed.get("mapRuns").and_then(json::Value::as_array).and_then(|runs| runs.first()).unwrap(),
            "mapRunArn",
        )
    }

    /// The token of a task whose execution is closed.
    async fn token(&self, name: &str) -> String {
        let started = self.ask("StartExecution", &format!(r#"{{"stateMachineArn": "@work", "name": "{name}"}}"#)).await;
        let task = r#"{"activityArn": "arn:aws:states:us-east-1:123456789012:activity:work"}"#;
        let task = self.ask("GetActivityTask", task).await;
        let arn = string(&started, "executionArn");
        self.ask("StopExecution", &format!(r#"{{"executionArn": "{arn}"}}"#)).await;
        string(&task, "taskToken")
    }
}

#[tokio::test]
async fn every_declared_error_is_provoked_or_cannot_happen() {
    let world = World::new().await;
    let polling = world.api.clone();
    let idle = r#"{"activityArn": "arn:aws:states:us-east-1:123456789012:activity:idle"}"#;
    let poller = tokio::spawn(async move { support::send(&polling, "GetActivityTask", idle).await });
    // The poller stands in line as soon as it has run.
    tokio::task::yield_now().await;
    for (operation, error, input) in PROVOKED {
        let (code, message) = refused(&world.api, operation, &world.input(input)).await;
        assert_eq!(code, *error, "{operation} {input}: {message}");
    }
    poller.abort();
}

#[tokio::test]
async fn errors_about_a_resource_name_it() {
    let world = World::new().await;
    let named: Vec<_> =
        PROVOKED.iter().filter(|(_, error, _)| ["ResourceNotFound", "TooManyTags"].contains(error)).collect();
    assert!(named.len() > 10);
    for (operation, error, input) in named {
        let response = support::send(&world.api, operation, world.input(input)).await;
        let body = json::Value::parse(std::str::from_utf8(response.body()).unwrap()).unwrap();
        let name = body.get("resourceName").and_then(json::Value::as_str).unwrap_or_default();
        assert!(name.starts_with("arn:aws:states:"), "{operation} {error}: {body}");
    }
}

#[test]
fn the_table_has_every_declared_error() {
    let model: serde_json::Value = serde_json::from_str(MODEL).unwrap();
    let mut declared = BTreeSet::new();
    for (operation, of) in model["operations"].as_object().unwrap() {
        for error in of["errors"].as_array().into_iter().flatten() {
            let error = error["shape"].as_str().unwrap();
            let is_never = NEVER.iter().any(|(of, never, _)| (*of == "*" || of == operation) && *never == error);
            if !is_never {
                declared.insert((operation.as_str(), error));
            }
        }
    }
    let provoked: BTreeSet<_> = PROVOKED.iter().map(|(operation, error, _)| (*operation, *error)).collect();
    assert_eq!(provoked.difference(&declared).collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "not declared");
    assert_eq!(declared.difference(&provoked).collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "not provoked");
}
