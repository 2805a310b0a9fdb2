//! [`Reader`]: a cursor over the objects of a definition.
//!
//! It knows where it is (`/States/X/Retry[0]`), in which query language, and notes what is wrong on the way.
//! Whoever reads an object takes all its fields first and gives up only then, so that one reading finds all faults.

use crate::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use crate::kind;
use crate::shape::{Group, Shape};
use crate::{Limits, MaybePath, QueryLanguage, StateMachineType, Template};
use json::{Object, Text, Value};
use query::{Path, PayloadTemplate, SyntaxError, jsonata};
use std::cell::RefCell;

/// What all readers of one definition share.
pub(crate) struct Document {
    pub(crate) state_machine_type: StateMachineType,
    /// The state machine was made around one state, and what surrounds it is not there.
    pub(crate) is_of_state: bool,
    limits: Limits,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl Document {
    pub(crate) fn new(state_machine_type: StateMachineType, limits: Limits) -> Document {
        Document { state_machine_type, is_of_state: false, limits, diagnostics: RefCell::default() }
    }

    pub(crate) fn of_state(limits: Limits) -> Document {
        Document { is_of_state: true, ..Document::new(StateMachineType::Standard, limits) }
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.borrow().iter().any(Diagnostic::is_error)
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics.into_inner()
    }
}

/// One object of a definition.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    document: &'a Document,
    object: &'a Object,
    /// Empty for the top level.
    location: String,
    machine_language: QueryLanguage,
    language: QueryLanguage,
    /// How many flows enclose the object.
    nesting: usize,
    sees: Sees,
}

/// What the `Output` and `Assign` of an object see beside the input of the state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    Nothing,
    /// `$states.result`: a Task, Parallel or Map.
    Result,
    /// `$states.errorOutput`: a Catcher.
    ErrorOutput,
}

impl<'a> Reader<'a> {
    pub(crate) fn top(document: &'a Document, object: &'a Object) -> Reader<'a> {
        let language = QueryLanguage::default();
        Reader {
            document,
            object,
            location: String::new(),
            machine_language: language,
            language,
            nesting: 0,
            sees: Sees::Nothing,
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        &self.document.limits
    }

