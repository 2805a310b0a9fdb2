//! What is found in the file of a definition: AWS's diagnostics, and notes of our own, each with its place.

use crate::config::Config;
use crate::definition_file::DefinitionFile;
use asl::{Distributed, Flow, Map, Severity, State, StateKind, StateMachineType};
use json::{Object, Value};
use std::path::{Path, PathBuf};

/// Something that is found in a definition, and where it stands in its file.
pub struct Found {
    path: PathBuf,
    severity: Severity,
    /// AWS's, or [`NOT_YET`] for a note of ours.
    code: &'static str,
    message: String,
    /// `/States/X/Field`.
    location: Option<String>,
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
}

/// The code of a note: what AWS does and this server does not do yet. It is none of AWS's codes.
const NOT_YET: &str = "NOT_SUPPORTED_YET";

/// A definition that was read, and everything that is found in it.
pub struct Checked {
    pub found: Vec<Found>,
    /// `None` if there are errors.
    pub state_machine: Option<asl::StateMachine>,
}

/// Checks a definition as `ValidateStateMachineDefinition` does on a server with these settings. If that finds no error,
/// notes say what cannot work here.
pub fn check(path: &Path, file: &DefinitionFile, state_machine_type: StateMachineType, config: &Config) -> Checked {
    let services = Some(integrations::services(config.unknown_service_fields.severity()));
    let parsed = asl::parse_with_services(&file.definition, state_machine_type, &config.limits, services);
    let diagnostics = parsed.diagnostics.into_iter().map(|diagnostic| Found {
        path: path.to_owned(),
        severity: diagnostic.severity,
        code: diagnostic.code.as_str(),
        message: diagnostic.message,
        place: match diagnostic.location.as_deref() {
            Some(location) => file.locate(location),
            None => file.syntax_error(),
        },
        location: diagnostic.location,
    });
    let mut found: Vec<Found> = diagnostics.collect();
    let state_machine = parsed.state_machine.filter(|_| !found.iter().any(Found::is_error));
    let mut notes = Vec::new();
    if let Some(state_machine) = &state_machine {
        note_flow(&state_machine.flow, "", &mut notes);
    }
    found.extend(notes.into_iter().map(|(location, message)| Found {
        path: path.to_owned(),
        severity: Severity::Warning,
        code: NOT_YET,
        message,
        place: file.locate(&location),
        location: Some(location),
    }));
    Checked { found, state_machine }
}

/// A location, and what does not work there.
type Note = (String, String);

fn note_flow(flow: &Flow, at: &str, notes: &mut Vec<Note>) {
    for (name, state) in &flow.states {
        note_state(state, &format!("{at}/States/{name}"), notes);
    }
}

fn note_state(state: &State, at: &str, notes: &mut Vec<Note>) {
    match &state.kind {
        StateKind::Task(task) if !integrations::serve(&task.resource) => {
            let message = "no integration of this server serves the resource yet: the task fails with `States.Runtime`";
            notes.push((format!("{at}/Resource"), message.to_owned()));
        }
        StateKind::Parallel(parallel) => {
            for (index, branch) in parallel.branches.iter().enumerate() {
                note_flow(branch, &format!("{at}/Branches[{index}]"), notes);
            }
        }
        StateKind::Map(map) => {
            note_map(map, at, notes);
            note_flow(&map.item_processor, &format!("{at}/{}", map.processor_field), notes);
        }
        _ => {}
    }
}

/// The Map Run of such a Map fails whenever it is started.
fn note_map(map: &Map, at: &str, notes: &mut Vec<Note>) {
    let Some(Distributed { item_reader, result_writer, .. }) = &map.distributed else { return };
    let fails = |what: &str, error: &str| format!("{what} is not supported here yet: the Map Run fails with `{error}`");
    if item_reader.is_some() {
        notes.push((format!("{at}/ItemReader"), fails("ItemReader", "States.ItemReaderFailed")));
    }
    if result_writer.as_ref().is_some_and(|writer| writer.resource.is_some()) {
        let what = "Resource of ResultWriter";
        notes.push((format!("{at}/ResultWriter/Resource"), fails(what, "States.ResultWriterFailed")));
    }
}

impl Found {
    /// Whether the definition cannot be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `FILE:LINE:COLUMN: error[CODE]: message (at /States/X)`.
    pub fn to_text(&self) -> String {
        let (line, column) = self.place.unwrap_or((1, 1));
        let location = self.location.as_deref().map_or_else(String::new, |location| format!(" (at {location})"));
        let (path, severity, code, message) = (self.path.display(), self.severity(), self.code, &self.message);
        format!("{path}:{line}:{column}: {severity}[{code}]: {message}{location}")
    }

    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("file", self.path.display().to_string());
        object.insert("severity", self.severity());
        object.insert("code", self.code);
        object.insert("message", self.message.as_str());
        if let Some(location) = self.location.as_deref() {
            object.insert("location", location);
        }
        if let Some((line, column)) = self.place {
            object.insert("line", i64::try_from(line).unwrap_or(i64::MAX));
            object.insert("column", i64::try_from(column).unwrap_or(i64::MAX));
        }
        Value::Object(object)
    }

    fn severity(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}
