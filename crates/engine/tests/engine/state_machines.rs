//! State machines: created once, updated, deleted, tagged, listed.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{Account, Error, NewStateMachine, Page, StateMachineChange};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use store::{Batch, BoxFuture, Keyspace, MemoryStore, Range, Record, Store};
use tokio::runtime::Handle;

const STATE_MACHINES: Keyspace = Keyspace("state_machines");
const ONE: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
const TWO: &str = r#"{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

fn change(definition: &str) -> StateMachineChange {
    let parsed =
        Arc::new(asl::parse(definition, StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap());
    StateMachineChange { definition: Some((definition.into(), parsed)), ..StateMachineChange::default() }
}

#[tokio::test]
async fn creating_is_idempotent_by_its_definition() {
    let world = World::new();
    let engine = world.open().await;
    let new = |definition| new_state_machine("m", definition, StateMachineType::Standard);
    let first = engine.create_state_machine(new(ONE)).await.unwrap().state_machine;
    let again = engine.create_state_machine(new(ONE)).await.unwrap().state_machine;
    assert_eq!((&first.arn, first.created_ms), (&again.arn, again.created_ms));
    let other = engine.create_state_machine(new(TWO)).await;
    assert!(matches!(other, Err(Error::StateMachineAlreadyExists(_))));
}

#[tokio::test]
async fn an_update_makes_a_revision_if_it_changes_something() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", ONE).await;
    assert_eq!(engine.state_machine(&machine).await.unwrap().revision_id, None);
    let same = engine.update_state_machine(&machine, change(ONE)).await.unwrap().state_machine;
    assert_eq!(same.revision_id, None);
    let before = start(&engine, &machine, "before").await;
    let changed = engine.update_state_machine(&machine, change(TWO)).await.unwrap().state_machine;
    assert!(changed.revision_id.is_some());
    let after = start(&engine, &machine, "after").await;
    drop(engine);
    let engine = world.open().await;
    for (execution, definition) in [(before, ONE), (after, TWO)] {
        assert_eq!(&*engine.state_machine_of_execution(&execution).await.unwrap().definition, definition);
    }
    assert_eq!(engine.state_machine(&machine).await.unwrap().revision_id, changed.revision_id);
}

#[tokio::test]
async fn a_deleted_state_machine_stays_until_its_executions_have_closed() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", WAITS).await;
    let arn = start(&engine, &machine, "e").await;
    engine.delete_state_machine(&machine).await.unwrap();
    assert!(engine.state_machine(&machine).await.unwrap().deleting);
    let refused = engine.start_execution(start_of(&machine, "f", "{}")).await;
    assert!(matches!(refused, Err(Error::StateMachineDeleting(_))));
    let recreated = engine.create_state_machine(new_state_machine("m", ONE, StateMachineType::Standard)).await;
    assert!(matches!(recreated, Err(Error::StateMachineDeleting(_))));
    drop(engine);
    let engine = world.open().await;
    engine.stop_execution(&arn, None, None).await.unwrap();
    while engine.state_machine(&machine).await.is_ok() {
        tokio::task::yield_now().await;
    }
    create(&engine, "m", ONE).await;
    engine.delete_state_machine(&machine).await.unwrap();
    assert!(matches!(engine.state_machine(&machine).await, Err(Error::StateMachineDoesNotExist(_))));
    engine.delete_state_machine(&machine).await.unwrap();
}

#[tokio::test]
async fn tags_are_kept_by_key_up_to_a_limit() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", ONE).await;
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    engine.tag(&machine, vec![tag("a", "1"), tag("b", "2")]).await.unwrap();
    engine.tag(&machine, vec![tag("a", "3")]).await.unwrap();
    assert_eq!(engine.tags(&machine).await.unwrap(), [tag("a", "3"), tag("b", "2")]);
    engine.untag(&machine, &["a".to_owned(), "none".to_owned()]).await.unwrap();
    assert_eq!(engine.tags(&machine).await.unwrap(), [tag("b", "2")]);
    let many = (0..50).map(|n| tag(&n.to_string(), "")).collect();
    assert!(matches!(engine.tag(&machine, many).await, Err(Error::TooManyTags(_))));
    assert!(matches!(engine.tags(&arn("stateMachine", "unknown")).await, Err(Error::ResourceNotFound(_))));
}

