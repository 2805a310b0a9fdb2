//! Compares a history with a recorded one in which what changes from recording to recording is a placeholder.

use regex::Regex;
use serde_json::{Map, Value};

/// `Err` says where they differ first.
pub fn histories(produced: &[Value], recorded: &[Value], placeholders: &[String]) -> Result<(), String> {
    let words = Placeholders::new(placeholders);
    let mut rest = produced.to_vec();
    // Order and ids of events inside a Parallel were not recorded: there any event may stand for another.
    let mut inside = 0;
    for (index, expected) in recorded.iter().enumerate() {
        if expected["id"].is_array() {
            let until = rest.iter().position(|event| event["type"] == "ParallelStateStarted" || is_end(event));
            let found = rest
                .iter()
                .take(until.unwrap_or(0))
                .position(|event| words.difference(event, expected, true).is_none());
            let Some(found) = found else { return Err(format!("lacks {expected} among {rest:#?}")) };
            rest.remove(found);
            inside += 1;
            continue;
        }
        // The join itself is lost in the recording as well.
        if inside > 0 && rest.first().is_some_and(|event| is_end(event) && event["type"] != expected["type"]) {
            rest.remove(0);
        }
        inside = 0;
        if rest.is_empty() {
            return Err(format!("ends before event {index}: {expected}"));
        }
        let event = rest.remove(0);
        if let Some(difference) = words.difference(&event, expected, false) {
            return Err(format!("event {index}{difference}\n     got {event}\n  wanted {expected}"));
        }
    }
    rest.first().map_or(Ok(()), |event| Err(format!("has {event} beside what was recorded")))
}

fn is_end(event: &Value) -> bool {
    matches!(event["type"].as_str(), Some("ParallelStateSucceeded" | "ParallelStateFailed" | "ParallelStateExited"))
}

pub struct Placeholders {
    pattern: Regex,
}

impl Placeholders {
    pub fn new(words: &[String]) -> Placeholders {
        let mut alternatives = vec!["<[^<>]*(<[^<>]+>[^<>]*)?>".to_owned()];
        alternatives.extend(words.iter().map(|word| regex::escape(word)));
        Placeholders { pattern: Regex::new(&alternatives.join("|")).unwrap() }
    }

    /// Whether two texts are the same, as JSON where they are JSON.
    pub fn are_alike(&self, expected: &str, found: &str) -> bool {
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        let text = |text: &str| Value::from(text);
        let (expected, found) = match (parse(expected), parse(found)) {
            (Some(expected), Some(found)) => (expected, found),
            (Some(expected), None) => (expected, text(found)),
            _ => (text(expected), text(found)),
        };
        self.difference(&expected, &found, false).is_none()
    }

    /// Where the values differ and how; `None` if they do not.
    fn difference(&self, produced: &Value, recorded: &Value, ignore_ids: bool) -> Option<String> {
        match (produced, recorded) {
            (Value::Object(produced), Value::Object(recorded)) => self.of_objects(produced, recorded, ignore_ids),
            (Value::Array(produced), Value::Array(recorded)) if produced.len() == recorded.len() => {
                let mut pairs = produced.iter().zip(recorded).enumerate();
                pairs.find_map(|(index, (a, b))| Some(format!("/{index}{}", self.difference(a, b, false)?)))
            }
            (Value::String(produced), Value::String(recorded)) if self.is_text(produced, recorded) => None,
            // A placeholder may stand for a value of any kind.
            (_, Value::String(recorded)) if self.is_placeholder(recorded) => None,
            // Text of JSON may have been parsed when it was recorded.
            (Value::String(text), _) if !recorded.is_string() => match serde_json::from_str(text) {
                Ok(parsed) => self.difference(&parsed, recorded, false),
                Err(_) => Some(format!(": `{text}` is not JSON")),
            },
            _ if produced == recorded => None,
            _ => Some(format!(": {produced} instead of {recorded}")),
        }
    }

    fn of_objects(
        &self,
        produced: &Map<String, Value>,
        recorded: &Map<String, Value>,
        ignore_ids: bool,
    ) -> Option<String> {
        let is_counted = |name: &&String| !ignore_ids || !matches!(name.as_str(), "id" | "previousEventId");
        // An empty details member is as good as none.
        let is_extra = |name: &&String| !recorded.contains_key(*name) && produced[*name] != Value::Object(Map::new());
        if let Some(name) = produced.keys().find(is_extra) {
            return Some(format!("/{name}: should not be there"));
        }
        recorded.keys().filter(is_counted).find_map(|name| match produced.get(name) {
            None if recorded[name] == Value::Object(Map::new()) => None,
            None => Some(format!("/{name}: is missing")),
            Some(value) => Some(format!("/{name}{}", self.difference(value, &recorded[name], false)?)),
        })
    }

    fn is_placeholder(&self, recorded: &str) -> bool {
        self.pattern.find(recorded).is_some_and(|found| found.len() == recorded.len())
    }

    fn is_text(&self, produced: &str, recorded: &str) -> bool {
        if produced == recorded || self.fits(produced, recorded) {
            return true;
        }
        // Spaces in JSON inside JSON depend on who wrote it.
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
        parse(produced).zip(parse(recorded)).is_some_and(|(a, b)| self.difference(&a, &b, false).is_none())
    }

    fn fits(&self, produced: &str, recorded: &str) -> bool {
        let pieces: Vec<String> = self.pattern.split(recorded).map(regex::escape).collect();
        pieces.len() > 1 && Regex::new(&format!("^{}$", pieces.join("(?s:.+)"))).unwrap().is_match(produced)
    }
}
