//! What only a distributed Map has: where its items come from, how they are batched, where results go.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>

use super::{MaybePath, StateMachineType, Template};
use crate::diagnostic::DiagnosticCode;
use crate::kind;
use crate::reader::Reader;
use crate::shape::{Group, Shape, both, json_path, jsonata};
use json::{Text, Value};

/// The part of a Map whose iterations are executions of their own.
#[derive(Clone, Debug)]
pub struct Distributed {
    pub execution_type: StateMachineType,
    pub label: Option<Text>,
    pub item_reader: Option<ItemReader>,
    pub item_batcher: Option<ItemBatcher>,
    pub result_writer: Option<ResultWriter>,
}

/// Where the items are read from.
#[derive(Clone, Debug)]
pub struct ItemReader {
    pub resource: Text,
    pub arguments: Option<Template>,
    /// `ReaderConfig` as written.
    pub reader_config: Value,
    pub max_items: Option<MaybePath<u64>>,
    /// A JSON Pointer to the array or object that holds the items.
    pub items_pointer: Option<Text>,
}

/// How many items one child execution gets.
#[derive(Clone, Debug)]
pub struct ItemBatcher {
    pub max_items_per_batch: Option<MaybePath<u64>>,
    pub max_input_bytes_per_batch: Option<MaybePath<u64>>,
    pub batch_input: Option<Template>,
}

/// Where the results of the child executions are written.
#[derive(Clone, Debug)]
pub struct ResultWriter {
    pub resource: Option<Text>,
    pub arguments: Option<Template>,
    /// `WriterConfig` as written.
    pub writer_config: Value,
}

const PROCESSOR_CONFIG: Shape =
    Shape { fields: &[&[both("Mode"), both("ExecutionType"), both("Comment")]], required: &[], groups: &[] };

const ITEM_READER: Shape = Shape {
    fields: &[&[
        both("Resource"),
        json_path("Parameters"),
        jsonata("Arguments"),
        both("ReaderConfig"),
        both("Comment"),
    ]],
    required: &["Resource"],
    groups: &[],
};

const READER_CONFIG: Shape = Shape {
    fields: &[&[
        both("InputType"),
        both("ManifestType"),
        both("Transformation"),
        both("CSVHeaderLocation"),
        both("CSVHeaders"),
        both("CSVDelimiter"),
        both("ItemsPointer"),
        both("MaxItems"),
        json_path("MaxItemsPath"),
        both("Comment"),
    ]],
    required: &[],
    groups: &[Group::AtMostOne(&["MaxItems", "MaxItemsPath"])],
};