#[tokio::test]
async fn a_list_has_the_state_machines_of_one_account() {
    let world = World::new();
    let engine = world.open().await;
    for name in ["c", "a", "b"] {
        create(&engine, name, ONE).await;
    }
    for (account, expected) in [("123456789012", vec!["a", "b", "c"]), ("123456789013", vec![])] {
        let scope = Account { partition: "aws".into(), region: "us-east-1".into(), account: account.into() };
        let listed = engine.list_state_machines(&scope, Page { size: 10, after: None }).await.unwrap();
        assert_eq!(listed.items.iter().map(|machine| &*machine.name).collect::<Vec<_>>(), expected);
    }
}

type Hook = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Does something after a state machine was read and before the reader has it.
struct HookedStore {
    inner: MemoryStore,
    after_read: Hook,
}

impl Store for HookedStore {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        let value = self.inner.get(keyspace, key);
        let hook = self.after_read.lock().unwrap().take_if(|_| keyspace == STATE_MACHINES);
        hook.into_iter().for_each(|hook| hook());
        value
    }
    fn scan(&self, keyspace: Keyspace, range: Range<'_>, limit: usize) -> Result<Vec<Record>, store::Error> {
        self.inner.scan(keyspace, range, limit)
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), store::Error>> {
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn an_update_while_an_execution_starts_is_not_forgotten() {
    let world = World::new();
    let machine = create(&world.open().await, "m", ONE).await;
    let after_read = Hook::default();
    let (inner, hook) = (world.store.clone(), Arc::clone(&after_read));
    let open = move || Ok(Arc::new(HookedStore { inner: inner.clone(), after_read: Arc::clone(&hook) }) as _);
    let engine = world.open_with(Arc::new(open)).await;
    let (updating, updated, is_updated) = (engine.clone(), machine.clone(), Arc::new(AtomicBool::new(false)));
    let (told, runtime) = (Arc::clone(&is_updated), Handle::current());
    *after_read.lock().unwrap() = Some(Box::new(move || {
        // It is made meanwhile, or it has to wait, and is given up.
        let is_made = runtime.block_on(async {
            tokio::select! {
                biased;
                made = updating.update_state_machine(&updated, change(TWO)) => made.is_ok(),
                () = come_to_rest() => false,
            }
        });
        told.store(is_made, Ordering::SeqCst);
    }));
    start(&engine, &machine, "before").await;
    if !is_updated.load(Ordering::SeqCst) {
        engine.update_state_machine(&machine, change(TWO)).await.unwrap();
    }
    start(&engine, &machine, "after").await;
    let used = engine.state_machine_of_execution(&execution_arn("m", "after")).await.unwrap();
    assert_eq!(&*used.definition, TWO);
}

/// Found by reading: the revision that a start had read before the update was durable was remembered as the current one.
#[tokio::test]
async fn an_update_is_made_to_its_end_when_its_caller_goes_away() {
    let world = World::simulated();
    let (engine, steps) = world.open_stepped(1_000).await;
    let machine = create(&engine, "m", ONE).await;
    leave(&steps, engine.update_state_machine(&machine, change(TWO))).await;
    let meanwhile = tokio::spawn({
        let (engine, start) = (engine.clone(), start_of(&machine, "meanwhile", "{}"));
        async move { engine.start_execution(start).await }
    });
    come_to_rest().await;
    steps.add_permits(1_000);
    meanwhile.await.unwrap().unwrap();
    come_to_rest().await;
    assert_eq!(&*engine.state_machine(&machine).await.unwrap().definition, TWO);
    start(&engine, &machine, "after").await;
    let used = engine.state_machine_of_execution(&execution_arn("m", "after")).await.unwrap();
    assert_eq!(&*used.definition, TWO);
}

#[tokio::test]
async fn a_deletion_is_made_to_its_end_when_its_caller_goes_away() {
    let world = World::simulated();
    let (engine, steps) = world.open_stepped(1_000).await;
    let machine = create(&engine, "m", ONE).await;
    leave(&steps, engine.delete_state_machine(&machine)).await;
    steps.add_permits(1_000);
    come_to_rest().await;
    assert!(matches!(engine.state_machine(&machine).await, Err(Error::StateMachineDoesNotExist(_))));
}

#[tokio::test]
async fn a_deletion_does_not_remove_what_was_created_after_it() {
    for turns in 0..10 {
        let mut world = World::new();
        world.options.limits.state_machines_max = 1;
        let store = world.store.clone();
        let engine = world.open_with(Arc::new(move || Ok(Arc::new(PatientStore::new(store.clone(), 1)) as _))).await;
        let machine = create(&engine, "m", ONE).await;
        let create_again = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            engine.create_state_machine(new_state_machine("m", TWO, StateMachineType::Standard)).await
        };
        let delete = || engine.delete_state_machine(&machine);
        let (first, second, created) = tokio::join!(delete(), delete(), create_again);
        first.unwrap();
        second.unwrap();
        assert_eq!(engine.state_machine(&machine).await.is_ok(), created.is_ok(), "{turns}: {created:?}");
        // It is counted once, whatever was deleted how often.
        let other = engine.create_state_machine(new_state_machine("n", ONE, StateMachineType::Standard)).await;
        assert_eq!(other.is_err(), created.is_ok(), "{turns}: {other:?}");
    }
}

