//! The fields of what a Task gives to a service, compared with the API model of the service: when a definition is read,
//! and when the service is called ([`crate::checked`]).
//!
//! AWS refuses what the service does not have, of optimized integrations as of `aws-sdk`, and at all depths. What a Task
//! computes (`Name.$`, a JSONata expression) is left to its run. An action whose model is not here takes anything.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/connect-parameters.html>

use crate::service_model::{Kind, Reference, ServiceModel, Shape};
use crate::{action_name, casing, service_model};
use asl::{Severity, TaskResource};
use json::{Object, Text, Value};

/// Actions that take more than the operation of the service that they call, or its members under names of their own: the
/// AWS SDK for Java, whose names Step Functions has, copies in S3 from `SourceBucket` to `DestinationBucket`.
const EXTENDED: &[(&str, &str)] =
    &[("bedrock", "invokeModel"), ("aws-sdk:s3", "copyObject"), ("aws-sdk:s3", "uploadPartCopy")];

/// Members that the AWS SDK for Java names otherwise, as their names mean something else in Java: the name in the model,
/// and that in definitions. Whether AWS takes the first of them, too, is not known: so it is taken.
const JAVA_NAMES: &[(&str, &str)] = &[("NULL", "Nul"), ("equals", "EqualsValue")];

/// Knows the services whose models are here.
pub(crate) struct Models {
    /// What a field is that a model does not have.
    pub(crate) unknown_fields: Severity,
}

impl asl::Services for Models {
    fn unsupported_fields(&self, resource: &TaskResource, arguments: &Object) -> Vec<Text> {
        let TaskResource::Service { service, action, .. } = resource else { return Vec::new() };
        unsupported(service, action, arguments, Written::Template)
    }

    fn severity(&self) -> Severity {
        self.unknown_fields
    }
}

/// What the fields are that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// As in a definition, where some are computed.
    Template,
    /// What came of that.
    Data,
}

/// The fields that the service does not have, at all depths.
pub(crate) fn unsupported(service: &str, action: &str, fields: &Object, written: Written) -> Vec<Text> {
    let action = action_name(action);
    if EXTENDED.contains(&(service, action)) {
        return Vec::new();
    }
    let Some(model) = service_model::find_for(service, action) else { return Vec::new() };
    let mut comparison = Comparison { model, written, unsupported: Vec::new() };
    if let Some(input) = model.input(&casing::pascal(action)) {
        comparison.structure(input, fields);
    }
    comparison.unsupported
}

struct Comparison<'a> {
    model: &'a ServiceModel,
    written: Written,
    unsupported: Vec<Text>,
}

impl Comparison<'_> {
    fn structure(&mut self, shape: &Shape, members: &Object) {
        if shape.document {
            return;
        }
        for (name, value) in members {
            if self.written == Written::Template && is_computed(name, value) {
                continue;
            }
            match shape.members.iter().find(|(known, _)| is_same(known, name)) {
                Some((_, reference)) => self.value(reference, value),
                None => self.unsupported.push(name.clone()),
            }
        }
    }

    fn value(&mut self, reference: &Reference, value: &Value) {
        let Some(shape) = self.model.shape(reference) else { return };
        match (shape.kind, value) {
            (Kind::Structure, Value::Object(members)) => self.structure(shape, members),
            (Kind::List, Value::Array(elements)) => {
                let Some(member) = &shape.member else { return };
                elements.iter().for_each(|element| self.value(member, element));
            }
            (Kind::Map, Value::Object(members)) => {
                let Some(member) = &shape.value else { return };
                members.iter().for_each(|(_, element)| self.value(member, element));
            }
            // A value of another kind is the service's to refuse: optimized integrations take JSON where the API takes
            // text.
            _ => {}
        }
    }
}

/// A name of a JSONPath template with `.$`, or the expression of a JSONata one.
fn is_computed(name: &str, value: &Value) -> bool {
    name.ends_with(".$") || value.as_str().is_some_and(|text| text.starts_with("{%") && text.ends_with("%}"))
}

/// Definitions have the names of models in `PascalCase`. Of a name with an acronym AWS takes one spelling of several
/// (`SnsTopicArn` for `SNSTopicArn`), and no model says which: so all are taken.
fn is_same(known: &str, name: &str) -> bool {
    is_written_as(known, name) || JAVA_NAMES.contains(&(known, name))
}

fn is_written_as(known: &str, name: &str) -> bool {
    let has_acronym = || known.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_uppercase));
    known.eq_ignore_ascii_case(name)
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && (known.get(1..) == name.get(1..) || has_acronym())
}

#[cfg(test)]
mod tests {
    use asl::{Limits, StateMachineType};

    /// The diagnostics of a Task with this resource and these arguments.
    fn check(field: &str, resource: &str, arguments: &str, expected: &[&str]) {
        let language = if field == "Arguments" { "JSONata" } else { "JSONPath" };
        let definition = format!(
            r#"{{"StartAt": "T", "QueryLanguage": "{language}", "States": {{"T": {{"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::{resource}", "{field}": {arguments}}}}}}}"#
        );
        let services = Some(crate::services(asl::Severity::Error));
        let parsed = asl::parse_with_services(&definition, StateMachineType::Standard, &Limits::default(), services);
        let found: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        let text = |name: &&str| {
            format!(
                "SCHEMA_VALIDATION_FAILED: The field \"{name}\" is not supported by Step Functions at /States/T/{field}"
            )
        };
        assert_eq!(found, expected.iter().map(text).collect::<Vec<_>>(), "{resource} {arguments}");
        assert_eq!(parsed.state_machine.is_some(), expected.is_empty());
    }

