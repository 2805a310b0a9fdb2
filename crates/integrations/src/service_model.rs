//! API models of AWS services: their operations and the shapes of what those take and give.
//!
//! The files in `models/` are botocore's (Apache-2.0) without texts; `cargo xtask service-models` writes them. One is read
//! when it is first asked for, and kept.

mod table;

use flate2::read::GzDecoder;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};
use table::MODELS;

/// The model of one service.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceModel {
    operations: HashMap<String, Operation>,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
struct Operation {
    input: Option<Reference>,
    output: Option<Reference>,
}

/// The name of a shape, where it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    shape: String,
}

/// The type of a value, and its bounds.
#[derive(Debug, Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// Of a structure, in the order of the model.
    #[serde(default)]
    pub(crate) members: indexmap::IndexMap<String, Reference>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// Of a list.
    pub(crate) member: Option<Reference>,
    /// Of a map.
    pub(crate) value: Option<Reference>,
    /// Least number, length or count.
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<String>>,
    /// A structure that holds any JSON.
    #[serde(default)]
    pub(crate) document: bool,
}

/// The types of botocore's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    String,
    Blob,
    Timestamp,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    List,
    Map,
    Structure,
}

/// Optimized integrations whose service has another name in the AWS SDK.
const SDK_NAMES: &[(&str, &str)] = &[
    ("elasticmapreduce", "emr"),
    ("emr-containers", "emrcontainers"),
    ("emr-serverless", "emrserverless"),
    ("events", "eventbridge"),
    ("states", "sfn"),
];

static LOADED: LazyLock<Vec<OnceLock<Option<ServiceModel>>>> =
    LazyLock::new(|| MODELS.iter().map(|_| OnceLock::new()).collect());

/// The model of a service, as `aws-sdk` resources name it; `None` when there is none.
fn find(service: &str) -> Option<&'static ServiceModel> {
    let place = MODELS.iter().position(|(name, _)| *name == service)?;
    let (name, compressed) = MODELS.get(place)?;
    LOADED.get(place)?.get_or_init(|| load(name, compressed)).as_ref()
}

/// The model of the service that a resource names, whether an optimized integration or `aws-sdk`.
pub(crate) fn find_for(service: &str, action: &str) -> Option<&'static ServiceModel> {
    find(sdk_name(service, action))
}

fn sdk_name<'a>(service: &'a str, action: &str) -> &'a str {
    if (service, action) == ("bedrock", "invokeModel") {
        return "bedrockruntime";
    }
    let sdk_name = SDK_NAMES.iter().find(|(name, _)| *name == service).map(|(_, sdk_name)| *sdk_name);
    sdk_name.or_else(|| service.strip_prefix("aws-sdk:")).unwrap_or(service)
}

fn load(name: &str, compressed: &[u8]) -> Option<ServiceModel> {
    let read = serde_json::from_reader(std::io::BufReader::new(GzDecoder::new(compressed)));
    read.inspect_err(|error| tracing::error!(service = name, %error, "the model of a service cannot be read")).ok()
}

impl ServiceModel {
    /// What an operation takes; `None` for an operation that the service does not have, or one that takes nothing.
    pub(crate) fn input(&self, operation: &str) -> Option<&Shape> {
        self.shape(self.operations.get(operation)?.input.as_ref()?)
    }

    /// What an operation gives; `None` for an operation that the service does not have, or one that gives nothing.
    pub(crate) fn output(&self, operation: &str) -> Option<&Shape> {
        self.shape(self.operations.get(operation)?.output.as_ref()?)
    }

    pub(crate) fn shape(&self, reference: &Reference) -> Option<&Shape> {
        self.shapes.get(&reference.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read() {
        for (name, _) in MODELS {
            let model = find(name).unwrap_or_else(|| panic!("{name}"));
            assert!(!model.operations.is_empty(), "{name}");
        }
        assert!(find("nothing").is_none());
    }

    #[test]
    fn shapes_have_their_bounds() {
        let output = find("kms").unwrap().output("Encrypt").unwrap();
        let blob = find("kms").unwrap().shape(&output.members["CiphertextBlob"]).unwrap();
        assert_eq!((blob.kind, blob.min), (Kind::Blob, Some(1.0)));
        assert_eq!(find("sfn").unwrap().output("StartExecution").unwrap().required, ["executionArn", "startDate"]);
    }
}
