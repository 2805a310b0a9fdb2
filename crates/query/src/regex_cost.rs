//! What a regular expression costs, told by its text.
//!
//! A match takes time linear in the text, but an expression such as `[ab]*a[ab]{500}c` makes the engine keep hundreds of
//! places of the expression at once for each byte. How many there can be at most shows in how it is written.

/// Fuel for a byte at any rate, and for each place of the expression at which the match can stand.
const BYTE_FUEL: u64 = 20;
const PLACE_FUEL: u64 = 8;

/// Fuel to match `pattern` in a text of so many bytes.
pub(crate) fn fuel(pattern: &str, text_bytes: usize) -> u64 {
    per_byte(pattern).saturating_mul(text_bytes as u64)
}

/// Fuel for each byte of the text.
pub(crate) fn per_byte(pattern: &str) -> u64 {
    BYTE_FUEL.saturating_add(PLACE_FUEL.saturating_mul(places(pattern)))
}

/// How many characters the expression stands for when its counted repetitions are written out, about.
fn places(pattern: &str) -> u64 {
    // For each open group: what it holds, and how much of that the last piece is.
    let mut groups: Vec<(u64, u64)> = vec![(0, 0)];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '(' => groups.push((0, 0)),
            ')' => {
                let inner = groups.pop().map_or(0, |(all, _)| all);
                add(&mut groups, inner);
            }
            '{' => {
                let counts: String = std::iter::from_fn(|| characters.next_if(|next| *next != '}')).collect();
                characters.next();
                repeat(&mut groups, &counts);
            }
            '\\' => {
                characters.next();
                add(&mut groups, 1);
            }
            '[' => {
                skip_class(&mut characters);
                add(&mut groups, 1);
            }
            '*' | '+' | '?' | '|' | '^' | '$' => {}
            _ => add(&mut groups, 1),
        }
    }
    groups.iter().fold(0, |sum, (all, _)| sum.saturating_add(*all))
}

fn add(groups: &mut Vec<(u64, u64)>, count: u64) {
    match groups.last_mut() {
        Some((all, last)) => (*all, *last) = (all.saturating_add(count), count),
        None => groups.push((count, count)),
    }
}

/// `{2,5}` makes five of the last piece.
fn repeat(groups: &mut [(u64, u64)], counts: &str) {
    let most = counts.split(',').filter_map(|count| count.trim().parse::<u64>().ok()).max().unwrap_or(1).max(1);
    if let Some((all, last)) = groups.last_mut() {
        let repeated = last.saturating_mul(most);
        (*all, *last) = (all.saturating_sub(*last).saturating_add(repeated), repeated);
    }
}

fn skip_class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            ']' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn repetitions_are_written_out() {
        for (pattern, expected) in [
            ("", 0),
            ("abc", 3),
            (r"a\d+[x-z\]]*", 3),
            ("a{3}", 3),
            ("a{2,5}b", 6),
            ("(ab){3}", 6),
            ("((a{10}){10}){10}", 1000),
            ("a{99999999999}{99999999999}", u64::MAX),
            ("a{b", 1),
            ("a)b)c", 3),
        ] {
            assert_eq!(places(pattern), expected, "{pattern}");
        }
    }
}