/// What a build does that stores one field more: the record that it reads is not, byte for byte, the one that it would
/// write.
#[tokio::test]
async fn a_revision_is_found_whatever_a_build_stores_of_a_state_machine() {
    let world = World::new();
    let machine = create(&world.open().await, "m", ONE).await;
    let mut records = world.store.scan(STATE_MACHINES, Range::ALL, 1).unwrap();
    let (key, value) = records.remove(0);
    let mut value = unpacked(&value);
    let role = value.windows(6).position(|bytes| bytes == b"role/r").unwrap();
    value[role + 5] = b'q';
    let mut batch = Batch::new();
    batch.put(STATE_MACHINES, key, value);
    world.store.commit(batch).await.unwrap();
    let engine = world.open().await;
    start(&engine, &machine, "e").await;
    let used = engine.state_machine_of_execution(&execution_arn("m", "e")).await.unwrap();
    assert_eq!(&*used.definition, ONE);
}

#[tokio::test]
async fn limits_are_for_an_account_in_a_region() {
    let mut world = World::new();
    (world.options.limits.state_machines_max, world.options.limits.open_executions_max) = (1, 1);
    let store = world.store.clone();
    let here = |name: &str| arn("stateMachine", name);
    let elsewhere = |name: &str| Arn { region: "eu-west-1".into(), ..here(name) };
    for _restart in 0..2 {
        let engine = world.open().await;
        for of in [&here as &dyn Fn(&str) -> Arn, &elsewhere] {
            let new =
                |name| NewStateMachine { arn: of(name), ..new_state_machine("", WAITS, StateMachineType::Standard) };
            engine.create_state_machine(new("m")).await.unwrap();
            assert!(matches!(engine.create_state_machine(new("n")).await, Err(Error::StateMachineLimitExceeded)));
            engine.start_execution(start_of(&of("m"), "e", "{}")).await.unwrap();
            let more = engine.start_execution(start_of(&of("m"), "f", "{}")).await;
            assert!(matches!(more, Err(Error::ExecutionLimitExceeded)));
        }
        drop(engine);
    }
    assert_eq!(store.scan(Keyspace("open"), Range::ALL, 9).unwrap().len(), 2);
}
