//! [`Reader`]: a cursor over the objects of a definition.
//!
//! It knows where it is (`/States/X/Retry[0]`), in which query language, and notes what is wrong on the way.
//! Whoever reads an object takes all its fields first and gives up only then, so that one reading finds all faults.

use crate::diagnostic::{Diagnostic, DiagnosticCode, Diagnostics, Severity};
use crate::kind;
use crate::shape::{Group, Shape};
use crate::{Limits, MaybePath, QueryLanguage, Services, StateMachineType, TaskResource, Template, unsupported_field};
use json::{Object, Text, Value};
use query::{Location, Path, PayloadTemplate, SyntaxError, SyntaxErrorKind, jsonata};
use std::cell::RefCell;
use std::sync::Arc;

/// What all readers of one definition share.
pub(crate) struct Document {
    pub(crate) state_machine_type: StateMachineType,
    /// The state machine was made around one state, and what surrounds it is not there.
    pub(crate) is_of_state: bool,
    /// `None`: nothing is known of what Tasks call.
    services: Option<Arc<dyn Services>>,
    limits: Limits,
    diagnostics: RefCell<Diagnostics>,
}

impl Document {
    pub(crate) fn new(state_machine_type: StateMachineType, limits: Limits) -> Document {
        Document { state_machine_type, is_of_state: false, services: None, limits, diagnostics: RefCell::default() }
    }

    pub(crate) fn of_state(limits: Limits) -> Document {
        Document { is_of_state: true, ..Document::new(StateMachineType::Standard, limits) }
    }

    pub(crate) fn with_services(self, services: Option<Arc<dyn Services>>) -> Document {
        Document { services, ..self }
    }

    /// Notes an error; `location` is `None` where AWS gives none.
    pub(crate) fn fault(&self, code: DiagnosticCode, message: impl Into<String>, location: Option<&Location<'_>>) {
        self.diagnostics.borrow_mut().note(Severity::Error, code, message, location);
    }

    pub(crate) fn warn(&self, code: DiagnosticCode, message: impl Into<String>, location: &Location<'_>) {
        self.diagnostics.borrow_mut().note(Severity::Warning, code, message, Some(location));
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.borrow().has_errors()
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics.into_inner().into_list()
    }
}

/// One object of a definition.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    document: &'a Document,
    object: &'a Object,
    location: Location<'a>,
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
            location: Location::default(),
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
        let code = DiagnosticCode::SchemaValidationFailed;
        if self.location.is_top() {
            // The top is written `/`, and what stands in it has no step before its name.
            return self.fault_with(code, message, &self.location_of(""));
        }
        self.fault_with(code, message, &self.location);
    }

    /// Notes a fault of a field.
    pub(crate) fn fault_at(&self, field: &str, message: impl Into<String>) {
        self.fault_with(DiagnosticCode::SchemaValidationFailed, message, &self.location.member(field));
    }

    pub(crate) fn fault_with(&self, code: DiagnosticCode, message: impl Into<String>, location: &Location<'_>) {
        self.document.fault(code, message, Some(location));
    }

    pub(crate) fn warn_at(&self, location: &Location<'_>, code: DiagnosticCode, message: impl Into<String>) {
        self.document.warn(code, message, location);
    }

    pub(crate) fn location_of(&self, field: &'a str) -> Location<'a> {
        self.location.member(field)
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

    /// Notes the arguments of a Task that the service does not have, each at the field that holds all arguments: so AWS
    /// does it, however deep the argument stands.
    pub(crate) fn check_arguments(&self, field: &str, resource: &TaskResource) {
        let Some(services) = &self.document.services else { return };
        let Some(arguments) = self.get(field).and_then(Value::as_object) else { return };
        for name in services.unsupported_fields(resource, arguments) {
            let message = unsupported_field(&name);
            match services.severity() {
                Severity::Error => self.fault_at(field, message),
                Severity::Warning => {
                    self.warn_at(&self.location.member(field), DiagnosticCode::SchemaValidationFailed, message);
                }
            }
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
        field: &'a str,
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
    pub(crate) fn expression(&self, field: &'a str) -> Option<jsonata::Expression> {
        let text = self.read(field, kind::string)?;
        let location = self.location_of(field);
        let parsed = jsonata::Expression::parse_marked(&text);
        let expression = parsed.map_err(|error| self.jsonata_fault(error, &location)).ok()?;
        crate::validate::check_states_variable(self, field, &location, &expression);
        Some(expression)
    }

    /// `Parameters`, `Arguments`, `Assign` …, in the language of the state.
    pub(crate) fn template(&self, field: &'a str) -> Option<Template> {
        let (value, location) = (self.get(field)?, self.location_of(field));
        if self.is_jsonata() {
            self.jsonata_template(field, value, &location)
        } else {
            self.payload_template(value, &location)
        }
    }

    fn jsonata_template(&self, field: &str, value: &'a Value, location: &Location<'a>) -> Option<Template> {
        match jsonata::Template::parse(value, location) {
            Ok(template) => {
                template.each_expression(location, &mut |location, expression| {
                    crate::validate::check_states_variable(self, field, location, expression);
                });
                Some(Template::Jsonata(template))
            }
            Err(faults) => {
                faults.into_iter().for_each(|(location, error)| self.jsonata_fault(error, &location));
                None
            }
        }
    }

    fn payload_template(&self, value: &'a Value, location: &Location<'a>) -> Option<Template> {
        crate::validate::check_template(self, location, value);
        match PayloadTemplate::parse(value, location) {
            Ok(template) => Some(Template::JsonPath(template)),
            Err(faults) => {
                // AWS names the member in the sentence, and the object that holds it in the location.
                let code = DiagnosticCode::SchemaValidationFailed;
                faults.into_iter().for_each(|(location, error)| self.fault_with(code, error.message, &location));
                None
            }
        }
    }

    fn jsonata_fault(&self, error: SyntaxError, location: &Location<'_>) {
        let code = match error.kind {
            SyntaxErrorKind::Invalid => DiagnosticCode::InvalidJsonataExpression,
            SyntaxErrorKind::Unsupported => DiagnosticCode::UnsupportedJsonataExpression,
        };
        self.fault_with(code, error.message, location);
    }

    // Objects and arrays in the object.

    /// The object in a field.
    pub(crate) fn child(&self, field: &'a str) -> Option<Reader<'a>> {
        let object = self.read(field, |value| value.as_object().ok_or_else(|| kind::expected("Object")))?;
        Some(Reader { object, location: self.location_of(field), ..self.clone() })
    }

    pub(crate) fn check_not_empty(&self, field: &str) {
        if self.get(field).and_then(Value::as_array).is_some_and(<[Value]>::is_empty) {
            self.fault_at(field, "Value cannot be empty");
        }
    }

    /// The objects of the array in a field.
    pub(crate) fn children(&self, field: &'a str) -> Vec<Reader<'a>> {
        let elements = self.elements(field).unwrap_or_default();
        let array = self.location_of(field);
        let child = |(index, element): (usize, &'a Value)| {
            let location = array.element(index);
            let Some(object) = element.as_object() else {
                self.fault_with(DiagnosticCode::SchemaValidationFailed, kind::expected("Object"), &location);
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
        let array = self.location.member(field);
        let text = |(index, element)| {
            let code = DiagnosticCode::SchemaValidationFailed;
            kind::string(element).map_err(|message| self.fault_with(code, message, &array.element(index))).ok()
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
