//! Executions of one distributed Map, whose children make calls that fail as a script says.

use crate::support::*;
use asl::Arn;
use engine::{Engine, Error, ExecutionFilter, ExecutionRecord, MapRunRecord, Page};
use json::Value;
use machine::{Counts, Status};
use std::{collections::HashMap, future::Future, sync::Mutex};

/// A child that makes a call with its item, and has its answer as its output.
pub const CALL: &str = r#""StartAt":"C","States":{"C":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
    "Parameters":{"FunctionName":"f","Payload.$":"$"},"End":true}}"#;

pub fn map(execution_type: &str, child: &str, fields: &str) -> String {
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","Label":"L","End":true{fields},"ItemProcessor":{{
        "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"{execution_type}"}},{child}}}}}}}}}"#
    )
}

/// How often an item was called, and how often its call fails before it succeeds.
#[derive(Default)]
pub struct Script {
    fails: HashMap<String, usize>,
    calls: Mutex<HashMap<String, usize>>,
}

impl Script {
    pub fn of<const N: usize>(fails: [(&str, usize); N]) -> Script {
        let fails = fails.into_iter().map(|(item, times)| (item.to_owned(), times)).collect();
        Script { fails, calls: Mutex::default() }
    }

    /// Answers calls with their items.
    pub async fn serve(&self, world: &World) {
        loop {
            let made = world.calls.next().await;
            let item = made.call.request.parameters.value().get("Payload").map(Value::to_string).unwrap_or_default();
            let calls = {
                let mut calls = self.calls.lock().unwrap();
                let calls = calls.entry(item.clone()).or_default();
                *calls += 1;
                *calls
            };
            if calls <= self.fails.get(&item).copied().unwrap_or(0) {
                made.fail("Broken");
            } else {
                made.succeed(&item);
            }
        }
    }

    pub fn calls(&self, item: &str) -> usize {
        self.calls.lock().unwrap().get(item).copied().unwrap_or(0)
    }

    /// Answers calls as long as something goes on.
    pub async fn during<T>(&self, world: &World, something: impl Future<Output = T>) -> T {
        tokio::select! {
            done = something => done,
            () = self.serve(world) => unreachable!(),
        }
    }
}

pub async fn begin(engine: &Engine, definition: &str, input: &str) -> Arn {
    let machine = create(engine, "m", definition).await;
    let started = engine.start_execution(start_of(&machine, "e", input)).await.unwrap();
    Arn::parse(&started.arn).unwrap()
}

pub async fn redrive(engine: &Engine, execution: &Arn) -> Result<i64, Error> {
    engine.redrive_execution(engine::RedriveExecution { execution: execution.clone(), client_token: None }).await
}

/// The Map Run of an execution, which has only one.
pub async fn map_run(engine: &Engine, execution: &Arn) -> MapRunRecord {
    let mut found = engine.list_map_runs(execution, Page { size: 10, after: None }).await.unwrap().items;
    assert_eq!(found.len(), 1);
    found.pop().unwrap()
}

pub async fn until(engine: &Engine, execution: &Arn, wanted: impl Fn(&MapRunRecord) -> bool) -> MapRunRecord {
    loop {
        let record = map_run(engine, execution).await;
        if wanted(&record) {
            return record;
        }
        tokio::task::yield_now().await;
    }
}

pub fn counts(record: &MapRunRecord) -> Counts {
    assert_eq!(record.progress.items, record.progress.executions);
    record.progress.executions
}

/// The first page of the children.
pub async fn page_of_children(
    engine: &Engine,
    map_run: &MapRunRecord,
    listed: Listed,
    size: usize,
) -> Vec<ExecutionRecord> {
    engine.list_executions(listed.of(map_run), Page { size, after: None }).await.unwrap().items
}

pub async fn children(engine: &Engine, map_run: &MapRunRecord, filter: Listed) -> Vec<ExecutionRecord> {
    let filter = filter.of(map_run);
    let mut page = Page { size: 2, after: None };
    let mut found = Vec::new();
    loop {
        let listed = engine.list_executions(filter.clone(), page).await.unwrap();
        found.extend(listed.items);
        let Some(after) = listed.next else { return found };
        page = Page { size: 2, after: Some(after) };
    }
}

/// What is asked of a list.
#[derive(Clone, Copy, Default)]
pub struct Listed {
    pub status: Option<Status>,
    pub is_pending_redrive: bool,
    pub is_redriven: Option<bool>,
}

impl Listed {
    fn of(self, map_run: &MapRunRecord) -> ExecutionFilter {
        let state_machine = Arn::parse(&map_run.arn).unwrap();
        let Listed { status, is_pending_redrive, is_redriven } = self;
        ExecutionFilter { state_machine, status, is_pending_redrive, is_redriven }
    }
}
