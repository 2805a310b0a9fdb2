//! What a Task calls: `Resource` taken apart, and the service integrations that there are.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html>

use crate::kind;
use json::{Text, Value};
use serde::{Deserialize, Serialize};

/// What a Task calls, read from `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskResource {
    /// `arn:aws:states:REGION:ACCOUNT:activity:NAME`.
    Activity { arn: Text },
    /// A plain function ARN: `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
    LambdaFunction { arn: Text },
    /// `arn:aws:states:::SERVICE:ACTION[.sync|.sync:2|.waitForTaskToken]`.
    Service {
        /// The whole ARN as written.
        arn: Text,
        /// `resourceType` in the history: `lambda`, `states`, `aws-sdk:sfn` …
        service: Text,
        /// `resource` in the history: `invoke`, `startExecution.sync:2` …, pattern included.
        action: Text,
        pattern: IntegrationPattern,
    },
}

/// What a Task waits for: the answer, the end of what it started, or someone with the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationPattern {
    RequestResponse,
    Sync,
    WaitForTaskToken,
}

/// An optimized integration: the actions of a service, and those of them that can be waited for.
struct Integration {
    service: &'static str,
    actions: &'static [&'static str],
    sync: &'static [&'static str],
    wait_for_task_token: bool,
}

const fn request_response(service: &'static str, actions: &'static [&'static str]) -> Integration {
    Integration { service, actions, sync: &[], wait_for_task_token: false }
}

impl Integration {
    const fn sync(self, sync: &'static [&'static str]) -> Integration {
        Integration { sync, ..self }
    }

    const fn wait_for_task_token(self) -> Integration {
        Integration { wait_for_task_token: true, ..self }
    }
}

const INTEGRATIONS: &[Integration] = &[
    request_response("apigateway", &["invoke"]).wait_for_task_token(),
    request_response("athena", &["startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"])
        .sync(&["startQueryExecution"]),
    request_response("batch", &["submitJob"]).sync(&["submitJob"]).wait_for_task_token(),
    request_response("bedrock", &["invokeModel", "createModelCustomizationJob"])
        .sync(&["createModelCustomizationJob"])
        .wait_for_task_token(),
    request_response(
        "codebuild",
        &["startBuild", "startBuildBatch", "stopBuild", "stopBuildBatch", "batchDeleteBuilds", "batchGetReports"],
    )
    .sync(&["startBuild", "startBuildBatch"]),
    request_response("databrew", &["startJobRun"]).sync(&["startJobRun"]),
    request_response("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"]),
    request_response("ecs", &["runTask"]).sync(&["runTask"]).wait_for_task_token(),
    request_response(
        "eks",
        &[
            "call",
            "runJob",
            "createCluster",
            "deleteCluster",
            "createFargateProfile",
            "deleteFargateProfile",
            "createNodegroup",
            "deleteNodegroup",
        ],
    )
    .sync(&[
        "runJob",
        "createCluster",
        "deleteCluster",
        "createFargateProfile",
        "deleteFargateProfile",
        "createNodegroup",
        "deleteNodegroup",
    ])
    .wait_for_task_token(),
    request_response(
        "elasticmapreduce",
        &[
            "createCluster",
            "terminateCluster",
            "addStep",
            "cancelStep",
            "setClusterTerminationProtection",
            "modifyInstanceFleetByName",
            "modifyInstanceGroupByName",
        ],
    )
    .sync(&["createCluster", "terminateCluster", "addStep"]),
    request_response("emr-containers", &["createVirtualCluster", "deleteVirtualCluster", "startJobRun"])
        .sync(&["deleteVirtualCluster", "startJobRun"]),
    request_response(
        "emr-serverless",
        &[
            "createApplication",
            "startApplication",
            "stopApplication",
            "deleteApplication",
            "startJobRun",
            "cancelJobRun",
        ],
    )
    .sync(&[
        "createApplication",
        "startApplication",
        "stopApplication",
        "deleteApplication",
        "startJobRun",
        "cancelJobRun",
    ]),
    request_response("events", &["putEvents"]).wait_for_task_token(),
    request_response("glue", &["startJobRun"]).sync(&["startJobRun"]),
    request_response("http", &["invoke"]),
    request_response("lambda", &["invoke"]).wait_for_task_token(),
    request_response("mediaconvert", &["createJob"]).sync(&["createJob"]),
    request_response(
        "sagemaker",
        &[
            "createEndpoint",
            "createEndpointConfig",
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createModel",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
            "updateEndpoint",
        ],
    )
    .sync(&[
        "createHyperParameterTuningJob",
        "createLabelingJob",
        "createProcessingJob",
        "createTrainingJob",
        "createTransformJob",
    ]),
    request_response("sns", &["publish"]).wait_for_task_token(),
    request_response("sqs", &["sendMessage"]).wait_for_task_token(),
    request_response("states", &["startExecution"]).sync(&["startExecution"]).wait_for_task_token(),
];

impl TaskResource {
    /// The value of `Resource`, or why it is none.
    pub(crate) fn of_value(value: &Value) -> Result<TaskResource, String> {
        let arn = kind::string(value)?;
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "states", _, _, resource] if is_partition(partition) => {
                match resource.strip_prefix("activity:") {
                    Some(name) if crate::is_valid_name(name) => Ok(TaskResource::Activity { arn }),
                    Some(_) => Err(no_arn()),
                    // AWS takes Region and account here, and needs neither.
                    None => service(&arn, resource).ok_or_else(|| not_recognized(&arn)),
                }
            }
            ["arn", partition, "lambda", _, _, resource] if is_partition(partition) && is_function(resource) => {
                Ok(TaskResource::LambdaFunction { arn })
            }
            _ => Err(no_arn()),
        }
    }
}

