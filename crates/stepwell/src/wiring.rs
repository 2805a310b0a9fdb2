//! Puts the parts together: store, engine, integrations, API.

use crate::command;
use crate::config::Config;
use crate::delivery::{self, Delivery};
use crate::step_functions::InProcess;
use api::{Api, ApiConfig};
use engine::{Engine, OpenStore, Options, SystemClock};
use integrations::function::{INHERITED, Surroundings};
use integrations::{Functions, Integrations, Services};
use std::sync::Arc;
use store::MemoryStore;

/// A running system.
pub struct System {
    pub engine: Engine,
    pub api: Api,
    pub functions: Arc<Functions>,
    pub delivery: Delivery,
}

/// Why a system did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the configured functions")]
    Functions(#[from] integrations::Error),
    #[error("cannot deliver logs and events")]
    Delivery(#[from] delivery::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Opens the embedded store of `config.data_dir` and starts the engine over it. `endpoint` is where functions reach
/// the API.
pub async fn durable(config: &Config, endpoint: &str) -> Result<System, Error> {
    let (store, data_dir) = (config.store, config.data_dir.clone());
    let open_store: OpenStore = Arc::new(move || store.open(&data_dir));
    start(open_store, config, endpoint, Delivery::start(config)?).await
}

/// An engine whose store is gone with it, and that delivers nothing. `endpoint` is where functions reach the API.
pub async fn in_memory(config: &Config, endpoint: &str) -> Result<System, Error> {
    let store = Arc::new(MemoryStore::new());
    let open_store: OpenStore = Arc::new(move || Ok(store.clone() as _));
    start(open_store, config, endpoint, Delivery::default()).await
}

async fn start(open_store: OpenStore, config: &Config, endpoint: &str, delivery: Delivery) -> Result<System, Error> {
    let keeper = std::env::current_exe().ok().map(|program| vec![program, command::KEEP_FUNCTIONS.into()]);
    let surroundings = Surroundings {
        region: config.region.clone(),
        endpoint_url: Some(endpoint.to_owned()),
        keeper,
        inherited: INHERITED.iter().filter_map(|&name| Some((name.to_owned(), std::env::var_os(name)?))).collect(),
    };
    let functions = Arc::new(Functions::new(config.functions.clone(), &surroundings)?);
    let step_functions = InProcess::default();
    let services = Services { functions: functions.clone(), step_functions: Arc::new(step_functions.clone()) };
    let integrations = Integrations::new(&services, config.unknown_service_fields.severity());
    let options = Options {
        limits: config.limits.clone(),
        shards: config.shards,
        tasks_at_once_max: config.tasks_at_once_max,
        definitions_bytes_max: config.definitions_bytes_max,
        executions_in_memory_bytes_max: config.executions_in_memory_bytes_max,
        express_history_bytes_max: config.express_history_bytes_max,
        log: delivery.log.clone(),
        status_changes: delivery.status_changes.clone(),
        ..Options::default()
    };
    let engine = Engine::open(open_store, Arc::new(integrations), Arc::new(SystemClock), options).await?;
    let api_config =
        ApiConfig { account_id: config.account_id.as_str().into(), default_region: config.region.as_str().into() };
    let api = Api::new(engine.clone(), api_config);
    step_functions.connect(&api);
    Ok(System { engine, api, functions, delivery })
}
