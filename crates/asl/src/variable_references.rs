//! Which variables the states of a definition read, as `DescribeStateMachine` returns in `variableReferences`.

use crate::{
    Catcher, Choice, Condition, ErrorCause, Fields, Flow, Map, MaybePath, Operand, State, StateKind, StateMachine,
    Task, Template, WaitUntil,
};
use query::Path;
use std::collections::{BTreeMap, BTreeSet};

impl StateMachine {
    /// State → variables that it reads, sorted. States that read none are left out.
    pub fn variable_references(&self) -> BTreeMap<String, Vec<String>> {
        let mut references = BTreeMap::new();
        collect(&self.flow, &mut references);
        references
    }
}

fn collect(flow: &Flow, references: &mut BTreeMap<String, Vec<String>>) {
    for state in flow.states.values() {
        let mut found = References::default();
        found.state(state);
        if !found.0.is_empty() {
            references.insert(state.name.to_string(), found.0.into_iter().collect());
        }
        for flow in state.flows() {
            collect(flow, references);
        }
    }
}

#[derive(Default)]
struct References(BTreeSet<String>);

impl References {
    fn state(&mut self, state: &State) {
        match &state.kind {
            StateKind::Pass(pass) => self.fields(&pass.state.fields),
            StateKind::Task(task) => self.task(task),
            StateKind::Choice(choice) => self.choice(choice),
            StateKind::Wait(wait) => {
                self.fields(&wait.state.fields);
                match &wait.until {
                    WaitUntil::Seconds(seconds) => self.maybe_path(Some(seconds)),
                    WaitUntil::Timestamp(timestamp) => self.maybe_path(Some(timestamp)),
                }
            }
            StateKind::Succeed(succeed) => self.fields(&succeed.fields),
            StateKind::Fail(fail) => {
                for text in [&fail.error, &fail.cause].into_iter().flatten() {
                    self.error_cause(text);
                }
            }
            StateKind::Parallel(parallel) => {
                self.fields(&parallel.state.fields);
                self.catchers(&parallel.catch);
            }
            StateKind::Map(map) => self.map(map),
        }
    }

    fn task(&mut self, task: &Task) {
        self.fields(&task.state.fields);
        self.maybe_path(task.timeout_seconds.as_ref());
        self.maybe_path(task.heartbeat_seconds.as_ref());
        self.template(task.credentials.as_ref().map(|credentials| &credentials.template));
        self.catchers(&task.catch);
    }

    fn choice(&mut self, choice: &Choice) {
        self.fields(&choice.fields);
        for rule in &choice.choices {
            self.condition(&rule.condition);
            self.template(rule.assign.as_ref());
            self.template(rule.output.as_ref());
        }
    }

    fn map(&mut self, map: &Map) {
        self.fields(&map.state.fields);
        self.maybe_path(map.items.as_ref());
        self.extend(map.items_template.iter().flat_map(query::jsonata::Template::variables));
        self.template(map.item_selector.as_ref());
        self.maybe_path(map.max_concurrency.as_ref());
        self.maybe_path(map.tolerated_failure_count.as_ref());
        self.maybe_path(map.tolerated_failure_percentage.as_ref());
        self.catchers(&map.catch);
        let Some(distributed) = &map.distributed else { return };
        if let Some(reader) = &distributed.item_reader {
            self.template(reader.arguments.as_ref());
            self.maybe_path(reader.max_items.as_ref());
        }
        if let Some(batcher) = &distributed.item_batcher {
            self.template(batcher.batch_input.as_ref());
            self.maybe_path(batcher.max_items_per_batch.as_ref());
            self.maybe_path(batcher.max_input_bytes_per_batch.as_ref());
        }
        self.template(distributed.result_writer.as_ref().and_then(|writer| writer.arguments.as_ref()));
    }

    fn fields(&mut self, fields: &Fields) {
        match fields {
            Fields::JsonPath { input_path, parameters, result_selector, result_path: _, output_path, assign } => {
                for path in [input_path, output_path].into_iter().flatten().flatten() {
                    self.path(path);
                }
                for template in [parameters, result_selector, assign] {
                    self.template(template.as_ref());
                }
            }
            Fields::Jsonata { arguments, output, assign } => {
                for template in [arguments, output, assign] {
                    self.template(template.as_ref());
                }
            }
        }
    }

    fn catchers(&mut self, catchers: &[Catcher]) {
        for catcher in catchers {
            self.template(catcher.output.as_ref());
            self.template(catcher.assign.as_ref());
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Compare(comparison) => {
                self.path(&comparison.variable);
                if let Operand::Path(path) = &comparison.operand {
                    self.path(path);
                }
            }
            Condition::And(conditions) | Condition::Or(conditions) => {
                for condition in conditions {
                    self.condition(condition);
                }
            }
            Condition::Not(condition) => self.condition(condition),
            Condition::Jsonata(expression) => self.extend(expression.variables()),
        }
    }

    fn error_cause(&mut self, text: &ErrorCause) {
        match text {
            ErrorCause::Literal(_) => {}
            ErrorCause::Path(path) => self.extend(path.variables()),
            ErrorCause::Expression(expression) => self.extend(expression.variables()),
        }
    }

    fn template(&mut self, template: Option<&Template>) {
        match template {
            None => {}
            Some(Template::JsonPath(template)) => self.extend(template.variables()),
            Some(Template::Jsonata(template)) => self.extend(template.variables()),
        }
    }

    fn maybe_path<T>(&mut self, value: Option<&MaybePath<T>>) {
        match value {
            None | Some(MaybePath::Literal(_)) => {}
            Some(MaybePath::Path(path)) => self.path(path),
            Some(MaybePath::Expression(expression)) => self.extend(expression.variables()),
        }
    }

    fn path(&mut self, path: &Path) {
        self.extend(path.variable());
    }

    fn extend<T: Into<String>>(&mut self, names: impl IntoIterator<Item = T>) {
        self.0.extend(names.into_iter().map(Into::into));
    }
}
