//! Mocked results of `TestState`, compared with the API model of the service that the task would call.
//!
//! Members of a result are named in `PascalCase`; those that the model does not know may hold anything.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html>

use crate::service_model::{Kind, Reference, ServiceModel, Shape};
use crate::{action_name, casing, service_model};
use asl::{IntegrationPattern, TaskResource};
use engine::MockCheck;
use json::{Number, Object, Value};

/// What `.sync` asks again and again: the mock stands for its answer.
const POLLED: &[(&str, &str, &str)] = &[
    ("athena", "startQueryExecution", "GetQueryExecution"),
    ("batch", "submitJob", "DescribeJobs"),
    ("bedrock", "createModelCustomizationJob", "GetModelCustomizationJob"),
    ("codebuild", "startBuild", "BatchGetBuilds"),
    ("codebuild", "startBuildBatch", "BatchGetBuildBatches"),
    ("databrew", "startJobRun", "DescribeJobRun"),
    ("ecs", "runTask", "DescribeTasks"),
    ("eks", "createCluster", "DescribeCluster"),
    ("eks", "deleteCluster", "DescribeCluster"),
    ("eks", "createFargateProfile", "DescribeFargateProfile"),
    ("eks", "deleteFargateProfile", "DescribeFargateProfile"),
    ("eks", "createNodegroup", "DescribeNodegroup"),
    ("eks", "deleteNodegroup", "DescribeNodegroup"),
    ("elasticmapreduce", "createCluster", "DescribeCluster"),
    ("elasticmapreduce", "terminateCluster", "DescribeCluster"),
    ("elasticmapreduce", "addStep", "DescribeStep"),
    ("emr-containers", "startJobRun", "DescribeJobRun"),
    ("emr-containers", "deleteVirtualCluster", "DescribeVirtualCluster"),
    ("emr-serverless", "startJobRun", "GetJobRun"),
    ("emr-serverless", "cancelJobRun", "GetJobRun"),
    ("emr-serverless", "createApplication", "GetApplication"),
    ("emr-serverless", "startApplication", "GetApplication"),
    ("emr-serverless", "stopApplication", "GetApplication"),
    ("emr-serverless", "deleteApplication", "GetApplication"),
    ("glue", "startJobRun", "GetJobRun"),
    ("mediaconvert", "createJob", "GetJob"),
    ("sagemaker", "createHyperParameterTuningJob", "DescribeHyperParameterTuningJob"),
    ("sagemaker", "createLabelingJob", "DescribeLabelingJob"),
    ("sagemaker", "createProcessingJob", "DescribeProcessingJob"),
    ("sagemaker", "createTrainingJob", "DescribeTrainingJob"),
    ("sagemaker", "createTransformJob", "DescribeTransformJob"),
    ("states", "startExecution", "DescribeExecution"),
];

/// Members that are text in the API and JSON in the result of the optimized integration.
const JSON_MEMBERS: &[(&str, &str, &[&str])] = &[
    ("bedrock", "invokeModel", &["Body"]),
    ("lambda", "invoke", &["Payload"]),
    ("states", "startExecution.sync:2", &["Input", "Output"]),
];

/// What is wrong with a mocked result, in AWS's words.
pub(crate) fn check(resource: &TaskResource, result: &Value, check: MockCheck) -> Result<(), String> {
    // The result of a callback is what the worker gives, and that of a function or an activity anything.
    let TaskResource::Service { service, action, pattern, .. } = resource else { return Ok(()) };
    if *pattern == IntegrationPattern::WaitForTaskToken {
        return Ok(());
    }
    let Some(model) = service_model::find_for(service, action) else { return Ok(()) };
    let Some(output) = model.output(&operation(service, action, *pattern)) else { return Ok(()) };
    let json_members = JSON_MEMBERS.iter().find(|(of, named, _)| **of == **service && **named == **action);
    let checker = Checker {
        model,
        wants_required: check == MockCheck::Strict,
        times_are_numbers: *pattern == IntegrationPattern::Sync,
        json_members: json_members.map_or(&[], |(_, _, members)| members),
    };
    match result {
        Value::Object(members) => checker.structure(output, members),
        _ => Err("The mocked result must be an object".to_owned()),
    }
}

