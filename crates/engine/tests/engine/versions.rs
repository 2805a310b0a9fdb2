//! Versions and aliases: numbered once, kept through restarts, routed by weight, gone with their state machine.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{
    AliasChange, Engine, Error, ExecutionFilter, NewAlias, Page, Publish, Route, StateMachineChange, VersionRecord,
};

use std::time::Duration;

const ONE: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"End":true}}}"#;
const TWO: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":2,"End":true}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;

fn change(definition: &str) -> StateMachineChange {
    let parsed = asl::parse(definition, StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap();
    StateMachineChange { definition: Some((definition.into(), parsed.into())), ..StateMachineChange::default() }
}

async fn publish(engine: &Engine, machine: &Arn) -> VersionRecord {
    engine.publish_version(machine, None, Publish::default()).await.unwrap()
}

/// A state machine with the versions 1 (of `ONE`) and 2 (of `TWO`).
async fn two_versions(engine: &Engine) -> Arn {
    let machine = create(engine, "m", ONE).await;
    publish(engine, &machine).await;
    let publishing = StateMachineChange { publish: Some(Publish::default()), ..change(TWO) };
    let updated = engine.update_state_machine(&machine, publishing).await.unwrap();
    assert_eq!(updated.version_arn.as_deref(), Some(&*format!("{machine}:2")));
    machine
}

fn routes(weights: &[(u64, u8)]) -> Vec<Route> {
    weights.iter().map(|&(version, weight)| Route { version, weight }).collect()
}

fn new_alias(name: &str, weights: &[(u64, u8)]) -> NewAlias {
    NewAlias { arn: arn("stateMachine", name), description: None, routes: routes(weights) }
}

async fn numbers(engine: &Engine, machine: &Arn) -> Vec<u64> {
    let listed = engine.list_versions(machine, Page { size: 100, after: None }).await.unwrap();
    listed.items.iter().map(|version| version.number).collect()
}

async fn aliases(engine: &Engine, of: &Arn) -> Vec<String> {
    let listed = engine.list_aliases(of, Page { size: 100, after: None }).await.unwrap();
    listed.items.iter().map(|alias| alias.name.to_string()).collect()
}

/// The output of an execution that is started by `started_by`, and the version and alias that it has.
async fn outcome(engine: &Engine, started_by: &str, name: &str) -> (String, Option<String>, Option<String>) {
    let execution = start(engine, &Arn::parse(started_by).unwrap(), name).await;
    let record = engine.wait_until_closed(&execution).await.unwrap();
    let Some(machine::Outcome::Succeeded { output }) = record.outcome else { panic!("{record:?}") };
    let text = |arn: Option<json::Text>| arn.map(|arn| arn.to_string());
    (output.text().to_string(), text(record.state_machine_version_arn), text(record.state_machine_alias_arn))
}

#[tokio::test]
async fn a_version_is_numbered_once_and_is_that_of_its_revision() {
    let world = World::new();
    let engine = world.open().await;
    let machine = two_versions(&engine).await;
    assert_eq!(publish(&engine, &machine).await.number, 2);
    engine.delete_version(&arn("stateMachine", "m:2")).await.unwrap();
    engine.delete_version(&arn("stateMachine", "m:2")).await.unwrap();
    drop(engine);
    let engine = world.open().await;
    assert_eq!(publish(&engine, &machine).await.number, 3);
    assert_eq!(numbers(&engine, &machine).await, [3, 1]);
    assert_eq!(&*engine.version(&arn("stateMachine", "m:1")).await.unwrap().state_machine.definition, ONE);
    assert_eq!(&*engine.version(&arn("stateMachine", "m:3")).await.unwrap().state_machine.definition, TWO);
    let gone = engine.version(&arn("stateMachine", "m:2")).await;
    assert!(matches!(gone, Err(Error::StateMachineDoesNotExist(_))), "{gone:?}");
}

#[tokio::test]
async fn a_revision_that_is_not_the_current_one_is_not_published() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", ONE).await;
    let publish = |revision: &str| engine.publish_version(&machine, Some(revision.into()), Publish::default());
    assert_eq!(publish("INITIAL").await.unwrap().number, 1);
    let updated = engine.update_state_machine(&machine, change(TWO)).await.unwrap();
    let current = updated.state_machine.revision_id.clone().unwrap();
    let refused = publish("INITIAL").await.unwrap_err();
    assert!(
        matches!(refused, Error::RevisionConflict { wanted, current: is } if &*wanted == "INITIAL" && is == current)
    );
    assert_eq!(publish(&current).await.unwrap().number, 2);
}

#[tokio::test]
async fn creating_again_asks_for_the_same_version() {
    let world = World::new();
    let engine = world.open().await;
    let new = |description: Option<&str>| {
        let publish = description.map(|description| Publish { description: Some(description.into()) });
        engine::NewStateMachine { publish, ..new_state_machine("m", ONE, StateMachineType::Standard) }
    };
    for _ in 0..2 {
        let created = engine.create_state_machine(new(Some("first"))).await.unwrap();
        assert_eq!(created.version_arn.as_deref(), Some("arn:aws:states:us-east-1:123456789012:stateMachine:m:1"));
    }
    for other in [None, Some("second")] {
        let refused = engine.create_state_machine(new(other)).await;
        assert!(matches!(refused, Err(Error::StateMachineAlreadyExists(_))), "{other:?}");
    }
}

