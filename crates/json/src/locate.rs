//! Finds where in a text a value stands, for diagnostics that name it by its location.

use crate::syntax::{Name, Scanner};

/// Line and column, from 1 and in characters, of what a location such as `/States/X/Branches[0]/Next` names: of the
/// member's name, or of the element. `None` when the text has no such place or is not JSON up to there.
///
/// Locations do not escape anything, so a name may itself contain `/` and `[`; the first member that leads on counts.
///
/// ```
/// let text = "{\n  \"States\": {\"A/B\": [1, 2]}\n}";
/// assert_eq!(json::locate(text, "/States/A/B[1]"), Some((2, 25)));
/// assert_eq!(json::locate(text, "/States/C"), None);
/// ```
pub fn locate(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let mut scanner = Scanner { text, offset: 0 };
    scanner.peek_token()?;
    let start = scanner.offset;
    let offset = if pointer.trim_matches('/').is_empty() { start } else { find(&mut scanner, pointer, start)? };
    Some(line_and_column(text, offset))
}

/// Line and column, from 1 and in characters, of a byte offset.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// The offset of what `pointer` names below the value at the scanner, which goes behind that value when there is none.
/// `found` is the offset of the value itself or of its name. Recursion ends with the pointer.
fn find(scanner: &mut Scanner<'_>, pointer: &str, found: usize) -> Option<usize> {
    if pointer.is_empty() {
        return Some(found);
    }
    match scanner.peek_token()? {
        b'{' if pointer.starts_with('/') => find_member(scanner, pointer.strip_prefix('/')?),
        b'[' if pointer.starts_with('[') => {
            let (position, rest) = pointer.strip_prefix('[')?.split_once(']')?;
            find_element(scanner, position.parse().ok()?, rest)
        }
        _ => skip(scanner).and(None),
    }
}

fn find_member(scanner: &mut Scanner<'_>, pointer: &str) -> Option<usize> {
    scanner.offset += 1;
    loop {
        match scanner.peek_token()? {
            b'}' => {
                scanner.offset += 1;
                return None;
            }
            b',' => scanner.offset += 1,
            b'"' => {
                let start = scanner.offset;
                let name = scanner.string(Name::Yes).ok()?;
                scanner.peek_token().filter(|byte| *byte == b':')?;
                scanner.offset += 1;
                scanner.peek_token()?;
                let rest =
                    pointer.strip_prefix(name.as_str()).filter(|rest| rest.is_empty() || rest.starts_with(['/', '[']));
                match rest {
                    Some(rest) => {
                        if let Some(found) = find(scanner, rest, start) {
                            return Some(found);
                        }
                    }
                    None => skip(scanner)?,
                }
            }
            _ => return None,
        }
    }
}

fn find_element(scanner: &mut Scanner<'_>, position: usize, pointer: &str) -> Option<usize> {
    scanner.offset += 1;
    let mut current = 0;
    loop {
        match scanner.peek_token()? {
            b']' => {
                scanner.offset += 1;
                return None;
            }
            b',' => scanner.offset += 1,
            _ if current == position => {
                let start = scanner.offset;
                return find(scanner, pointer, start);
            }
            _ => {
                skip(scanner)?;
                current += 1;
            }
        }
    }
}

/// Goes behind the value at the scanner.
fn skip(scanner: &mut Scanner<'_>) -> Option<()> {
    let mut depth = 0_usize;
    loop {
        match scanner.peek_token()? {
            b'{' | b'[' => {
                depth += 1;
                scanner.offset += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                scanner.offset += 1;
            }
            b',' | b':' => scanner.offset += 1,
            first => drop(scanner.scalar(first).ok()?),
        }
        if depth == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_lead_to_names_and_elements() {
        let text =
            "{ \"A\": {\"x\": [1, {\"y\": 2}]},\n  \"ü\": 1, \"B\": [\n    [true, \"b\"]],\n\t\"A/x\": {\"z\": null}}";
        let cases = [
            ("", Some((1, 1))),
            ("/", Some((1, 1))),
            ("/A", Some((1, 3))),
            ("/A/x", Some((1, 9))),
            ("/A/x[0]", Some((1, 15))),
            ("/A/x[1]/y", Some((1, 19))),
            ("/A/x/z", Some((4, 10))),
            ("/B", Some((2, 11))),
            ("/B[0][1]", Some((3, 12))),
            ("/B[1]", None),
            ("/B[x]", None),
            ("/C", None),
            ("/A/x[1]/y/z", None),
        ];
        for (pointer, place) in cases {
            assert_eq!(locate(text, pointer), place, "{pointer}");
        }
        assert_eq!(locate("{\"A\": [1, ", "/A[0]"), Some((1, 8)));
        assert_eq!(locate("{\"A\": [1, ", "/B"), None);
        assert_eq!(locate("", "/B"), None);
    }
}
