//! How long files and functions are.

use super::source::{Source, line_of};

/// Lines of a file; of a function, from its `fn` to its closing brace.
pub(super) const FILE_LINES_MAX: usize = 500;
pub(super) const FUNCTION_LINES_MAX: usize = 70;

/// The length of a file, or of a function in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) file: String,
    /// `None`: the file itself.
    pub(super) function: Option<String>,
    pub(super) line: usize,
    pub(super) lines: usize,
}

impl Length {
    pub(super) fn lines_max(&self) -> usize {
        if self.function.is_some() { FUNCTION_LINES_MAX } else { FILE_LINES_MAX }
    }
}

/// Everything that has a length in a file; nothing if it is generated.
pub(super) fn lengths(source: &Source) -> Vec<Length> {
    if source.is_generated() {
        return Vec::new();
    }
    let file = Length { file: source.name.clone(), function: None, line: 1, lines: source.text.lines().count() };
    let functions = functions(&source.code).into_iter().map(|(name, begin, end)| {
        let line = line_of(&source.code, begin);
        let lines = line_of(&source.code, end) + 1 - line;
        Length { file: source.name.clone(), function: Some(name), line, lines }
    });
    std::iter::once(file).chain(functions).collect()
}

/// The functions that have a body: name, place of `fn`, place of the closing brace.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let begins = code.match_indices("fn ").map(|(at, _)| at);
    let begins = begins.filter(|&at| !code.get(..at).is_some_and(|before| before.ends_with(is_word)));
    let found = begins.filter_map(|at| {
        let after = code.get(at + "fn ".len()..)?;
        let name: String = after.chars().take_while(|&character| is_word(character)).collect();
        // `fn (…)` is the type of a function.
        let end = body_end(after).filter(|_| !name.is_empty())?;
        Some((name, at, at + "fn ".len() + end))
    });
    found.collect()
}

/// Where the body ends whose signature begins here; `None` if a semicolon comes first.
fn body_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.checked_sub(1)?,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                // A brace inside brackets belongs to a constant in the signature.
                if braces == 0 && brackets == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "\
//! A file.
trait T {
    fn declared(&self, size: [u8; 4]);
    fn given(&self) -> fn(u8) -> u8 {
        let text = \"} fn quoted() {\";
        |x| { x }
    }
}
/// Not part of it.
pub const fn short() {}
";
        let source = Source::new("a.rs".into(), text.into());
        let found: Vec<_> =
            lengths(&source).into_iter().map(|length| (length.function, length.line, length.lines)).collect();
        let expected = [(None, 1, 10), (Some("given".into()), 4, 4), (Some("short".into()), 10, 1)];
        assert_eq!(found, expected);
    }

    #[test]
    fn generated_files_have_no_length() {
        let source = Source::new("a.rs".into(), "//! @generated from a model\nfn a() {}\n".into());
        assert_eq!(lengths(&source), []);
    }
}
