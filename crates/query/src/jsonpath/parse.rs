//! Reads the text of a path.

use super::function::{Argument, Call};
use super::parse_filter::filter;
use super::query::{Query, Root, Segment, Slice};
use crate::SyntaxError;
use crate::cursor::Cursor;
use json::{Text, Value};

/// How deep filters may nest.
const FILTER_DEPTH_MAX: usize = 16;

/// Reads a whole path.
pub(super) fn parse(text: &str) -> Result<Query, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(text), stops: " ", depth: 0 };
    let query = parser.query()?;
    if parser.cursor.is_at_end() {
        return Ok(query);
    }
    Err(parser.cursor.error("use brackets and quotes, as in ['my name'], for names with blanks"))
}

/// The length of the path at the start of `text`, which an argument of an intrinsic call is.
pub(crate) fn path_len(text: &str) -> Result<usize, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(text), stops: " ,)", depth: 0 };
    parser.query()?;
    Ok(parser.cursor.offset)
}

pub(super) struct Parser<'t> {
    pub cursor: Cursor<'t>,
    /// The characters that end a name outside of brackets, besides `.`, `[` and `(`.
    stops: &'static str,
    pub depth: usize,
}

impl Parser<'_> {
    /// Reads a path inside a filter or the arguments of a function.
    pub fn inner_query(&mut self) -> Result<Query, SyntaxError> {
        let stops = std::mem::replace(&mut self.stops, " \t\n<>=!~&|,)]");
        let query = self.query();
        self.stops = stops;
        query
    }

    fn query(&mut self) -> Result<Query, SyntaxError> {
        let root = self.root()?;
        let mut query = Query { root, segments: Vec::new(), function: None };
        loop {
            if self.cursor.rest().starts_with('[') {
                query.segments.push(self.bracket()?);
            } else if self.cursor.eat("..") {
                query.segments.push(Segment::Descend);
                if !self.cursor.rest().starts_with('[') {
                    self.dotted(&mut query)?;
                }
            } else if self.cursor.eat(".") {
                if !self.cursor.rest().starts_with('[') {
                    self.dotted(&mut query)?;
                }
            } else {
                break;
            }
            if query.function.is_some() {
                break;
            }
        }
        // A definition has many paths, and keeps them.
        query.segments.shrink_to_fit();
        Ok(query)
    }

    fn root(&mut self) -> Result<Root, SyntaxError> {
        if self.cursor.eat("@") && self.depth > 0 {
            return Ok(Root::Current);
        }
        if self.cursor.eat("$$") {
            return Ok(Root::ContextObject);
        }
        if !self.cursor.eat("$") {
            return Err(self.cursor.error("a path starts with '$'"));
        }
        let name = self.cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        match name.chars().next() {
            None => Ok(Root::Input),
            Some(first) if first.is_ascii_digit() => Err(self.cursor.error("a variable does not start with a digit")),
            Some(_) => Ok(Root::Variable(name.into())),
        }
    }

    /// Reads what follows a dot: a name, `*`, or a function.
    fn dotted(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        if self.cursor.eat("*") {
            query.segments.push(Segment::Wildcard);
            return Ok(());
        }
        let stops = self.stops;
        let name = self.cursor.take_while(|c| !matches!(c, '.' | '[' | '(') && !stops.contains(c));
        if name.is_empty() {
            return Err(self.cursor.error("path must not end with a '.' or '..'"));
        }
        if self.cursor.rest().starts_with('(') {
            query.function = Some(self.call(name)?);
        } else {
            query.segments.push(Segment::Member(name.into()));
        }
        Ok(())
    }

    fn call(&mut self, name: &str) -> Result<Call, SyntaxError> {
        self.cursor.expect("(")?;
        let mut arguments = Vec::new();
        self.cursor.skip_spaces();
        while !self.cursor.eat(")") {
            if !arguments.is_empty() {
                self.cursor.expect(",")?;
                self.cursor.skip_spaces();
            }
            arguments.push(match self.cursor.peek() {
                Some('$') => Argument::Path(self.inner_query()?),
                _ => Argument::Literal(self.literal()?),
            });
            self.cursor.skip_spaces();
        }
        Call::new(name, arguments).ok_or_else(|| self.cursor.error(&format!("there is no function '{name}'")))
    }

    /// Reads a string in either quotes, a number, `true`, `false`, `null`, an array or an object. Any other word is
    /// a string too: definitions that run on AWS compare with `@.Type == AMOUNT_PAID`.
    pub fn literal(&mut self) -> Result<Value, SyntaxError> {
        if let Some('\'' | '"') = self.cursor.peek() {
            return self.cursor.quoted().map(Value::from);
        }
        let start = self.cursor.offset;
        if let Some('[' | '{') = self.cursor.peek() {
            self.skip_container()?;
        } else {
            let word = self.cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));
            if word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                return Ok(Value::parse(word).unwrap_or_else(|_| Value::from(word)));
            }
        }
        let text = self.cursor.text.get(start..self.cursor.offset).unwrap_or_default();
        // Arrays may be written with single quotes: `['a','b']`.
        let parsed = Value::parse(text).or_else(|_| Value::parse(&text.replace('\'', "\"")));
        parsed.map_err(|_| {
            self.cursor.offset = start;
            self.cursor.error("expected a value")
        })
    }

    /// Goes behind the array or object at the cursor.
    fn skip_container(&mut self) -> Result<(), SyntaxError> {
        let mut depth = 0_usize;
        while let Some(next) = self.cursor.peek() {
            match next {
                '\'' | '"' => {
                    self.cursor.quoted()?;
                    continue;
                }
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.cursor.next();
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.cursor.error("the array or object is not closed"))
    }

    fn bracket(&mut self) -> Result<Segment, SyntaxError> {
        self.cursor.expect("[")?;
        self.cursor.skip_spaces();
        let segment = match self.cursor.peek() {
            Some('\'' | '"') => self.names()?,
            Some('*') => {
                self.cursor.next();
                Segment::Wildcard
            }
            Some('?') => self.filter()?,
            _ => self.indices()?,
        };
        self.cursor.skip_spaces();
        self.cursor.expect("]")?;
        Ok(segment)
    }

    fn names(&mut self) -> Result<Segment, SyntaxError> {
        let first: Text = self.cursor.quoted()?.into();
        let mut names = vec![first.clone()];
        self.cursor.skip_spaces();
        while self.cursor.eat(",") {
            self.cursor.skip_spaces();
            if !matches!(self.cursor.peek(), Some('\'' | '"')) {
                return Err(self.cursor.error("expected a name in quotes"));
            }
            names.push(self.cursor.quoted()?.into());
            self.cursor.skip_spaces();
        }
        Ok(if names.len() == 1 { Segment::Member(first) } else { Segment::Members(names) })
    }

    fn filter(&mut self) -> Result<Segment, SyntaxError> {
        self.cursor.next();
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            return Err(self.cursor.error("filters nest too deep"));
        }
        self.cursor.skip_spaces();
        self.cursor.expect("(")?;
        let filter = filter(self)?;
        self.cursor.skip_spaces();
        self.cursor.expect(")")?;
        self.depth -= 1;
        Ok(Segment::Filter(Box::new(filter)))
    }

    /// Reads `0`, `0,1` or `from:to:step`.
    fn indices(&mut self) -> Result<Segment, SyntaxError> {
        let first = self.integer()?;
        if self.cursor.eat(":") {
            return self.slice(first);
        }
        let Some(first) = first else {
            return Err(self.cursor.error("expected an index, a slice, a name in quotes, '*' or a filter"));
        };
        let mut indices = vec![first];
        while self.cursor.eat(",") {
            indices.push(self.integer()?.ok_or_else(|| self.cursor.error("expected an index"))?);
        }
        Ok(if indices.len() == 1 { Segment::Index(first) } else { Segment::Indices(indices) })
    }

    fn slice(&mut self, from: Option<i64>) -> Result<Segment, SyntaxError> {
        let to = self.integer()?;
        let step = if self.cursor.eat(":") { self.integer()? } else { None };
        if step == Some(0) {
            return Err(self.cursor.error("the step of a slice must not be 0"));
        }
        Ok(Segment::Slice(Box::new(Slice { from, to, step })))
    }

    /// An integer with blanks around it, if there is one.
    fn integer(&mut self) -> Result<Option<i64>, SyntaxError> {
        self.cursor.skip_spaces();
        let text = self.cursor.take_while(|c| c.is_ascii_digit() || c == '-');
        if text.is_empty() {
            return Ok(None);
        }
        let integer = text.parse().map_err(|_| self.cursor.error("expected an integer"))?;
        self.cursor.skip_spaces();
        Ok(Some(integer))
    }
}
