//! Reads JSON text into a [`Value`], without recursion and with a bound on depth.

use crate::syntax::{Name, ParseError, Scanner, VALUES};
use crate::{Object, Text, Value};
use std::sync::Arc;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 512;

pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parser = Parser {
        scanner: Scanner { text, offset: 0 },
        open: Vec::new(),
        names: Names { recent: [const { None }; NAMES_LEN] },
    };
    let value = parser.document()?;
    parser.end(&value)?;
    Ok(value)
}

/// An array or object whose closing mark was not read yet.
struct Open {
    start: usize,
    container: Container,
}

enum Container {
    Array(Vec<Value>),
    /// With the name of the member whose value is being read.
    Object(Object, Text),
}

impl Container {
    fn type_name(&self) -> &'static str {
        match self {
            Container::Array(_) => "Array",
            Container::Object(..) => "Object",
        }
    }
}

impl From<Container> for Value {
    fn from(container: Container) -> Value {
        match container {
            Container::Array(elements) => Value::Array(Arc::new(elements)),
            Container::Object(object, _) => Value::Object(object),
        }
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    open: Vec<Open>,
    names: Names,
}

/// The names that were read last. The elements of an array mostly have the same ones, and then share them.
struct Names {
    recent: [Option<Text>; NAMES_LEN],
}

const NAMES_LEN: usize = 64;
/// Longer names are rarely repeated.
const SHARED_NAME_LEN_MAX: usize = 32;

impl Names {
    fn share(&mut self, name: &str) -> Text {
        // Any cheap mixture will do: at worst a name is not shared.
        let mix = |mixed: usize, byte: u8| mixed.wrapping_mul(31).wrapping_add(usize::from(byte));
        let slot = name.bytes().take(SHARED_NAME_LEN_MAX).fold(name.len(), mix) % NAMES_LEN;
        match self.recent.get_mut(slot) {
            Some(Some(recent)) if **recent == *name => recent.clone(),
            Some(slot) if name.len() <= SHARED_NAME_LEN_MAX => slot.insert(Text::from(name)).clone(),
            _ => Text::from(name),
        }
    }
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Value, ParseError> {
        loop {
            let Some(first) = self.scanner.peek_token() else {
                return Err(self.end_of_input());
            };
            let mut value = match first {
                b'[' => match self.open_array()? {
                    Some(empty) => empty,
                    None => continue,
                },
                b'{' => match self.open_object()? {
                    Some(empty) => empty,
                    None => continue,
                },
                b'}' | b']' if self.open.is_empty() => return Err(self.mismatched(first)),
                b'}' => return Err(self.scanner.unexpected("expected a value")),
                b']' | b',' | b':' => {
                    return Err(self.scanner.unexpected(&format!("expected a valid value {VALUES}")));
                }
                _ => self.scanner.scalar(first)?,
            };
            // The value may be the last of what is open, and that again the last of what is open around it.
            loop {
                let Some(mut innermost) = self.open.pop() else {
                    return Ok(value);
                };
                match &mut innermost.container {
                    Container::Array(elements) => elements.push(value),
                    Container::Object(object, name) => object.insert(std::mem::take(name), value),
                }
                if self.goes_on(&mut innermost)? {
                    self.open.push(innermost);
                    break;
                }
                value = innermost.container.into();
            }
        }
    }

    /// After an element: true behind a comma (and, in an object, behind the next name), false behind the closing mark.
    fn goes_on(&mut self, innermost: &mut Open) -> Result<bool, ParseError> {
        let (is_array, close, other) = match innermost.container {
            Container::Array(_) => (true, b']', b'}'),
            Container::Object(..) => (false, b'}', b']'),
        };
        let type_name = innermost.container.type_name();
        match self.scanner.peek_token() {
            Some(b',') => self.scanner.offset += 1,
            Some(found) if found == close => {
                self.scanner.offset += 1;
                return Ok(false);
            }
            Some(found) if found == other => return Err(self.mismatched_in(found, innermost)),
            Some(_) => {
                return Err(self.scanner.unexpected(&format!("was expecting comma to separate {type_name} entries")));
            }
            None => return Err(self.unclosed(innermost)),
        }
        if self.scanner.peek_token().is_none() {
            return Err(self.scanner.error(format!("Unexpected end-of-input within/between {type_name} entries")));
        }
        if !is_array {
            let next = self.name()?;
            if let Container::Object(_, name) = &mut innermost.container {
                *name = next;
            }
        }
        Ok(true)
    }

    fn open_array(&mut self) -> Result<Option<Value>, ParseError> {
        let start = self.enter()?;
        if self.scanner.peek_token() == Some(b']') {
            self.scanner.offset += 1;
            return Ok(Some(Value::Array(Arc::default())));
        }
        let array = Open { start, container: Container::Array(Vec::new()) };
        match self.scanner.peek() {
            None => Err(self.unclosed(&array)),
            Some(b'}') => Err(self.mismatched_in(b'}', &array)),
            Some(_) => {
                self.open.push(array);
                Ok(None)
            }
        }
    }