fn no_arn() -> String {
    "Value is not a valid resource ARN".to_owned()
}

fn not_recognized(arn: &str) -> String {
    format!(
        "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource is \
         not available in this region."
    )
}

fn is_partition(text: &str) -> bool {
    text.starts_with("aws")
}

/// `function:NAME` or `function:NAME:QUALIFIER`.
fn is_function(resource: &str) -> bool {
    let is_word = |text: &str| {
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        !text.is_empty() && text.chars().all(plain)
    };
    match resource.split(':').collect::<Vec<_>>().as_slice() {
        ["function", name] => is_word(name),
        ["function", name, qualifier] => is_word(name) && (is_word(qualifier) || *qualifier == "$LATEST"),
        _ => false,
    }
}

/// `SERVICE:ACTION.PATTERN`; `None` when there is no such integration.
fn service(arn: &Text, resource: &str) -> Option<TaskResource> {
    let (service, action) = match resource.strip_prefix("aws-sdk:") {
        Some(sdk) => (resource.get(..resource.len() - sdk.len() + sdk.find(':')?)?, sdk.split_once(':')?.1),
        None => resource.split_once(':')?,
    };
    let (name, pattern) = match action.split_once('.') {
        None => (action, IntegrationPattern::RequestResponse),
        Some((name, "sync" | "sync:2")) => (name, IntegrationPattern::Sync),
        Some((name, "waitForTaskToken")) => (name, IntegrationPattern::WaitForTaskToken),
        Some(_) => return None,
    };
    // Only an execution that was started by `.sync:2` gives its output as JSON.
    if action.ends_with(".sync:2") && service != "states" {
        return None;
    }
    exists(service, name, pattern).then(|| TaskResource::Service {
        arn: arn.clone(),
        service: service.into(),
        action: action.into(),
        pattern,
    })
}

fn exists(service: &str, action: &str, pattern: IntegrationPattern) -> bool {
    if let Some(sdk) = service.strip_prefix("aws-sdk:") {
        let is_word = |text: &str| !text.is_empty() && text.chars().all(|character| character.is_ascii_alphanumeric());
        return is_word(sdk) && is_word(action) && pattern != IntegrationPattern::Sync;
    }
    let Some(integration) = INTEGRATIONS.iter().find(|integration| integration.service == service) else {
        return false;
    };
    integration.actions.contains(&action)
        && match pattern {
            IntegrationPattern::RequestResponse => true,
            IntegrationPattern::Sync => integration.sync.contains(&action),
            IntegrationPattern::WaitForTaskToken => integration.wait_for_task_token,
        }
}

#[cfg(test)]
mod tests {
    use super::{IntegrationPattern, TaskResource};

    fn check(resource: &str, service: &str, action: &str, pattern: IntegrationPattern) {
        let arn: json::Text = format!("arn:aws:states:::{resource}").into();
        let read = TaskResource::of_value(&arn.clone().into()).unwrap();
        let expected = TaskResource::Service { arn, service: service.into(), action: action.into(), pattern };
        assert_eq!(read, expected);
    }

    #[test]
    fn integrations() {
        check("lambda:invoke", "lambda", "invoke", IntegrationPattern::RequestResponse);
        check("states:startExecution.sync:2", "states", "startExecution.sync:2", IntegrationPattern::Sync);
        check("aws-sdk:sfn:startExecution", "aws-sdk:sfn", "startExecution", IntegrationPattern::RequestResponse);
        check(
            "sqs:sendMessage.waitForTaskToken",
            "sqs",
            "sendMessage.waitForTaskToken",
            IntegrationPattern::WaitForTaskToken,
        );
    }

    #[test]
    fn what_a_task_cannot_call() {
        for unknown in [
            "dynamodb:getItem.sync",
            "dynamodb:scan",
            "nothing:invoke",
            "lambda",
            "lambda:invoke.later",
            "ecs:runTask.sync:2",
            "aws-sdk:sqs:sendMessage.sync",
            "aws-sdk:sqs",
        ] {
            let arn = format!("arn:aws:states:::{unknown}");
            let message = TaskResource::of_value(&arn.as_str().into()).unwrap_err();
            assert!(message.starts_with(&format!("The resource provided {arn} is not recognized.")), "{message}");
        }
        for wrong in ["", "foo:bar", "arn:aws:s3:::bucket", "arn:aws:lambda:us-east-1:1:function:f:", "${Arn}"] {
            assert_eq!(TaskResource::of_value(&wrong.into()).unwrap_err(), "Value is not a valid resource ARN");
        }
    }

    #[test]
    fn functions_and_activities() {
        for arn in ["arn:aws:lambda:us-east-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f:$LATEST"] {
            assert_eq!(TaskResource::of_value(&arn.into()).unwrap(), TaskResource::LambdaFunction { arn: arn.into() });
        }
        let arn = "arn:aws-cn:states:cn-north-1:1:activity:a";
        assert_eq!(TaskResource::of_value(&arn.into()).unwrap(), TaskResource::Activity { arn: arn.into() });
    }
}