#[tokio::test]
async fn versions_and_aliases_start_what_they_lead_to() {
    let world = World::new();
    let engine = world.open().await;
    let machine = two_versions(&engine).await.to_string();
    engine.create_alias(new_alias("m:old", &[(1, 100)])).await.unwrap();
    engine.create_alias(new_alias("m:shifted", &[(1, 0), (2, 100)])).await.unwrap();
    for restarted in [false, true] {
        let engine = if restarted { world.open().await } else { engine.clone() };
        let own = |number: u8| Some(format!("{machine}:{number}"));
        let alias = |name: &str| Some(format!("{machine}:{name}"));
        for (qualifier, output, version, by) in [
            ("", "2", None, None),
            (":1", "1", own(1), None),
            (":2", "2", own(2), None),
            (":old", "1", own(1), alias("old")),
            (":shifted", "2", own(2), alias("shifted")),
        ] {
            let name = format!("{}{restarted}", qualifier.replace(':', ""));
            let found = outcome(&engine, &format!("{machine}{qualifier}"), &name).await;
            assert_eq!(found, (output.to_owned(), version, by), "{qualifier}");
        }
    }
}

#[tokio::test]
async fn a_change_of_an_alias_is_seen_by_the_next_start() {
    let world = World::new();
    let engine = world.open().await;
    two_versions(&engine).await;
    let alias = arn("stateMachine", "m:live");
    engine.create_alias(new_alias("m:live", &[(1, 100)])).await.unwrap();
    assert_eq!(outcome(&engine, &alias.to_string(), "before").await.0, "1");
    world.clock.advance(Duration::from_millis(1_000));
    let shift = AliasChange { routes: Some(routes(&[(2, 100)])), ..AliasChange::default() };
    let shifted = engine.update_alias(&alias, shift.clone()).await.unwrap();
    assert_eq!((shifted.created_ms, shifted.updated_ms), (START_MS, START_MS + 1_000));
    assert_eq!(outcome(&engine, &alias.to_string(), "after").await.0, "2");
    world.clock.advance(Duration::from_millis(1_000));
    assert_eq!(engine.update_alias(&alias, shift).await.unwrap().updated_ms, START_MS + 1_000);
    engine.delete_alias(&alias).await.unwrap();
    engine.delete_alias(&alias).await.unwrap();
    let refused = engine.start_execution(start_of(&alias, "gone", "{}")).await;
    assert!(matches!(refused, Err(Error::StateMachineDoesNotExist(_))), "{refused:?}");
}

#[tokio::test]
async fn two_versions_share_the_executions_of_an_alias() {
    let world = World::new();
    let engine = world.open().await;
    two_versions(&engine).await;
    engine.create_alias(new_alias("m:split", &[(1, 90), (2, 10)])).await.unwrap();
    let split = arn("stateMachine", "m:split");
    let mut first = 0;
    for number in 0..1_000 {
        let started = engine.start_execution(start_of(&split, &number.to_string(), "{}")).await.unwrap();
        let record = engine.execution(&Arn::parse(&started.arn).unwrap()).await.unwrap();
        first += u32::from(record.state_machine_version_arn.as_deref().is_some_and(|arn| arn.ends_with(":1")));
    }
    // Ten standard deviations on each side.
    assert!((805..=995).contains(&first), "{first} of 1000 went to the version of weight 90");
}

#[tokio::test]
async fn a_version_that_an_alias_leads_to_stays() {
    let world = World::new();
    let engine = world.open().await;
    let machine = two_versions(&engine).await;
    for name in ["b", "a"] {
        engine.create_alias(new_alias(&format!("m:{name}"), &[(1, 50), (2, 50)])).await.unwrap();
        world.clock.advance(Duration::from_millis(1));
    }
    engine.create_alias(new_alias("m:c", &[(2, 100)])).await.unwrap();
    assert_eq!(aliases(&engine, &machine).await, ["b", "a", "c"]);
    assert_eq!(aliases(&engine, &arn("stateMachine", "m:1")).await, ["b", "a"]);
    let refused = engine.delete_version(&arn("stateMachine", "m:1")).await.unwrap_err();
    assert!(matches!(&refused, Error::VersionInUse(by) if by.iter().map(|name| &**name).eq(["b", "a"])), "{refused:?}");
    for name in ["a", "b"] {
        engine.delete_alias(&arn("stateMachine", &format!("m:{name}"))).await.unwrap();
    }
    engine.delete_version(&arn("stateMachine", "m:1")).await.unwrap();
    assert_eq!(numbers(&engine, &machine).await, [2]);
}