fn operation(service: &str, action: &str, pattern: IntegrationPattern) -> String {
    let action = action_name(action);
    let polled = POLLED.iter().find(|(of, named, _)| *of == service && *named == action);
    match polled {
        Some((_, _, operation)) if pattern == IntegrationPattern::Sync => (*operation).to_owned(),
        _ => casing::pascal(action).to_string(),
    }
}

struct Checker {
    model: &'static ServiceModel,
    wants_required: bool,
    /// `.sync` gives times in milliseconds.
    times_are_numbers: bool,
    json_members: &'static [&'static str],
}

impl Checker {
    fn structure(&self, shape: &Shape, members: &Object) -> Result<(), String> {
        let given = |name: &str| members.get(name).filter(|value| !value.is_null());
        if self.wants_required {
            let names = shape.required.iter().map(|name| casing::pascal(name));
            if let Some(missing) = names.into_iter().find(|name| given(name).is_none()) {
                return Err(format!("Required field '{missing}' is missing"));
            }
        }
        for (name, reference) in &shape.members {
            let name = casing::pascal(name);
            if let Some(value) = given(&name).filter(|_| !self.json_members.contains(&&*name)) {
                self.value(reference, &name, value)?;
            }
        }
        Ok(())
    }

    /// `field` is the member in which the value stands.
    fn value(&self, reference: &Reference, field: &str, value: &Value) -> Result<(), String> {
        let Some(shape) = self.model.shape(reference).filter(|shape| !shape.document) else { return Ok(()) };
        match (shape.kind, value) {
            (Kind::String, Value::String(text)) => text_fits(shape, field, text),
            (Kind::Blob, Value::String(text)) => length(shape.min, None, field, text.len()),
            (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, Value::Number(number)) => {
                number_fits(shape, field, number)
            }
            (Kind::Timestamp, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
            (Kind::Timestamp, Value::Number(_)) if self.times_are_numbers => Ok(()),
            (Kind::List, Value::Array(elements)) => {
                length(shape.min, shape.max, field, elements.len())?;
                let Some(element) = &shape.member else { return Ok(()) };
                elements.iter().try_for_each(|value| self.value(element, field, value))
            }
            (Kind::Map, Value::Object(members)) => {
                length(shape.min, shape.max, field, members.len())?;
                let Some(member) = &shape.value else { return Ok(()) };
                members.iter().try_for_each(|(name, value)| self.value(member, name, value))
            }
            (Kind::Structure, Value::Object(members)) => self.structure(shape, members),
            (kind, _) => Err(format!("Field '{field}' must be {}", wanted(kind))),
        }
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Blob | Kind::Timestamp => "a string",
        Kind::Boolean => "a boolean",
        Kind::Integer | Kind::Long | Kind::Float | Kind::Double => "a number",
        Kind::List => "an array",
        Kind::Map | Kind::Structure => "an object",
    }
}

fn text_fits(shape: &Shape, field: &str, text: &str) -> Result<(), String> {
    if shape.values.as_ref().is_some_and(|values| !values.iter().any(|value| value == text)) {
        return Err(format!("Field '{field}' is not an expected value"));
    }
    length(shape.min, shape.max, field, text.chars().count())
}

#[expect(clippy::cast_precision_loss, reason = "no payload is so long")]
fn length(min: Option<f64>, max: Option<f64>, field: &str, length: usize) -> Result<(), String> {
    if min.is_some_and(|min| (length as f64) < min) {
        return Err(format!("Field '{field}' is smaller than the minimum length"));
    }
    if max.is_some_and(|max| length as f64 > max) {
        return Err(format!("Field '{field}' exceeds the maximum length"));
    }
    Ok(())
}

fn number_fits(shape: &Shape, field: &str, number: &Number) -> Result<(), String> {
    if shape.min.is_some_and(|min| number.as_f64() < min) {
        return Err(format!("Field '{field}' is less than the minimum value"));
    }
    if shape.max.is_some_and(|max| number.as_f64() > max) {
        return Err(format!("Field '{field}' exceeds the maximum value"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
