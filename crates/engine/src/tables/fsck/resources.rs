//! State machines with their revisions, versions and aliases; activities, tags, names.

use super::Walk;
use crate::{
    AliasRecord, StateMachineRecord, VersionRecord,
    definitions::Definition,
    model::ActivityRecord,
    tables::{
        ACTIVITIES, ALIASES, ASIDE, Aside, DELETING, META, NAMES, REVISIONS, RevisionKey, STATE_MACHINES, SUPERSEDED,
        Superseded, TAGS, VERSIONS, digest, reads::bytes,
    },
};
use json::Text;
use std::collections::HashMap;

impl Walk<'_> {
    pub(super) fn resources(&mut self) {
        self.meta();
        self.revisions();
        self.state_machines();
        self.qualifiers();
        self.each(DELETING, &[], |walk, at, _| {
            if !walk.has(STATE_MACHINES, at) {
                walk.damage(DELETING, at, None, "a state machine is deleted that is not there");
            }
        });
        self.each(ACTIVITIES, &[], |walk, at, value| {
            if let Some(record) = walk.read::<ActivityRecord>(ACTIVITIES, at, value)
                && record.arn.as_bytes() != at
            {
                walk.damage(ACTIVITIES, at, Some(&record.arn), "it is stored under another ARN");
            }
        });
        self.each(TAGS, &[], |walk, at, value| {
            walk.decodes::<Vec<(String, String)>>(TAGS, at, value);
            if !walk.has(STATE_MACHINES, at) && !walk.has(ACTIVITIES, at) {
                walk.damage(TAGS, at, None, "these are the tags of nothing");
            }
        });
        self.each(NAMES, &[], |walk, at, value| {
            walk.decodes::<i64>(NAMES, at, value);
        });
        self.each(ASIDE, &[], |walk, at, value| {
            if let Err(error) = Aside::read(value) {
                walk.damage(ASIDE, at, None, error.to_string());
            }
        });
    }

    fn meta(&mut self) {
        self.each(META, &[], |walk, at, value| {
            let is_key = walk.read::<Vec<u8>>(META, at, value).is_none_or(|key| key.len() == 32);
            if at == b"token_key" && !is_key {
                walk.damage(META, at, None, "the key that seals task tokens is damaged");
            }
        });
    }

    fn revisions(&mut self) {
        self.each(REVISIONS, &[], |walk, at, value| {
            let Ok(key) = bytes(REVISIONS, at, 0).map(RevisionKey) else {
                return walk.damage(REVISIONS, at, None, "this is no key of a revision");
            };
            walk.revisions.insert(key, None);
            let Some(record) = walk.read::<StateMachineRecord>(REVISIONS, at, value) else { return };
            let arn = record.arn.clone();
            if record.revision.is_some_and(|named| named != key) {
                walk.damage(REVISIONS, at, Some(&arn), "it is stored under another name");
            }
            match Definition::read(key, record) {
                Ok(definition) => drop(walk.revisions.insert(key, Some(definition.parsed))),
                Err(error) => walk.damage(REVISIONS, at, Some(&arn), error.to_string()),
            }
        });
        self.each(SUPERSEDED, &[], |walk, at, value| {
            walk.decodes::<Superseded>(SUPERSEDED, at, value);
            if !bytes(SUPERSEDED, at, 16).is_ok_and(|key| walk.revisions.contains_key(&RevisionKey(key))) {
                walk.damage(SUPERSEDED, at, None, "a revision is superseded that is not there");
            }
        });
    }

    fn state_machines(&mut self) {
        self.each(STATE_MACHINES, &[], |walk, at, value| {
            walk.checked.state_machines += 1;
            let Some(record) = walk.read::<StateMachineRecord>(STATE_MACHINES, at, value) else { return };
            let arn = Some(&*record.arn);
            if record.arn.as_bytes() != at {
                walk.damage(STATE_MACHINES, at, arn, "it is stored under another ARN");
            }
            if record.revision.is_some_and(|revision| !walk.revisions.contains_key(&revision)) {
                walk.damage(STATE_MACHINES, at, arn, "its revision is missing");
            }
            if walk.has(DELETING, at) != record.deleting {
                walk.damage(DELETING, at, arn, "its record and the list of deletions disagree");
            }
        });
    }

    /// Versions name revisions, aliases versions; both belong to a state machine.
    fn qualifiers(&mut self) {
        let mut machines: HashMap<[u8; 16], Text> = HashMap::new();
        self.each(STATE_MACHINES, &[], |_, at, _| {
            machines.insert(digest(at), String::from_utf8_lossy(at).as_ref().into());
        });
        let machine = |at: &[u8]| at.first_chunk::<16>().and_then(|machine| machines.get(machine).cloned());
        self.each(VERSIONS, &[], |walk, at, value| {
            let Some(arn) = machine(at) else {
                return walk.damage(VERSIONS, at, None, "it belongs to no state machine");
            };
            if at.len() == 16 {
                walk.decodes::<u64>(VERSIONS, at, value);
                return;
            }
            if let Some(version) = walk.read::<VersionRecord>(VERSIONS, at, value)
                && !walk.revisions.contains_key(&version.revision)
            {
                walk.damage(VERSIONS, at, Some(&arn), "the revision of a version is missing");
            }
        });
        self.each(ALIASES, &[], |walk, at, value| {
            let Some(arn) = machine(at) else {
                return walk.damage(ALIASES, at, None, "it belongs to no state machine");
            };
            let Some(alias) = walk.read::<AliasRecord>(ALIASES, at, value) else { return };
            for route in alias.routes {
                if !matches!(walk.tables.version(&arn, route.version), Ok(Some(_))) {
                    walk.damage(
                        ALIASES,
                        at,
                        Some(&arn),
                        format!("it leads to version {}, which is missing", route.version),
                    );
                }
            }
        });
    }
}
