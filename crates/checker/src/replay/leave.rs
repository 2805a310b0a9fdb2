//! States are left, and flows come to their end.

use super::Replay;
use super::compare::sampled;
use crate::data::{Exit, Way, bytes_of, exit, put, replaced_bytes};
use crate::event::HistoryEvent;
use crate::failure::Failure;
use crate::frame::{Failed, FrameId, Leaving, Phase, To};
use crate::verdict::Rule;
use crate::world::World;
use asl::Fields;
use json::{Payload, Value};

impl<'d> Replay<'d> {
    /// `…StateExited`.
    pub(super) fn left(&mut self, id: FrameId, ways: Vec<Leaving<'d>>, event: &HistoryEvent) {
        if &*event.event_type == "MapStateFailed" {
            let failure = Failure::data_limit(&self.frames[id].state.name);
            self.verdict.trusted += 1;
            return self.state_failed(id, Failed { failure, is_heartbeat: false });
        }
        let name = self.frames[id].state.name.clone();
        self.expect_text(event, "name", Some(&name));
        let mut ways = ways;
        if ways.len() > 1 {
            // No history tells which rule of the Choice matched; the data may, and the next state will.
            self.verdict.trusted += 1;
            let fitting = |leaving: &Leaving<'_>| self.shows(event, &leaving.exit);
            if ways.iter().any(fitting) {
                ways.retain(|leaving| self.shows(event, &leaving.exit));
            }
        }
        let to: Vec<To<'d>> = ways.iter().map(|leaving| leaving.to).collect();
        let Some(leaving) = ways.into_iter().next() else { return };
        let Exit { output, assigned } = self.agree_on_exit(id, &leaving, event);
        self.assign(id, assigned.as_ref());
        let frame = &mut self.frames[id];
        frame.entered = None;
        frame.fork = None;
        frame.map_run = None;
        frame.position = event.id;
        self.go_on(id, &to, output);
    }

    fn assign(&mut self, id: FrameId, assigned: Option<&json::Object>) {
        let Some(assigned) = assigned else { return };
        let frame = &mut self.frames[id];
        let replaced = replaced_bytes(std::slice::from_ref(&frame.variables), assigned);
        let bytes = bytes_of(assigned).saturating_sub(replaced);
        frame.variables_bytes += bytes;
        frame.variables.extend(assigned.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.variables_bytes += bytes;
    }

    /// Whether the event shows this exit.
    pub(super) fn shows(&self, event: &HistoryEvent, exit: &Exit) -> bool {
        let output = event.text("output").is_some_and(|found| self.comparing.are_alike(exit.output.text(), found));
        let found = event.details.get("assignedVariables").and_then(Value::as_object);
        output
            && match (&exit.assigned, found) {
                (None, None) => true,
                (Some(assigned), Some(found)) => assigned.iter().all(|(name, value)| {
                    let shown = found.get(name).and_then(Value::as_str);
                    shown.is_some_and(|shown| self.comparing.are_alike(&value.to_string(), shown))
                }),
                _ => false,
            }
    }

    fn agree_on_exit(&mut self, id: FrameId, leaving: &Leaving<'d>, event: &HistoryEvent) -> Exit {
        if let Way::MapRun { fields, length } = &leaving.way {
            return self.map_run_exit(id, &fields.fields, *length, event);
        }
        let visit = self.visit(id);
        let output = self.agree(event, "output", &leaving.exit.output, || {
            sampled(&visit, |visit, world| Some(exit(visit, world, &leaving.way).ok()?.output.value().clone()))
        });
        let assigned = self.agree_on_variables(event, leaving.exit.assigned.as_ref(), || {
            sampled(&visit, |visit, world| Some(exit(visit, world, &leaving.way).ok()?.assigned?.into()))
        });
        Exit { output, assigned }
    }

    /// The results of a Map Run are in no event of the history: they are taken from where they stand in the output.
    fn map_run_exit(&mut self, id: FrameId, fields: &Fields, length: Option<u64>, event: &HistoryEvent) -> Exit {
        let visit = self.visit(id);
        let output = self.shown(event, "output");
        let assigned = event.details.get("assignedVariables").and_then(Value::as_object).map(|found| {
            let parse = |value: &Value| Value::parse(value.as_str()?).ok();
            found.iter().filter_map(|(name, value)| Some((name.clone(), parse(value)?))).collect()
        });
        self.verdict.trusted += 1;
        let results = match fields {
            Fields::JsonPath { result_selector: None, output_path: None, result_path, .. } => match result_path {
                None => Some(output.value().clone()),
                Some(None) => {
                    self.agree(event, "output", &visit.input, Vec::new);
                    None
                }
                Some(Some(path)) => {
                    let found = query::Path::parse(path.source()).ok();
                    let found = found.and_then(|found| visit.find(World::GUESS, &found, output.value()).ok().flatten());
                    let results = found.unwrap_or_default();
                    if let Ok(expected) = put(&visit.input, path, Payload::from(results.clone())) {
                        self.agree(event, "output", &expected, Vec::new);
                    }
                    Some(results)
                }
            },
            Fields::Jsonata { output: None, .. } => Some(output.value().clone()),
            _ => None,
        };
        if let (Some(results), Some(length)) = (results, length) {
            let found = results.as_array().map(<[Value]>::len);
            if found != usize::try_from(length).ok() {
                let found = found.map_or_else(|| results.type_name().to_owned(), |found| found.to_string());
                self.report(Rule::Data, format!("a Map Run of {length} items has as many results, not {found}"));
            }
        }
        Exit { output, assigned }
    }

    /// Goes on where the state leads.
    fn go_on(&mut self, id: FrameId, to: &[To<'d>], output: Payload) {
        let next: Vec<&'d json::Text> =
            to.iter().filter_map(|to| if let To::Next(next) = to { Some(*next) } else { None }).collect();
        if next.is_empty() {
            return self.end_flow(id, output);
        }
        let flow = self.frames[id].flow;
        match next.first().and_then(|next| flow.states.get(*next)) {
            Some(state) => {
                let frame = &mut self.frames[id];
                frame.state = state;
                frame.input = Some(output);
                self.stay(id, Phase::Arriving(next));
            }
            None => self.no_such_state(next.first().map_or("", |next| next)),
        }
    }

    /// A flow came to its end.
    fn end_flow(&mut self, id: FrameId, output: Payload) {
        match self.frames[id].parent {
            None => self.end_with(output, self.frames[id].position),
            Some((parent, index)) => self.child_succeeded(id, parent, index, output),
        }
    }
}