    #[test]
    fn what_a_service_does_not_have_is_refused() {
        let parameters = |resource, arguments, expected: &[&str]| check("Parameters", resource, arguments, expected);
        parameters("lambda:invoke", r#"{"FunctionName": "f", "Paylod": {"any": 1}}"#, &["Paylod"]);
        parameters(
            "sns:publish.waitForTaskToken",
            r#"{"TopicARN": "t", "Mesage": {"t.$": "$$.Task.Token"}}"#,
            &["TopicARN", "Mesage"],
        );
        parameters("sqs:sendMessage", r#"{"QueueUrl": "q", "MessageBody": {"any": 1}, "Delay": 1}"#, &["Delay"]);
        parameters("dynamodb:getItem", r#"{"TableName": "t", "Key": {"id": {"X": "1"}}}"#, &["X"]);
        parameters("states:startExecution", r#"{"StateMachineArn": "a", "Input": {"any": 1}, "input": 1}"#, &["input"]);
        parameters("events:putEvents", r#"{"Entries": [{"Detail": {"any": 1}, "Sorce": "s"}]}"#, &["Sorce"]);
        parameters("glue:startJobRun.sync", r#"{"JobName": "j", "Arguments": {"--any": "1"}, "Args": {}}"#, &["Args"]);
        parameters("batch:submitJob", r#"{"JobName": "j", "ContainerOverrides": {"command": []}}"#, &["command"]);
        parameters("aws-sdk:kms:encrypt", r#"{"keyId": "k"}"#, &["keyId"]);
        check("Arguments", "lambda:invoke", r#"{"FunctionName": "f", "Paylod": {"any": 1}}"#, &["Paylod"]);
    }

    /// As people met them: tags of a training job in lower case, the network of a container.
    #[test]
    fn what_was_seen_on_aws() {
        let tags = r#"{"TrainingJobName": "j", "Tags": [{"key": "cart", "Value": "x"}]}"#;
        check("Parameters", "sagemaker:createTrainingJob.sync", tags, &["key"]);
        let network = r#"{"NetworkConfiguration": {"awsVpcConfiguration": {"Subnets": []}}}"#;
        check("Parameters", "ecs:runTask.sync", network, &["awsVpcConfiguration"]);
    }

    #[test]
    fn what_the_sdk_for_java_names_otherwise_has_both_names() {
        let check = |resource: &str, arguments: &str, expected: &[&str]| {
            check("Parameters", resource, arguments, expected);
        };
        for name in ["Nul", "NULL"] {
            let item = format!(r#"{{"TableName": "t", "Item": {{"a": {{"{name}": true}}}}}}"#);
            check("dynamodb:putItem", &item, &[]);
            check("aws-sdk:dynamodb:putItem", &item, &[]);
        }
        let filters = |name: &str| {
            format!(
                r#"{{"TrainingDataConfig": {{"InvocationLogsConfig": {{"RequestMetadataFilters": {{"{name}": {{}}}}}}}}}}"#
            )
        };
        check("bedrock:createModelCustomizationJob", &filters("EqualsValue"), &[]);
        check("bedrock:createModelCustomizationJob", &filters("NotEqualsValue"), &["NotEqualsValue"]);
    }

    #[test]
    fn what_is_computed_or_not_known_is_left_to_the_run() {
        let accepted = |resource, arguments| check("Parameters", resource, arguments, &[]);
        accepted("lambda:invoke.waitForTaskToken", r#"{"FunctionName": "f", "TaskToken.$": "$$.Task.Token"}"#);
        accepted("bedrock:invokeModel", r#"{"ModelId": "m", "Input": {"S3Uri": "s"}}"#);
        accepted("apigateway:invoke", r#"{"ApiEndpoint": "e", "Any": 1}"#);
        accepted("elasticmapreduce:addStep", r#"{"ClusterId": "c", "Any": 1}"#);
        accepted("aws-sdk:nothing:doAnything", r#"{"Any": 1}"#);
        accepted("aws-sdk:kms:doAnything", r#"{"Any": 1}"#);
        let copies = r#"{"SourceBucket": "b", "SourceKey": "k", "DestinationBucket": "b", "DestinationKey": "k"}"#;
        accepted("aws-sdk:s3:copyObject", copies);
        accepted("aws-sdk:s3:uploadPartCopy", copies);
        accepted("aws-sdk:s3:putObject", r#"{"Bucket": "b", "Key": "k", "ACL": "private", "SsekmsKeyId": "k"}"#);
        check("Arguments", "lambda:invoke", r#"{"FunctionName": "f", "Paylod": "{% 1 %}"}"#, &[]);
        check("Arguments", "lambda:invoke", r#""{% $states.input %}""#, &[]);
    }
}
