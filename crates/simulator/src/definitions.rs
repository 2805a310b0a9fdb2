//! Random definitions and inputs: every state type, both query languages, both types of state machine.
//!
//! The states of one level are a chain, and Choice and Catch lead only further down it: so every execution ends when its
//! tasks are answered. What goes through a chain is an object with a number, an array and a text, and what states add.

use crate::random::Random;
use asl::StateMachineType;
use serde_json::{Map, Value, json};

/// The activities that definitions name.
pub const ACTIVITIES: [&str; 2] = ["left", "right"];
/// Every resource is in it.
pub const SCOPE: &str = "arn:aws:states:us-east-1:123456789012";

/// How far Parallel and Map are nested.
const DEPTH_MAX: usize = 2;

/// What a definition may be made of.
#[derive(Clone, Copy, Debug)]
pub struct Ingredients {
    pub state_machine_type: StateMachineType,
    pub is_jsonata: bool,
    /// Tasks that call out.
    pub has_tasks: bool,
    pub has_map_runs: bool,
    /// Waits and timeouts are up to so long.
    pub seconds_max: i64,
}

/// The text of a definition.
pub fn definition(random: &mut Random, ingredients: Ingredients) -> String {
    let mut writer = Writer { random, ingredients, names: 0 };
    let Value::Object(mut top) = writer.chain(0) else { return String::new() };
    if ingredients.is_jsonata {
        top.insert("QueryLanguage".into(), json!("JSONata"));
    }
    if writer.random.per_mille(200) {
        top.insert("TimeoutSeconds".into(), json!(writer.random.between(1, ingredients.seconds_max * 4)));
    }
    Value::Object(top).to_string()
}

/// The text of an input with so many items at most, and with a text of about so many bytes if that is not 0.
pub fn input(random: &mut Random, items_max: i64, text_max: i64) -> String {
    let items: Vec<i64> = (0..random.magnitude(items_max)).collect();
    let (n, word) = (random.between(0, 5), random.word(&["", "a", "longer text"]));
    let times = if text_max == 0 { 1 } else { 1 + random.magnitude(text_max) / 10 };
    json!({"n": n, "items": items, "text": word.repeat(usize::try_from(times).unwrap_or(1))}).to_string()
}

struct Writer<'r> {
    random: &'r mut Random,
    ingredients: Ingredients,
    names: usize,
}

