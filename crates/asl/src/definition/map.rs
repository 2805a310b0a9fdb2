//! Map, inline and distributed.
use super::{Catcher, Common, Flow, MaybePath, Retrier, StateMachineType, Template};
use json::{Text, Value};
use query::{Path, jsonata};

#[derive(Clone, Debug)]
pub struct Map {
    pub common: Common,
    /// `ItemProcessor`, or the older `Iterator`.
    pub item_processor: Flow,
    /// `ItemsPath` (default `$`), or `Items`; a literal array is JSONata's.
    pub items: Option<MaybePath<Value>>,
    /// `Items` of JSONata may be an array with expressions in it.
    pub items_template: Option<jsonata::Template>,
    /// `ItemSelector`, or the older `Parameters`.
    pub item_selector: Option<Template>,
    /// Whether the selector was written as the older `Parameters`.
    pub selector_is_parameters: bool,
    /// 0 is no limit.
    pub max_concurrency: Option<MaybePath<u64>>,
    pub tolerated_failure_count: Option<MaybePath<u64>>,
    /// 0..=100.
    pub tolerated_failure_percentage: Option<MaybePath<f64>>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    /// `Some` when `ProcessorConfig.Mode` is `DISTRIBUTED`.
    pub distributed: Option<Distributed>,
}

#[derive(Clone, Debug)]
pub struct Distributed {
    pub execution_type: StateMachineType,
    pub label: Option<Text>,
    pub item_reader: Option<ItemReader>,
    pub item_batcher: Option<ItemBatcher>,
    pub result_writer: Option<ResultWriter>,
}
#[derive(Clone, Debug)]
pub struct ItemReader { pub resource: Text, pub arguments: Option<Template>, /// `ReaderConfig` as written.
    pub reader_config: Value, pub max_items: Option<MaybePath<u64>>, pub items_pointer: Option<Path> }
#[derive(Clone, Debug)]
pub struct ItemBatcher { pub max_items_per_batch: Option<MaybePath<u64>>, pub max_input_bytes_per_batch: Option<MaybePath<u64>>, pub batch_input: Option<Template> }
#[derive(Clone, Debug)]
pub struct ResultWriter { pub resource: Option<Text>, pub arguments: Option<Template>, /// `WriterConfig` as written.
    pub writer_config: Value }