/// The words of `ReaderConfig`.
const READER_CONFIG_WORDS: &[(&str, &[&str])] = &[
    ("InputType", &["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"]),
    ("ManifestType", &["S3_INVENTORY", "ATHENA_DATA"]),
    ("Transformation", &["NONE", "LOAD_AND_FLATTEN"]),
    ("CSVHeaderLocation", &["FIRST_ROW", "GIVEN"]),
    ("CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]),
];

const ITEM_BATCHER: Shape = Shape {
    fields: &[&[
        both("MaxItemsPerBatch"),
        json_path("MaxItemsPerBatchPath"),
        both("MaxInputBytesPerBatch"),
        json_path("MaxInputBytesPerBatchPath"),
        both("BatchInput"),
        both("Comment"),
    ]],
    required: &[],
    groups: &[
        Group::AtMostOne(&["MaxItemsPerBatch", "MaxItemsPerBatchPath"]),
        Group::AtMostOne(&["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"]),
        Group::NotEmpty(&[
            "MaxItemsPerBatch",
            "MaxItemsPerBatchPath",
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
        ]),
    ],
};

const RESULT_WRITER: Shape = Shape {
    fields: &[&[
        both("Resource"),
        json_path("Parameters"),
        jsonata("Arguments"),
        both("WriterConfig"),
        both("Comment"),
    ]],
    required: &[],
    groups: &[],
};

/// The words of `WriterConfig`.
const WRITER_CONFIG_WORDS: &[(&str, &[&str])] =
    &[("OutputType", &["JSON", "JSONL"]), ("Transformation", &["NONE", "COMPACT", "FLATTEN"])];

const WRITER_CONFIG: Shape =
    Shape { fields: &[&[both("OutputType"), both("Transformation"), both("Comment")]], required: &[], groups: &[] };

/// Fields of a Map that need the distributed mode.
const DISTRIBUTED_ONLY: &[&str] = &["ItemReader", "ItemBatcher", "ResultWriter", "Label"];

impl Distributed {
    /// `None` for an inline Map.
    pub(crate) fn read(map: &Reader<'_>, processor: &Reader<'_>) -> Option<Distributed> {
        let execution_type = read_execution_type(processor);
        let label = read_label(map);
        let item_reader = map.child("ItemReader").and_then(|reader| ItemReader::read(&reader));
        let item_batcher = map.child("ItemBatcher").map(|reader| ItemBatcher::read(&reader));
        let result_writer = map.child("ResultWriter").map(|reader| ResultWriter::read(&reader));
        let Some(execution_type) = execution_type else {
            for field in DISTRIBUTED_ONLY.iter().filter(|field| map.has(field)) {
                map.fault(format!("Field '{field}' is only supported when the Mode of the Map is DISTRIBUTED"));
            }
            return None;
        };
        Some(Distributed { execution_type, label, item_reader, item_batcher, result_writer })
    }
}

/// `ProcessorConfig`: `None` says that the Map is inline.
fn read_execution_type(processor: &Reader<'_>) -> Option<StateMachineType> {
    let config = processor.child("ProcessorConfig")?;
    config.check(&PROCESSOR_CONFIG);
    let mode = config.read_word("Mode", &["INLINE", "DISTRIBUTED"]);
    let execution_type = config.read_word("ExecutionType", &["STANDARD", "EXPRESS"]);
    if mode != Some("DISTRIBUTED") {
        return None;
    }
    config.check_required(&["ExecutionType"]);
    Some(if execution_type == Some("EXPRESS") { StateMachineType::Express } else { StateMachineType::Standard })
}

fn read_label(map: &Reader<'_>) -> Option<Text> {
    let label = map.read("Label", kind::string)?;
    if let Some(fault) = crate::name::label_fault(&label) {
        map.fault_with(DiagnosticCode::InvalidLabelName, fault, &map.location_of("Label"));
    }
    Some(label)
}

impl ItemReader {
    fn read(reader: &Reader<'_>) -> Option<ItemReader> {
        reader.check(&ITEM_READER);
        let resource = read_resource(reader, &["s3:getObject", "s3:listObjectsV2"]);
        let arguments = read_arguments(reader);
        let config = reader.child("ReaderConfig");
        let (mut max_items, mut items_pointer) = (None, None);
        if let Some(config) = &config {
            config.check(&READER_CONFIG);
            for (field, words) in READER_CONFIG_WORDS {
                config.read_word(field, words);
            }
            config.texts("CSVHeaders");
            check_csv(config);
            max_items = config.read_maybe_path(
                "MaxItems",
                kind::integer(0..=reader.limits().map_run_items_max),
                kind::input_path,
            );
            items_pointer = config.read("ItemsPointer", kind::string);
        }
        let reader_config = reader.get("ReaderConfig").cloned().unwrap_or_default();
        Some(ItemReader { resource: resource?, arguments, reader_config, max_items, items_pointer })
    }
}

/// A CSV file has its header in the first row, or the definition gives it.
fn check_csv(config: &Reader<'_>) {
    let word = |field: &str| config.get(field).and_then(Value::as_str);
    if word("InputType") == Some("CSV") {
        config.check_required(&["CSVHeaderLocation"]);
    }
    if word("CSVHeaderLocation") == Some("GIVEN") {
        config.check_required(&["CSVHeaders"]);
    }
}

impl ItemBatcher {
    fn read(reader: &Reader<'_>) -> ItemBatcher {
        reader.check(&ITEM_BATCHER);
        let count = |field, most| reader.read_maybe_path(field, kind::integer(0..=most), kind::input_path);
        // A batch is the input of an execution.
        let bytes_max = u64::try_from(reader.limits().payload_bytes_max).unwrap_or(u64::MAX);
        ItemBatcher {
            max_items_per_batch: count("MaxItemsPerBatch", reader.limits().map_run_items_max),
            max_input_bytes_per_batch: count("MaxInputBytesPerBatch", bytes_max),
            batch_input: reader.template("BatchInput"),
        }
    }
}

impl ResultWriter {
    fn read(reader: &Reader<'_>) -> ResultWriter {
        reader.check(&RESULT_WRITER);
        if !reader.has("Resource") && !reader.has("WriterConfig") {
            reader.check_required(&["Resource"]);
        }
        if let Some(config) = reader.child("WriterConfig") {
            config.check(&WRITER_CONFIG);
            for (field, words) in WRITER_CONFIG_WORDS {
                config.read_word(field, words);
            }
        }
        ResultWriter {
            resource: read_resource(reader, &["s3:putObject"]),
            arguments: read_arguments(reader),
            writer_config: reader.get("WriterConfig").cloned().unwrap_or_default(),
        }
    }
}

fn read_arguments(reader: &Reader<'_>) -> Option<Template> {
    reader.template(if reader.is_jsonata() { "Arguments" } else { "Parameters" })
}

/// `arn:PARTITION:states:::ACTION` with one of a few actions.
fn read_resource(reader: &Reader<'_>, actions: &[&str]) -> Option<Text> {
    let resource = reader.read("Resource", kind::string)?;
    let action = resource.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":states:::"));
    if action.is_none_or(|(_, action)| !actions.contains(&action)) {
        reader.fault_at("Resource", "Value is not a valid resource ARN");
    }
    Some(resource)
}
