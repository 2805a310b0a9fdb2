//! Map, inline and distributed.

use super::{Catcher, Distributed, Fields, Flow, MaybePath, Retrier, StateFields, Template};
use crate::kind;
use crate::reader::{Reader, is_marked};
use crate::shape::{Group, INPUT_OUTPUT, NEXT_OR_END, RESULT, STATE, Shape, TRANSITION, both, json_path, jsonata};
use json::Value;
use query::jsonata;

/// Runs a flow for each item.
#[derive(Clone, Debug)]
pub struct Map {
    pub state: StateFields,
    /// `ItemProcessor`, or the older `Iterator`.
    pub item_processor: Flow,
    /// The field that holds it: locations name it.
    pub processor_field: &'static str,
    /// `ItemsPath` (default `$`), or an expression in `Items`.
    pub items: Option<MaybePath<Value>>,
    /// `Items` of JSONata may be an array or object with expressions in it.
    pub items_template: Option<jsonata::Template>,
    /// `ItemSelector`, or the older `Parameters`.
    pub item_selector: Option<Template>,
    /// Whether the selector was written as the older `Parameters`.
    pub selector_is_parameters: bool,
    /// 0 is no limit.
    pub max_concurrency: Option<MaybePath<u64>>,
    pub tolerated_failure_count: Option<MaybePath<u64>>,
    /// `0..=100`.
    pub tolerated_failure_percentage: Option<MaybePath<f64>>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    /// `Some` when `ProcessorConfig.Mode` is `DISTRIBUTED`.
    pub distributed: Option<Distributed>,
}

const SHAPE: Shape = Shape {
    fields: &[
        STATE,
        TRANSITION,
        INPUT_OUTPUT,
        RESULT,
        &[
            both("ItemProcessor"),
            both("Iterator"),
            json_path("ItemsPath"),
            jsonata("Items"),
            both("ItemSelector"),
            json_path("Parameters"),
            both("MaxConcurrency"),
            json_path("MaxConcurrencyPath"),
            both("ToleratedFailureCount"),
            json_path("ToleratedFailureCountPath"),
            both("ToleratedFailurePercentage"),
            json_path("ToleratedFailurePercentagePath"),
            both("ItemReader"),
            both("ItemBatcher"),
            both("ResultWriter"),
            both("Label"),
        ],
    ],
    required: &[],
    groups: &[
        NEXT_OR_END,
        Group::ExactlyOne(&["ItemProcessor", "Iterator"]),
        Group::AtMostOne(&["ItemSelector", "Parameters"]),
        Group::AtMostOne(&["MaxConcurrency", "MaxConcurrencyPath"]),
        Group::AtMostOne(&["ToleratedFailureCount", "ToleratedFailureCountPath"]),
        Group::AtMostOne(&["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"]),
    ],
};

const ITEM_PROCESSOR: Shape = Shape {
    fields: &[&[both("Comment"), both("ProcessorConfig"), both("StartAt"), both("States")]],
    required: &["States", "StartAt"],
    groups: &[],
};

/// Numbers of a Map that count something: what the field can hold. How many children run at once is a limit.
const COUNT_MAX: u64 = u32::MAX as u64;

impl Map {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Map> {
        reader.check(&SHAPE);
        let fields = StateFields::read(reader).map(without_parameters);
        let items = reader.read("ItemsPath", kind::path).map(MaybePath::Path);
        let (items, items_template) = if reader.has("Items") { read_items(reader) } else { (items, None) };
        let selector_is_parameters = reader.has("Parameters");
        let item_selector = reader.template(if selector_is_parameters { "Parameters" } else { "ItemSelector" });
        let count = |field| reader.read_maybe_path(field, kind::integer(0..=COUNT_MAX), kind::input_path);
        let (max_concurrency, tolerated_failure_count) = (count("MaxConcurrency"), count("ToleratedFailureCount"));
        let tolerated_failure_percentage =
            reader.read_maybe_path("ToleratedFailurePercentage", kind::decimal(0.0..=100.0), kind::input_path);
        let processor_field = if reader.has("Iterator") { "Iterator" } else { "ItemProcessor" };
        let processor = reader.child(processor_field).map(Reader::into_flow);
        let distributed = processor.as_ref().and_then(|processor| Distributed::read(reader, processor));
        let item_processor = processor.and_then(|processor| {
            processor.check(&ITEM_PROCESSOR);
            Flow::read(&processor)
        });
        let (retry, catch) = (Retrier::read_all(reader), Catcher::read_all(reader));
        Some(Map {
            state: fields?,
            item_processor: item_processor?,
            processor_field,
            items,
            items_template,
            item_selector,
            selector_is_parameters,
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
            retry,
            catch,
            distributed,
        })
    }
}

/// `Parameters` of a Map is the older name of its item selector and does not make its input.
fn without_parameters(mut fields: StateFields) -> StateFields {
    if let Fields::JsonPath { parameters, .. } = &mut fields.fields {
        *parameters = None;
    }
    fields
}

/// `Items`: an expression, or an array or object that may have expressions in it.
fn read_items(reader: &Reader<'_>) -> (Option<MaybePath<Value>>, Option<jsonata::Template>) {
    match reader.get("Items") {
        Some(Value::String(text)) if is_marked(text) => (reader.expression("Items").map(MaybePath::Expression), None),
        Some(Value::Array(_) | Value::Object(_)) => match reader.template("Items") {
            Some(Template::Jsonata(template)) => (None, Some(template)),
            _ => (None, None),
        },
        _ => {
            reader.fault_at("Items", kind::expected("Array"));
            (None, None)
        }
    }
}
