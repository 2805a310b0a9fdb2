//! Every way in which one member of one request can be wrong, made from the service model: each is refused in AWS's
//! words and has no effect. Then pairs of them.

use crate::support::{self, ask};
use api::Api;
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;

const MODEL: &str = include_str!("../../model/stepfunctions-2016-11-23.json");
/// Requests with one fault.
const SINGLES: usize = 1_286;
/// Requests with two faults.
const PAIRS: usize = 2_000;

/// A step from the outside of an input to one of its values.
#[derive(Clone, Debug, PartialEq)]
enum Key {
    Member(String),
    /// The first element of a list.
    Element,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
struct Fault {
    at: Vec<Key>,
    /// What stands there; `None`: it is left out.
    value: Option<Value>,
    refusal: Refusal,
}

#[derive(Clone, Debug)]
enum Refusal {
    /// A constraint: what the message says of it.
    Violation(String),
    /// Another type than the one that is wanted.
    Unreadable,
    /// The value alone is larger than a request may be.
    TooLarge,
}

/// The service model.
struct Model(Value);

impl Model {
    fn read() -> Model {
        Model(serde_json::from_str(MODEL).unwrap())
    }

    fn operations(&self) -> Vec<(String, String)> {
        let operations = self.0["operations"].as_object().unwrap();
        operations.iter().map(|(name, of)| (name.clone(), of["input"]["shape"].as_str().unwrap().to_owned())).collect()
    }

    fn shape(&self, name: &str) -> &Value {
        &self.0["shapes"][name]
    }

    fn members(&self, structure: &str) -> Vec<(String, String, bool)> {
        let shape = self.shape(structure);
        let required = shape["required"].as_array().cloned().unwrap_or_default();
        let member = |(name, of): (&String, &Value)| {
            (name.clone(), of["shape"].as_str().unwrap().to_owned(), required.contains(&json!(name)))
        };
        shape["members"].as_object().unwrap().iter().map(member).collect()
    }

    fn element(&self, list: &str) -> String {
        self.shape(list)["member"]["shape"].as_str().unwrap().to_owned()
    }

    /// A value that violates nothing, with all optional members.
    fn sample(&self, name: &str) -> Value {
        let shape = self.shape(name);
        match shape["type"].as_str().unwrap() {
            "string" => shape["enum"].get(0).cloned().unwrap_or_else(|| json!("a")),
            "boolean" => json!(true),
            "integer" | "long" | "float" => json!(shape["min"].as_i64().unwrap_or(1)),
            "list" => json!([self.sample(&self.element(name))]),
            "structure" => {
                let members = self.members(name);
                Value::Object(members.into_iter().map(|(name, of, _)| (name, self.sample(&of))).collect())
            }
            other => panic!("{name} is a {other}"),
        }
    }

    fn faults(&self, structure: &str, at: &[Key], faults: &mut Vec<Fault>) {
        for (name, of, required) in self.members(structure) {
            let at: Vec<Key> = at.iter().cloned().chain([Key::Member(name)]).collect();
            if required {
                let refusal = Refusal::Violation("Member must not be null".to_owned());
                faults.push(Fault { at: at.clone(), value: None, refusal: refusal.clone() });
                faults.push(Fault { at: at.clone(), value: Some(Value::Null), refusal });
            }
            self.faults_of(&of, &at, faults);
        }
    }

