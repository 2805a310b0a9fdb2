//! A Rust file as the rules see it: as it is written, and its code alone, without comments and the content of strings.

/// One file.
pub(super) struct Source {
    /// Its path from the root of the project.
    pub(super) name: String,
    pub(super) text: String,
    /// As long as `text`, line for line, with blanks for comments and for what is inside literals.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(name: String, text: String) -> Self {
        let code = blank(&text);
        Self { name, text, code }
    }

    /// Whether a program wrote it: then its shape is that program's business.
    pub(super) fn is_generated(&self) -> bool {
        self.text.lines().take_while(|line| line.starts_with("//")).any(|line| line.contains("@generated"))
    }
}

/// The line of a byte of the text, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&byte| byte == b'\n').count()
}

/// Where a comment or a literal begins: how long it is, and how many bytes of it, at both ends, stay visible.
struct Hidden {
    bytes: usize,
    edge: usize,
}

fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let hidden = hidden(rest, before).unwrap_or(Hidden { bytes: 0, edge: 0 });
        let bytes = hidden.bytes.max(first.len_utf8());
        let (part, after) = rest.split_at(bytes);
        for (at, character) in part.char_indices() {
            let visible = hidden.bytes == 0 || at < hidden.edge || at + hidden.edge >= bytes || character == '\n';
            // A blank for each byte keeps the places the same in both texts.
            if visible { code.push(character) } else { code.extend(std::iter::repeat_n(' ', character.len_utf8())) }
        }
        before = part.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    code
}

fn hidden(rest: &str, before: char) -> Option<Hidden> {
    let in_word = before.is_alphanumeric() || before == '_';
    if rest.starts_with("//") {
        return Some(Hidden { bytes: rest.find('\n').unwrap_or(rest.len()), edge: 0 });
    }
    if rest.starts_with("/*") {
        return Some(Hidden { bytes: block_comment(rest), edge: 0 });
    }
    if rest.starts_with('"') {
        return Some(Hidden { bytes: quoted(rest, '"'), edge: 1 });
    }
    if rest.starts_with('\'') {
        return character(rest).map(|bytes| Hidden { bytes, edge: 1 });
    }
    if !in_word && let Some(bytes) = raw_string(rest) {
        return Some(Hidden { bytes, edge: 1 });
    }
    None
}

/// They nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(next) = rest.get(at..).and_then(|rest| rest.find(['/', '*'])) {
        at += next;
        let two = rest.get(at..at + 2);
        match two {
            Some("/*") => depth += 1,
            Some("*/") => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a literal that begins and ends with `quote`, escapes in between.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    let (_, first) = characters.next()?;
    let (at, second) = characters.next()?;
    match (first, second) {
        ('\\', _) => Some(quoted(rest, '\'')),
        (_, '\'') => Some(at + 1),
        _ => None,
    }
}

/// `r"…"`, `r#"…"#`, also of bytes and C strings.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let after = rest.get(prefix.len()..)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let content = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = rest.len() - content.len();
    Some(content.find(&end).map_or(rest.len(), |at| begin + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::blank;

    #[test]
    fn only_code_is_left() {
        #[rustfmt::skip]
        let cases = [
            ("let a = 1; // fn",         "let a = 1;      "),
            ("a /* b /* c */ d */ e",    "a                   e"),
            ("a /* b\nc */ d",           "a     \n     d"),
            ("f(\"fn \\\" x\")",         "f(\"       \")"),
            ("f('\\'', '{', 'ä')",       "f('  ', ' ', '  ')"),
            ("fn f<'a>(a: &'a str)",     "fn f<'a>(a: &'a str)"),
            ("r#\"a \" b\"# + r\"c\\\"", "r        # + r   \""),
            ("br\"x\" for\"y\"",         "b   \" for\" \""),
            ("\"never closed",           "\"           d"),
        ];
        for (text, expected) in cases {
            assert_eq!(blank(text), expected, "{text}");
        }
    }
}