impl Writer<'_> {
    fn chain(&mut self, depth: usize) -> Value {
        let count = 1 + self.random.below(if depth == 0 { 6 } else { 3 });
        let names: Vec<String> = (0..count).map(|_| self.name()).collect();
        let mut states = Map::new();
        for (at, name) in names.iter().enumerate() {
            let later = names.get(at + 1..).unwrap_or_default();
            let state = self.state(name, depth, later);
            states.insert(name.clone(), state);
        }
        json!({"StartAt": names.first(), "States": states})
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("S{}", self.names)
    }

    fn state(&mut self, name: &str, depth: usize, later: &[String]) -> Value {
        let is_nested = depth < DEPTH_MAX;
        let has_tasks = self.ingredients.has_tasks;
        let mut state = match self.random.below(16) {
            0..=2 if has_tasks => self.task(later),
            3 if has_tasks && self.is_standard() => self.activity(later),
            4 if has_tasks && self.is_standard() => self.waiting_task(later),
            5 | 6 if is_nested => self.parallel(depth, later),
            7 | 8 if is_nested => self.map(depth, later),
            9 if is_nested && depth == 0 && self.ingredients.has_map_runs => self.map_run(name, depth, later),
            10 | 11 => self.wait(),
            12 | 13 if !later.is_empty() => return self.choice(later),
            14 if later.is_empty() => return self.last(),
            _ => self.pass(name),
        };
        lead_on(&mut state, later);
        state
    }

    fn is_standard(&self) -> bool {
        self.ingredients.state_machine_type == StateMachineType::Standard
    }

    fn is_jsonata(&self) -> bool {
        self.ingredients.is_jsonata
    }

    fn last(&mut self) -> Value {
        if self.random.per_mille(600) {
            json!({"Type": "Succeed"})
        } else {
            json!({"Type": "Fail", "Error": "Told", "Cause": "the definition says so"})
        }
    }

    fn pass(&mut self, name: &str) -> Value {
        let seen = format!("seen_{name}");
        if self.is_jsonata() {
            return json!({"Type": "Pass", "Output": "{% $merge([$states.input, {'n': $states.input.n + 1}]) %}",
                "Assign": {seen: "{% $states.input.n %}"}});
        }
        match self.random.below(3) {
            0 => json!({"Type": "Pass", "Result": {"made": self.random.below(9)}, "ResultPath": "$.r"}),
            1 => json!({"Type": "Pass", "Assign": {format!("{seen}.$"): "$.n"}}),
            _ => json!({"Type": "Pass", "Parameters":
                {"n.$": "States.MathAdd($.n, 1)", "items.$": "$.items", "text.$": "States.Format('{}', $.text)"}}),
        }
    }

    fn choice(&mut self, later: &[String]) -> Value {
        let than = self.random.between(0, 6);
        let (next, default) = (self.one_of(later), later.first());
        let rule = if self.is_jsonata() {
            json!({"Condition": format!("{{% $states.input.n > {than} %}}"), "Next": next})
        } else {
            json!({"Variable": "$.n", "NumericGreaterThan": than, "Next": next})
        };
        json!({"Type": "Choice", "Choices": [rule], "Default": default})
    }

    fn one_of(&mut self, names: &[String]) -> String {
        self.random.of(names).cloned().unwrap_or_default()
    }

    fn wait(&mut self) -> Value {
        match (self.random.below(3), self.is_jsonata()) {
            (0, true) => json!({"Type": "Wait", "Seconds": "{% $states.input.n %}"}),
            (0, false) => json!({"Type": "Wait", "SecondsPath": "$.n"}),
            (1, _) => json!({"Type": "Wait", "Timestamp": "2023-11-14T23:13:20Z"}),
            _ => json!({"Type": "Wait", "Seconds": self.seconds()}),
        }
    }

    fn seconds(&mut self) -> i64 {
        self.random.magnitude(self.ingredients.seconds_max)
    }

    fn parallel(&mut self, depth: usize, later: &[String]) -> Value {
        let branches: Vec<Value> = (0..=self.random.below(3)).map(|_| self.chain(depth + 1)).collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches});
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    fn map(&mut self, depth: usize, later: &[String]) -> Value {
        let mut state =
            json!({"Type": "Map", "MaxConcurrency": self.random.below(5), "ItemProcessor": self.chain(depth + 1)});
        self.select_items(&mut state);
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    fn map_run(&mut self, name: &str, depth: usize, later: &[String]) -> Value {
        let mut processor = self.children(depth);
        let execution_type = if self.random.per_mille(500) { "STANDARD" } else { "EXPRESS" };
        let config = json!({"Mode": "DISTRIBUTED", "ExecutionType": execution_type});
        set(&mut processor, "ProcessorConfig", config);
        let mut state = json!({"Type": "Map", "Label": name,
            "MaxConcurrency": 1 + self.random.below(4), "ItemProcessor": processor});
        self.select_items(&mut state);
        if self.random.per_mille(300) {
            set(&mut state, "ToleratedFailurePercentage", json!(self.random.between(0, 100)));
        }
        if self.random.per_mille(300) {
            set(&mut state, "ItemBatcher", json!({"MaxItemsPerBatch": 1 + self.random.below(4)}));
        }
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    /// What children run. They may be Express, and a batch of items is not what a chain expects: so they only call out,
    /// wait and pass on.
    fn children(&mut self, depth: usize) -> Value {
        let names: Vec<String> = (0..=self.random.below(2)).map(|_| self.name()).collect();
        let mut states = Map::new();
        for (at, name) in names.iter().enumerate() {
            let later = names.get(at + 1..).unwrap_or_default();
            let mut state = match self.random.below(4) {
                0 | 1 if self.ingredients.has_tasks && depth < DEPTH_MAX => self.task(&[]),
                2 => json!({"Type": "Wait", "Seconds": self.random.magnitude(60)}),
                _ => json!({"Type": "Pass"}),
            };
            lead_on(&mut state, later);
            states.insert(name.clone(), state);
        }
        json!({"StartAt": names.first(), "States": states})
    }

    fn select_items(&mut self, state: &mut Value) {
        let (items, selector) = if self.is_jsonata() {
            let selector = json!({"n": "{% $states.context.Map.Item.Value %}", "items": [1, 2], "text": "{% $states.input.text %}"});
            (("Items", json!("{% $states.input.items %}")), selector)
        } else {
            let selector = json!({"n.$": "$$.Map.Item.Value", "items": [1, 2], "text.$": "$.text"});
            (("ItemsPath", json!("$.items")), selector)
        };
        set(state, items.0, items.1);
        set(state, "ItemSelector", selector);
    }

    /// What the state gives goes on beside what it was given, or nobody needs it.
    fn keep_result(&mut self, state: &mut Value) {
        let is_needed = self.random.per_mille(800);
        match (self.is_jsonata(), is_needed) {
            (true, true) => set(state, "Output", json!("{% $merge([$states.input, {'r': $states.result}]) %}")),
            (true, false) => set(state, "Output", json!("{% $states.input %}")),
            (false, true) => set(state, "ResultPath", json!("$.r")),
            (false, false) => set(state, "ResultPath", json!(null)),
        }
    }

    fn task(&mut self, later: &[String]) -> Value {
        let function = if self.random.per_mille(500) { crate::services::ONCE } else { "again" };
        let mut state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"});
        let payload = if self.is_jsonata() { json!("{% $states.input %}") } else { json!(null) };
        let arguments = if self.is_jsonata() {
            ("Arguments", json!({"FunctionName": function, "Payload": payload}))
        } else {
            ("Parameters", json!({"FunctionName": function, "Payload.$": "$"}))
        };
        set(&mut state, arguments.0, arguments.1);
        self.limit_time(&mut state, false);
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    fn activity(&mut self, later: &[String]) -> Value {
        let activity = self.random.word(&ACTIVITIES);
        let mut state = json!({"Type": "Task", "Resource": format!("{SCOPE}:activity:{activity}")});
        self.limit_time(&mut state, true);
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    /// A callback or a `.sync` task.
    fn waiting_task(&mut self, later: &[String]) -> Value {
        let is_callback = self.random.per_mille(600);
        let (resource, parameters) = match (is_callback, self.is_jsonata()) {
            (true, true) => (
                "sqs:sendMessage.waitForTaskToken",
                json!({"QueueUrl": "q", "MessageBody": {"token": "{% $states.context.Task.Token %}"}}),
            ),
            (true, false) => (
                "sqs:sendMessage.waitForTaskToken",
                json!({"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}),
            ),
            (false, _) => ("glue:startJobRun.sync", json!({"JobName": "j"})),
        };
        let mut state = json!({"Type": "Task", "Resource": format!("arn:aws:states:::{resource}")});
        let name = if self.is_jsonata() { "Arguments" } else { "Parameters" };
        set(&mut state, name, parameters);
        self.limit_time(&mut state, is_callback);
        self.keep_result(&mut state);
        self.mend(&mut state, later);
        state
    }

    /// A timeout, and a heartbeat that is shorter. Who waits for somebody else always has one: what was handed out and
    /// lost would keep the execution for as long as it may run.
    fn limit_time(&mut self, state: &mut Value, waits: bool) {
        let seconds = 2 + self.seconds();
        let Some(members) = state.as_object_mut() else { return };
        if waits || self.random.per_mille(500) {
            members.insert("TimeoutSeconds".into(), json!(seconds));
            if self.random.per_mille(500) {
                members.insert("HeartbeatSeconds".into(), json!(self.random.between(1, seconds - 1)));
            }
        }
    }

    /// Retriers, and a Catcher that leads further down.
    fn mend(&mut self, state: &mut Value, later: &[String]) {
        let is_jsonata = self.is_jsonata();
        let Some(members) = state.as_object_mut() else { return };
        if self.random.per_mille(500) {
            let error = self.random.word(&["Boom", "States.Timeout", "States.TaskFailed", "States.ALL"]);
            let mut retrier = json!({"ErrorEquals": [error], "MaxAttempts": self.random.below(4),
                "IntervalSeconds": 1 + self.random.magnitude(60), "BackoffRate": 1.0 + 0.5 * f64::from(u8::try_from(self.random.below(3)).unwrap_or(0))});
            if self.random.per_mille(300) {
                set(&mut retrier, "JitterStrategy", json!("FULL"));
            }
            members.insert("Retry".into(), json!([retrier]));
        }
        if self.random.per_mille(500)
            && let Some(next) = self.random.of(later)
        {
            let mut catcher = json!({"ErrorEquals": ["States.ALL"], "Next": next});
            if is_jsonata {
                let output = json!("{% $merge([$states.input, {'caught': $states.errorOutput.Error}]) %}");
                set(&mut catcher, "Output", output);
            } else {
                set(&mut catcher, "ResultPath", json!("$.caught"));
            }
            members.insert("Catch".into(), json!([catcher]));
        }
    }
}

/// The state goes on with the next one, if there is one.
fn lead_on(state: &mut Value, later: &[String]) {
    match later.first() {
        Some(next) => set(state, "Next", json!(next)),
        None => set(state, "End", json!(true)),
    }
}

/// Sets a member of an object.
fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_one() {
        for seed in 0..2_000 {
            let mut random = Random::new(seed);
            let state_machine_type = if seed % 3 == 0 { StateMachineType::Express } else { StateMachineType::Standard };
            let is_standard = state_machine_type == StateMachineType::Standard;
            let ingredients = Ingredients {
                state_machine_type,
                is_jsonata: seed % 2 == 0,
                has_tasks: true,
                has_map_runs: is_standard,
                seconds_max: 1_000_000,
            };
            let text = definition(&mut random, ingredients);
            let parsed = asl::parse(&text, state_machine_type, &asl::Limits::default());
            assert!(parsed.state_machine.is_some(), "seed {seed}: {:?}\n{text}", parsed.diagnostics);
        }
    }
}