    fn open_object(&mut self) -> Result<Option<Value>, ParseError> {
        let start = self.enter()?;
        let object = |name| Open { start, container: Container::Object(Object::new(), name) };
        match self.scanner.peek_token() {
            Some(b'}') => {
                self.scanner.offset += 1;
                Ok(Some(Value::Object(Object::new())))
            }
            None => Err(self.unclosed(&object(Text::default()))),
            Some(b']') => Err(self.mismatched_in(b']', &object(Text::default()))),
            Some(_) => {
                let name = self.name()?;
                self.open.push(object(name));
                Ok(None)
            }
        }
    }

    /// Goes behind an opening mark, and says where that was.
    fn enter(&mut self) -> Result<usize, ParseError> {
        let depth = self.open.len() + 1;
        if depth > MAX_DEPTH {
            let limit = format!("exceeds the maximum allowed ({MAX_DEPTH})");
            return Err(self.scanner.error(format!("Document nesting depth ({depth}) {limit}")));
        }
        let start = self.scanner.offset;
        self.scanner.offset += 1;
        Ok(start)
    }

    /// The name of a member and the colon behind it.
    fn name(&mut self) -> Result<Text, ParseError> {
        if self.scanner.peek() != Some(b'"') {
            return Err(self.scanner.unexpected("was expecting double-quote to start field name"));
        }
        let name = self.names.share(self.scanner.string(Name::Yes)?.as_str());
        match self.scanner.peek_token() {
            Some(b':') => self.scanner.offset += 1,
            Some(_) => return Err(self.scanner.unexpected("was expecting a colon to separate field name and value")),
            None => return Err(self.scanner.error("Unexpected end-of-input within/between Object entries")),
        }
        Ok(name)
    }

    /// Nothing but white space may follow the value.
    fn end(&mut self, value: &Value) -> Result<(), ParseError> {
        let end = self.scanner.offset;
        let Some(next) = self.scanner.peek_token() else {
            return Ok(());
        };
        if matches!(value, Value::Number(_)) && self.scanner.offset == end {
            return Err(self.scanner.unexpected("Expected space separating root-level values"));
        }
        let token = match next {
            b'{' => "START_OBJECT",
            b'[' => "START_ARRAY",
            b'}' | b']' => return Err(self.mismatched(next)),
            b',' | b':' => return Err(self.scanner.unexpected(&format!("expected a valid value {VALUES}"))),
            _ => {
                let start = self.scanner.offset;
                let trailing = self.scanner.scalar(next)?;
                self.scanner.offset = start;
                scalar_token(&trailing)
            }
        };
        Err(self.scanner.error(format!("Trailing token (of type {token}) found after value")))
    }

    fn end_of_input(&self) -> ParseError {
        match self.open.last() {
            None => self.scanner.error("No content to map due to end-of-input"),
            Some(innermost) => {
                let type_name = innermost.container.type_name();
                self.scanner.error(format!("Unexpected end-of-input within/between {type_name} entries"))
            }
        }
    }

    fn unclosed(&self, open: &Open) -> ParseError {
        let type_name = open.container.type_name();
        let start = self.start_marker(open);
        self.scanner
            .error(format!("Unexpected end-of-input: expected close marker for {type_name} (start marker at {start})"))
    }

    fn mismatched_in(&self, found: u8, open: &Open) -> ParseError {
        let (type_name, found) = (open.container.type_name(), char::from(found));
        let expected = if found == ']' { '}' } else { ']' };
        let start = self.start_marker(open);
        let place = format!("(for {type_name} starting at {start})");
        self.scanner.error(format!("Unexpected close marker '{found}': expected '{expected}' {place}"))
    }

    /// A closing mark outside of everything.
    fn mismatched(&self, found: u8) -> ParseError {
        let found = char::from(found);
        let expected = if found == ']' { '}' } else { ']' };
        let place = "(for root starting at [line: 1, column: 0])";
        self.scanner.error(format!("Unexpected close marker '{found}': expected '{expected}' {place}"))
    }

    fn start_marker(&self, open: &Open) -> String {
        let (line, column) = crate::locate::line_and_column(self.scanner.text, open.start);
        format!("[line: {line}, column: {column}]")
    }
}

/// Jackson's name of a scalar's token.
fn scalar_token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(true) => "VALUE_TRUE",
        Value::Bool(false) => "VALUE_FALSE",
        Value::Number(number) if number.is_integer() => "VALUE_NUMBER_INT",
        Value::Number(_) => "VALUE_NUMBER_FLOAT",
        Value::String(_) | Value::Array(_) | Value::Object(_) => "VALUE_STRING",
    }
}