    pub(crate) fn object(&self) -> &'a Object {
        self.object
    }

    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field)
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    pub(crate) fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }

    pub(crate) fn machine_language(&self) -> QueryLanguage {
        self.machine_language
    }

    pub(crate) fn nesting(&self) -> usize {
        self.nesting
    }

    /// The same object, read in the language of its state.
    pub(crate) fn in_language(self, language: QueryLanguage) -> Reader<'a> {
        Reader { language, ..self }
    }

    /// The same object, read in the language of the whole state machine.
    pub(crate) fn in_machine_language(self, language: QueryLanguage) -> Reader<'a> {
        Reader { language, machine_language: language, ..self }
    }

    /// The same object as the flow of a state: its states are in the language of the state machine again.
    pub(crate) fn into_flow(self) -> Reader<'a> {
        Reader { language: self.machine_language, nesting: self.nesting + 1, sees: Sees::Nothing, ..self }
    }

    /// The same object, whose `Output` and `Assign` see this.
    pub(crate) fn seeing(self, sees: Sees) -> Reader<'a> {
        Reader { sees, ..self }
    }

    /// What the field sees.
    pub(crate) fn sees(&self, field: &str) -> Sees {
        if matches!(field, "Output" | "Assign") { self.sees } else { Sees::Nothing }
    }

    // Faults.

    /// Notes a fault of the object itself.
    pub(crate) fn fault(&self, message: impl Into<String>) {
        let location = if self.location.is_empty() { "/".to_owned() } else { self.location.clone() };
        self.fault_with(DiagnosticCode::SchemaValidationFailed, message, location);
    }

    /// Notes a fault of a field.
    pub(crate) fn fault_at(&self, field: &str, message: impl Into<String>) {
        self.fault_with(DiagnosticCode::SchemaValidationFailed, message, self.location_of(field));
    }

    pub(crate) fn fault_with(&self, code: DiagnosticCode, message: impl Into<String>, location: String) {
        self.document.push(Diagnostic::error(code, message, Some(location)));
    }

    pub(crate) fn warn_at(&self, field: &str, code: DiagnosticCode, message: impl Into<String>) {
        let (message, location) = (message.into(), Some(self.location_of(field)));
        self.document.push(Diagnostic { severity: Severity::Warning, code, message, location });
    }

    pub(crate) fn location_of(&self, field: &str) -> String {
        format!("{}/{field}", self.location)
    }

    // Shape.

    /// Notes fields that the object may not have, lacks, or has too many of.
    pub(crate) fn check(&self, shape: &Shape) {
        self.check_fields(|name| shape.field(name).map(|field| field.only));
        self.check_required(shape.required);
        for group in shape.groups {
            self.check_group(group);
        }
    }

    /// `only` gives the language in which alone a field is supported, and `None` for an unknown field.
    pub(crate) fn check_fields(&self, only: impl Fn(&str) -> Option<Option<QueryLanguage>>) {
        for name in self.object.keys() {
            match only(name) {
                None => self.fault(format!("Field '{name}' is not supported")),
                Some(Some(only)) if only != self.language => self.fault(format!(
                    "The QueryLanguage is set to '{}', but field '{name}' is only supported for the '{}' QueryLanguage",
                    self.language.as_str(),
                    only.as_str()
                )),
                Some(_) => {}
            }
        }
    }

    pub(crate) fn check_required(&self, required: &[&str]) {
        let missing: Vec<&str> = required.iter().copied().filter(|field| !self.has(field)).collect();
        if !missing.is_empty() {
            self.fault(format!("These fields are required: [{}]", missing.join(", ")));
        }
    }

    fn check_group(&self, group: &Group) {
        let (Group::AtMostOne(fields) | Group::ExactlyOne(fields) | Group::NotEmpty(fields)) = group;
        let present = fields.iter().filter(|field| self.has(field)).count();
        let fields = fields.join(", ");
        match group {
            Group::AtMostOne(_) | Group::ExactlyOne(_) if present > 1 => {
                self.fault(format!("There should only be one of the following fields: [{fields}]"));
            }
            Group::ExactlyOne(_) if present == 0 => {
                self.fault(format!("There should be one of the following fields: [{fields}]"));
            }
            Group::NotEmpty(_) if present == 0 => {
                self.fault(format!("There should be at least one of the following fields: [{fields}]"));
            }
            Group::AtMostOne(_) | Group::ExactlyOne(_) | Group::NotEmpty(_) => {}
        }
    }

    // Values.

    /// The value of a field; `None` when it is absent or of another kind, which is noted.
    pub(crate) fn read<T>(&self, field: &str, kind: impl FnOnce(&'a Value) -> Result<T, String>) -> Option<T> {
        kind(self.get(field)?).map_err(|message| self.fault_at(field, message)).ok()
    }

    /// One of a few words.
    pub(crate) fn read_word(&self, field: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.read(field, kind::string)?;
        let word = words.iter().copied().find(|word| *word == &*text);
        if word.is_none() {
            let words = words.join(", ");
            self.fault_at(field, format!("The field '{field}' should have one of these values: [{words}]"));
        }
        word
    }

    /// A value that is written in `field`, computed there (JSONata), or found by the path in `fieldPath`.
    pub(crate) fn read_maybe_path<T>(
        &self,
        field: &str,
        kind: impl FnOnce(&'a Value) -> Result<T, String>,
        path_kind: impl FnOnce(&'a Value) -> Result<Path, String>,
    ) -> Option<MaybePath<T>> {
        match self.get(field) {
            Some(Value::String(text)) if self.is_jsonata() && is_marked(text) => {
                self.expression(field).map(MaybePath::Expression)
            }
            Some(_) => self.read(field, kind).map(MaybePath::Literal),
            None => self.read(&format!("{field}Path"), path_kind).map(MaybePath::Path),
        }
    }

    /// A JSONata expression with its marks.
    pub(crate) fn expression(&self, field: &str) -> Option<jsonata::Expression> {
        let text = self.read(field, kind::string)?;
        let Some(inner) = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) else {
            self.jsonata_fault(&unmarked(), self.location_of(field));
            return None;
        };
        let parsed = jsonata::Expression::parse(inner);
        let expression = parsed.map_err(|error| self.jsonata_fault(&error, self.location_of(field))).ok()?;
        crate::validate::check_states_variable(self, field, "", &expression);
        Some(expression)
    }

    /// `Parameters`, `Arguments`, `Assign` …, in the language of the state.
    pub(crate) fn template(&self, field: &str) -> Option<Template> {
        let value = self.get(field)?;
        if self.is_jsonata() {
            let faults = match jsonata::Template::parse(value) {
                Ok(template) => {
                    for (place, expression) in template.expressions() {
                        crate::validate::check_states_variable(self, field, &place, expression);
                    }
                    return Some(Template::Jsonata(template));
                }
                Err(faults) => faults,
            };
            for (place, error) in faults {
                self.jsonata_fault(&error, self.location_of(field) + &place);
            }
            return None;
        }
        crate::validate::check_template(self, field, value);
        let faults = match PayloadTemplate::parse(value) {
            Ok(template) => return Some(Template::JsonPath(template)),
            Err(faults) => faults,
        };
        for (place, error) in faults {
            // AWS names the member in the sentence, and the object that holds it in the location.
            self.fault_at(&format!("{field}{place}"), error.message);
        }
        None
    }

    fn jsonata_fault(&self, error: &SyntaxError, location: String) {
        let code = if error.message.ends_with("is not supported.") {
            DiagnosticCode::UnsupportedJsonataExpression
        } else {
            DiagnosticCode::InvalidJsonataExpression
        };
        self.fault_with(code, error.message.as_str(), location);
    }

    // Objects and arrays in the object.

    /// The object in a field.
    pub(crate) fn child(&self, field: &str) -> Option<Reader<'a>> {
        let object = self.read(field, |value| value.as_object().ok_or_else(|| kind::expected("Object")))?;
        Some(Reader { object, location: self.location_of(field), ..self.clone() })
    }

    pub(crate) fn check_not_empty(&self, field: &str) {
        if self.get(field).and_then(Value::as_array).is_some_and(<[Value]>::is_empty) {
            self.fault_at(field, "Value cannot be empty");
        }
    }

    /// The objects of the array in a field.
    pub(crate) fn children(&self, field: &str) -> Vec<Reader<'a>> {
        let elements = self.elements(field).unwrap_or_default();
        let child = |(index, element): (usize, &'a Value)| {
            let location = format!("{}[{index}]", self.location_of(field));
            let Some(object) = element.as_object() else {
                let code = DiagnosticCode::SchemaValidationFailed;
                self.fault_with(code, kind::expected("Object"), location);
                return None;
            };
            Some(Reader { object, location, ..self.clone() })
        };
        elements.iter().enumerate().filter_map(child).collect()
    }

    /// The strings of the array in a field.
    pub(crate) fn texts(&self, field: &str) -> Option<Vec<Text>> {
        let elements = self.elements(field)?;
        self.check_not_empty(field);
        let text = |(index, element)| {
            let location = format!("{}[{index}]", self.location_of(field));
            let fault = |message| self.fault_with(DiagnosticCode::SchemaValidationFailed, message, location);
            kind::string(element).map_err(fault).ok()
        };
        // Every element is looked at before the first fault ends it.
        let texts: Vec<Option<Text>> = elements.iter().enumerate().map(text).collect();
        texts.into_iter().collect()
    }

    fn elements(&self, field: &str) -> Option<&'a [Value]> {
        self.read(field, |value| value.as_array().ok_or_else(|| kind::expected("Array")))
    }
}

/// Whether a string is meant as a JSONata expression, well marked or not.
pub(crate) fn is_marked(text: &str) -> bool {
    text.starts_with("{%") || text.ends_with("%}")
}

fn unmarked() -> SyntaxError {
    SyntaxError { message: "A JSONata expression must start with '{%' and end with '%}'".to_owned() }
}
