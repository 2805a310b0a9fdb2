//! Versions and aliases against a model of them: whatever is asked, in whatever order, and through restarts, the engine
//! answers as a few maps in memory do.

use crate::support::*;
use asl::{Arn, StateMachineType};
use engine::{AliasChange, Engine, Error, NewAlias, Page, Publish, Route, StateMachineChange};
use std::collections::BTreeMap;

const STEPS: usize = 120;
const NAMES: [&str; 3] = ["a", "b", "c"];

fn definition(result: u64) -> String {
    format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Pass","Result":{result},"End":true}}}}}}"#)
}

/// What there should be.
#[derive(Default)]
struct Model {
    /// What the state machine, as it is now, gives.
    result: u64,
    last: u64,
    /// The version of the state machine as it is now.
    current: Option<u64>,
    /// What each version gives.
    versions: BTreeMap<u64, u64>,
    aliases: BTreeMap<&'static str, u64>,
}

/// Numbers that look random and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn name(&mut self) -> &'static str {
        NAMES.get(usize::try_from(self.below(3)).unwrap()).unwrap()
    }
}

/// How a call is refused; `None` if it is not.
fn refusal<T>(answer: Result<T, Error>) -> Option<&'static str> {
    answer.err().map(|error| match error {
        Error::VersionInUse(_) => "in use",
        Error::ResourceNotFound(_) => "not found",
        Error::AliasAlreadyExists => "exists",
        Error::StateMachineDoesNotExist(_) => "no state machine",
        other => panic!("{other:?}"),
    })
}

fn to(version: u64) -> Vec<Route> {
    vec![Route { version, weight: 100 }]
}

fn qualified(qualifier: &str) -> Arn {
    arn("stateMachine", &format!("m:{qualifier}"))
}

impl Model {
    async fn update(&mut self, engine: &Engine) {
        self.result += 1;
        self.current = None;
        let text = definition(self.result);
        let parsed = asl::parse(&text, StateMachineType::Standard, &asl::Limits::default()).state_machine.unwrap();
        let change = StateMachineChange { definition: Some((text.into(), parsed.into())), ..Default::default() };
        engine.update_state_machine(&arn("stateMachine", "m"), change).await.unwrap();
    }

    async fn publish(&mut self, engine: &Engine) {
        let number = self.current.unwrap_or(self.last + 1);
        self.last = self.last.max(number);
        self.current = Some(number);
        self.versions.entry(number).or_insert(self.result);
        let found = engine.publish_version(&arn("stateMachine", "m"), None, Publish::default()).await.unwrap();
        assert_eq!(found.number, number);
    }

    async fn delete_version(&mut self, engine: &Engine, number: u64) {
        let is_used = self.aliases.values().any(|version| *version == number);
        if !is_used {
            self.versions.remove(&number);
            self.current = self.current.filter(|current| *current != number);
        }
        let answer = engine.delete_version(&qualified(&number.to_string())).await;
        assert_eq!(refusal(answer), is_used.then_some("in use"));
    }

    async fn create_alias(&mut self, engine: &Engine, name: &'static str, version: u64) {
        let expected = match self.aliases.get(name) {
            _ if !self.versions.contains_key(&version) => Some("not found"),
            Some(earlier) if *earlier != version => Some("exists"),
            _ => None,
        };
        if expected.is_none() {
            self.aliases.insert(name, version);
        }
        let new = NewAlias { arn: qualified(name), description: None, routes: to(version) };
        assert_eq!(refusal(engine.create_alias(new).await), expected);
    }

    async fn update_alias(&mut self, engine: &Engine, name: &'static str, version: u64) {
        let is_there = self.aliases.contains_key(name) && self.versions.contains_key(&version);
        if is_there {
            self.aliases.insert(name, version);
        }
        let change = AliasChange { description: None, routes: Some(to(version)) };
        let answer = engine.update_alias(&qualified(name), change).await;
        assert_eq!(refusal(answer), (!is_there).then_some("not found"));
    }

    async fn delete_alias(&mut self, engine: &Engine, name: &'static str) {
        self.aliases.remove(name);
        engine.delete_alias(&qualified(name)).await.unwrap();
    }

    /// Every version and alias is listed and starts what it should; what is not there starts nothing.
    async fn check(&self, engine: &Engine, step: usize) {
        let machine = arn("stateMachine", "m");
        let page = || Page { size: 1_000, after: None };
        let listed = engine.list_versions(&machine, page()).await.unwrap().items;
        assert!(listed.iter().map(|version| version.number).eq(self.versions.keys().rev().copied()), "{listed:?}");
        let mut listed = engine.list_aliases(&machine, page()).await.unwrap().items;
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        assert!(listed.iter().map(|alias| &*alias.name).eq(self.aliases.keys().copied()), "{listed:?}");
        let versions = (1..=self.last + 1).map(|number| (number.to_string(), Some(number)));
        let aliases = NAMES.iter().map(|name| ((*name).to_owned(), self.aliases.get(name).copied()));
        for (qualifier, version) in versions.chain(aliases) {
            let result = version.and_then(|version| self.versions.get(&version));
            let start = start_of(&qualified(&qualifier), &format!("{step}-{qualifier}"), "{}");
            let started = engine.start_execution(start).await;
            let Some(result) = result else {
                assert_eq!(refusal(started), Some("no state machine"), "{qualifier}");
                continue;
            };
            let record = engine.wait_until_closed(&Arn::parse(&started.unwrap().arn).unwrap()).await.unwrap();
            let Some(machine::Outcome::Succeeded { output }) = record.outcome else { panic!("{qualifier}") };
            assert_eq!(output.text().to_string(), result.to_string(), "{qualifier}");
        }
    }
}

async fn check_life(seed: u64) {
    let (world, mut draw, mut model) = (World::new(), Draw(seed), Model::default());
    let mut engine = world.open().await;
    create(&engine, "m", &definition(0)).await;
    for step in 0..STEPS {
        let version = 1 + draw.below(model.last + 1);
        match draw.below(8) {
            0 | 1 => model.update(&engine).await,
            2 | 3 => model.publish(&engine).await,
            4 => model.delete_version(&engine, version).await,
            5 => model.create_alias(&engine, draw.name(), version).await,
            6 => model.update_alias(&engine, draw.name(), version).await,
            _ if draw.below(2) == 0 => model.delete_alias(&engine, draw.name()).await,
            _ => {
                drop(engine);
                engine = world.open().await;
            }
        }
        model.check(&engine, step).await;
    }
}

#[tokio::test]
async fn versions_and_aliases_are_as_a_model_says() {
    for seed in 1..=8 {
        check_life(seed).await;
    }
}