#[tokio::test]
async fn aliases_are_refused_where_they_lead_nowhere_or_are_too_many() {
    let mut world = World::new();
    world.options.limits.aliases_per_state_machine_max = 1;
    world.options.limits.versions_per_state_machine_max = 2;
    let engine = world.open().await;
    let machine = two_versions(&engine).await;
    let nowhere = engine.create_alias(new_alias("m:a", &[(7, 100)])).await;
    assert!(matches!(nowhere, Err(Error::ResourceNotFound(_))), "{nowhere:?}");
    let first = engine.create_alias(new_alias("m:a", &[(1, 100)])).await.unwrap();
    world.clock.advance(Duration::from_millis(5));
    let again = engine.create_alias(new_alias("m:a", &[(1, 100)])).await.unwrap();
    assert_eq!(first.created_ms, again.created_ms);
    let other = engine.create_alias(new_alias("m:a", &[(2, 100)])).await;
    assert!(matches!(other, Err(Error::AliasAlreadyExists)), "{other:?}");
    let second = engine.create_alias(new_alias("m:b", &[(1, 100)])).await;
    assert!(matches!(second, Err(Error::AliasLimitExceeded)), "{second:?}");
    engine.update_state_machine(&machine, change(WAITS)).await.unwrap();
    let third = engine.publish_version(&machine, None, Publish::default()).await;
    assert!(matches!(third, Err(Error::VersionLimitExceeded)), "{third:?}");
}

#[tokio::test]
async fn executions_are_listed_by_what_started_them_until_they_expire() {
    let world = World::new();
    let engine = world.open().await;
    let machine = two_versions(&engine).await;
    engine.create_alias(new_alias("m:live", &[(1, 100)])).await.unwrap();
    for (qualifier, name) in [("", "unqualified"), (":1", "version"), (":live", "alias"), (":2", "other")] {
        outcome(&engine, &format!("{machine}{qualifier}"), name).await;
        world.clock.advance(Duration::from_millis(1_000));
    }
    let listed = async |qualifier: &str| {
        let state_machine = Arn::parse(&format!("{machine}{qualifier}")).unwrap();
        let filter = ExecutionFilter { state_machine, status: None, is_pending_redrive: false, is_redriven: None };
        let page = Page { size: 10, after: None };
        let listed = engine.list_executions(filter, page).await.unwrap();
        listed.items.iter().map(|record| record.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ["other", "alias", "version", "unqualified"]);
    assert_eq!(listed(":1").await, ["alias", "version"]);
    assert_eq!(listed(":live").await, ["alias"]);
    world.clock.advance(Duration::from_secs(91 * 86_400));
    assert_eq!(engine.remove_expired().await.unwrap(), 4);
    for qualifier in ["", ":1", ":2", ":live"] {
        assert!(listed(qualifier).await.is_empty(), "{qualifier}");
    }
}

#[tokio::test]
async fn versions_and_aliases_go_with_their_state_machine() {
    let world = World::new();
    let engine = world.open().await;
    let machine = two_versions(&engine).await;
    engine.create_alias(new_alias("m:live", &[(1, 100)])).await.unwrap();
    outcome(&engine, &format!("{machine}:live"), "before").await;
    engine.delete_state_machine(&machine).await.unwrap();
    for qualifier in [":1", ":live"] {
        let qualified = Arn::parse(&format!("{machine}{qualifier}")).unwrap();
        let refused = engine.start_execution(start_of(&qualified, "after", "{}")).await;
        assert!(matches!(refused, Err(Error::StateMachineDoesNotExist(_))), "{qualifier} {refused:?}");
    }
    let created = create(&engine, "m", TWO).await;
    assert_eq!(numbers(&engine, &created).await, [0; 0]);
    assert_eq!(aliases(&engine, &created).await, [""; 0]);
    assert_eq!(publish(&engine, &created).await.number, 1);
}

#[tokio::test]
async fn a_version_keeps_its_revision_until_it_is_deleted() {
    let world = World::new();
    let engine = world.open().await;
    two_versions(&engine).await;
    let two_days = Duration::from_hours(48);
    world.clock.advance(two_days);
    assert_eq!(engine.remove_unused_revisions().await.unwrap(), 0);
    drop(engine);
    let engine = world.open().await;
    let first = arn("stateMachine", "m:1");
    assert_eq!(&*engine.version(&first).await.unwrap().state_machine.definition, ONE);
    engine.delete_version(&first).await.unwrap();
    assert_eq!(engine.remove_unused_revisions().await.unwrap(), 0, "a start by it may be on its way");
    world.clock.advance(two_days);
    assert_eq!(engine.remove_unused_revisions().await.unwrap(), 1);
    assert_eq!(&*engine.version(&arn("stateMachine", "m:2")).await.unwrap().state_machine.definition, TWO);
}

#[tokio::test]
async fn versions_that_are_published_at_once_have_one_number_per_revision() {
    let world = World::new();
    let engine = world.open().await;
    let machine = create(&engine, "m", ONE).await;
    let publish = || engine.publish_version(&machine, None, Publish::default());
    let (first, second, updated, third) =
        tokio::join!(publish(), publish(), engine.update_state_machine(&machine, change(TWO)), publish());
    updated.unwrap();
    let found = [first, second, third].map(|version| version.unwrap().number);
    assert_eq!(found, [1, 1, 2]);
    assert_eq!(numbers(&engine, &machine).await, [2, 1]);
}