    /// What a value of the shape cannot be.
    fn faults_of(&self, name: &str, at: &[Key], faults: &mut Vec<Fault>) {
        let shape = self.shape(name);
        let kind = shape["type"].as_str().unwrap();
        let mut push = |value, refusal| faults.push(Fault { at: at.to_vec(), value: Some(value), refusal });
        for (of, value) in [
            ("string", json!("text")),
            ("boolean", json!(true)),
            ("number", json!(5)),
            ("number", json!(1.5)),
            ("number", json!(1e300)),
            ("list", json!([])),
            ("structure", json!({})),
        ] {
            let is_integer = matches!(kind, "integer" | "long");
            let fits = of == kind || (of == "number" && kind == "float") || (is_integer && value == json!(5));
            if !fits {
                push(value, Refusal::Unreadable);
            }
        }
        for (value, constraint) in violations(kind, shape, || self.sample(name)) {
            let is_too_large = value.as_str().is_some_and(|text| text.len() > 1_000_000);
            push(value, if is_too_large { Refusal::TooLarge } else { Refusal::Violation(constraint) });
        }
        match kind {
            "structure" => self.faults(name, at, faults),
            "list" => {
                let at: Vec<Key> = at.iter().cloned().chain([Key::Element]).collect();
                let refusal = Refusal::Violation("Member must not be null".to_owned());
                faults.push(Fault { at: at.clone(), value: Some(Value::Null), refusal });
                self.faults_of(&self.element(name), &at, faults);
            }
            _ => {}
        }
    }
}

/// Values of the right type that violate a constraint, and its words.
fn violations(kind: &str, shape: &Value, sample: impl Fn() -> Value) -> Vec<(Value, String)> {
    let (min, max) = (shape["min"].as_i64(), shape["max"].as_i64());
    let length = |word: &str, bound: i64| format!("Member must have length {word} than or equal to {bound}");
    let size = |word: &str, bound: i64| format!("Member must have value {word} than or equal to {bound}");
    let count = |bound: i64| usize::try_from(bound).unwrap();
    let mut found = Vec::new();
    match kind {
        "string" if shape["enum"].is_array() => {
            found.push((json!("NONSENSE"), "Member must satisfy enum value set: [".to_owned()));
            found.push((json!(""), "Member must satisfy enum value set: [".to_owned()));
        }
        "string" => {
            found.extend(max.map(|max| (json!("a".repeat(count(max) + 1)), length("less", max))));
            found.extend(min.filter(|min| *min > 0).map(|min| (json!(""), length("greater", min))));
            if let Some(pattern) = shape["pattern"].as_str() {
                found.push((json!("é"), format!("Member must satisfy regular expression pattern: {pattern}")));
            }
        }
        "integer" | "long" | "float" => {
            found.extend(min.map(|min| (json!(min - 1), size("greater", min))));
            found.extend(max.map(|max| (json!(max + 1), size("less", max))));
        }
        "list" => {
            found.extend(min.filter(|min| *min > 0).map(|min| (json!([]), length("greater", min))));
            let many = |max: i64| vec![sample()[0].clone(); count(max) + 1];
            found.extend(max.map(|max| (json!(many(max)), length("less", max))));
        }
        _ => {}
    }
    found
}

/// `tags.1.member.key`
fn path(at: &[Key]) -> String {
    let step = |key: &Key| match key {
        Key::Member(name) => name.clone(),
        Key::Element => "1.member".to_owned(),
    };
    at.iter().map(step).collect::<Vec<_>>().join(".")
}

fn apply(input: &mut Value, fault: &Fault) {
    let (last, outer) = fault.at.split_last().unwrap();
    let mut place = input;
    for key in outer {
        place = match key {
            Key::Member(name) => &mut place[name],
            Key::Element => &mut place[0],
        };
    }
    match (last, &fault.value) {
        (Key::Member(name), None) => {
            place.as_object_mut().unwrap().remove(name);
        }
        (Key::Member(name), Some(value)) => place[name] = value.clone(),
        (Key::Element, value) => place[0] = value.clone().unwrap_or_default(),
    }
}

async fn check(api: &Api, operation: &str, sample: &Value, faults: &[&Fault]) {
    let mut input = sample.clone();
    faults.iter().for_each(|fault| apply(&mut input, fault));
    let told = faults.iter().map(|fault| format!("{} {:?}", path(&fault.at), fault.refusal)).collect::<Vec<_>>();
    let response = support::send(api, operation, input.to_string()).await;
    assert_eq!(response.status(), 400, "{operation} {told:?}");
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap();
    let (code, message) = (body["__type"].as_str().unwrap(), body["message"].as_str().unwrap());
    let shown: String = message.chars().take(400).collect();
    if faults.iter().any(|fault| matches!(fault.refusal, Refusal::TooLarge)) {
        return assert_eq!(code, "RequestEntityTooLargeException", "{operation} {told:?}");
    }
    if faults.iter().any(|fault| matches!(fault.refusal, Refusal::Unreadable)) {
        return assert_eq!(code, "SerializationException", "{operation} {told:?}: {shown}");
    }
    assert_eq!(code, "ValidationException", "{operation} {told:?}: {shown}");
    // One value may violate two constraints: an empty name is too short and does not match its pattern.
    let count = message.matches(" failed to satisfy constraint: ").count();
    assert!(count >= faults.len(), "{operation} {told:?}: {shown}");
    let begin = format!("{count} validation {} detected: Value ", if count == 1 { "error" } else { "errors" });
    assert!(message.starts_with(&begin), "{operation} {told:?}: {shown}");
    for fault in faults {
        let Refusal::Violation(constraint) = &fault.refusal else { continue };
        let part = format!("at '{}' failed to satisfy constraint: {constraint}", path(&fault.at));
        assert!(message.contains(&part), "{operation} {told:?}: {shown}");
    }
}

/// Numbers that look random and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// The faults of each operation.
fn all_faults() -> Vec<(String, Value, Vec<Fault>)> {
    let model = Model::read();
    let mut all = Vec::new();
    for (operation, input) in model.operations() {
        let mut faults = Vec::new();
        model.faults(&input, &[], &mut faults);
        all.push((operation, model.sample(&input), faults));
    }
    all
}

#[tokio::test]
async fn a_request_with_one_fault_or_two_is_refused_and_has_no_effect() {
    let (api, commits) = support::counted_api().await;
    ask(&api, "CreateActivity", r#"{"name": "a"}"#).await;
    let all = all_faults();
    let before = (commits.load(Ordering::SeqCst), ask(&api, "ListActivities", "{}").await);
    let mut singles = 0;
    for (operation, sample, faults) in &all {
        for fault in faults {
            check(&api, operation, sample, &[fault]).await;
            singles += 1;
        }
    }
    assert_eq!(singles, SINGLES, "as many as the service model makes");
    let mut draw = Draw(7);
    for _ in 0..PAIRS {
        let (operation, sample, faults) = &all[draw.below(all.len())];
        if faults.len() < 2 {
            continue;
        }
        let (one, other) = (&faults[draw.below(faults.len())], &faults[draw.below(faults.len())]);
        if !one.at.starts_with(&other.at) && !other.at.starts_with(&one.at) {
            check(&api, operation, sample, &[one, other]).await;
        }
    }
    assert_eq!((commits.load(Ordering::SeqCst), ask(&api, "ListActivities", "{}").await), before);
}
