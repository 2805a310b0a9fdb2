//! Names of state machines, executions, activities and aliases.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>

/// Characters that a name may have.
pub const NAME_CHARS_MAX: usize = 80;

/// Characters that AWS refuses in names, beside white space and control characters.
const FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

/// Whether `name` can name a state machine, an execution or an activity.
///
/// ```
/// assert!(asl::is_valid_name("order-processing_2"));
/// assert!(!asl::is_valid_name("order processing"));
/// ```
pub fn is_valid_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=NAME_CHARS_MAX).contains(&length) && !name.chars().any(is_forbidden)
}

fn is_forbidden(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{FFFE}' | '\u{FFFF}' | '\u{10FFFF}')
        || FORBIDDEN.contains(character)
}

/// What AWS calls a label that it refuses: [`None`] when the label of a distributed Map is good.
pub(crate) fn label_fault(label: &str) -> Option<String> {
    const LABEL_CHARS_MAX: usize = 40;
    if label.is_empty() {
        return Some("Label cannot be empty".to_owned());
    }
    if label.chars().count() > LABEL_CHARS_MAX {
        return Some(format!("Label cannot exceed {LABEL_CHARS_MAX} characters"));
    }
    let invalid = label.chars().find(|&character| is_forbidden_in_label(character))?;
    Some(format!("Label contains invalid character: '{}'", invalid.escape_debug()))
}

/// A label may hold `/`, which a name may not.
fn is_forbidden_in_label(character: char) -> bool {
    character != '/' && is_forbidden(character)
}

#[cfg(test)]
mod tests {
    use super::{NAME_CHARS_MAX, is_valid_name, label_fault};

    #[test]
    fn names() {
        for good in ["a", "A-b_c.d", "日本語", &"x".repeat(NAME_CHARS_MAX)] {
            assert!(is_valid_name(good), "{good}");
        }
        for character in "<>{}[]?*\"#%\\^|~`$&,;:/ \t\n\u{1f}\u{7f}\u{9f}\u{FFFE}\u{10FFFF}".chars() {
            assert!(!is_valid_name(&format!("activity{character}name")), "{character:?}");
        }
        assert!(!is_valid_name(""));
        assert!(!is_valid_name(&"x".repeat(NAME_CHARS_MAX + 1)));
    }

    #[test]
    fn labels() {
        assert_eq!(label_fault("Label-1/2"), None);
        assert_eq!(label_fault("label_$").unwrap(), "Label contains invalid character: '$'");
        assert_eq!(label_fault("").unwrap(), "Label cannot be empty");
        assert_eq!(label_fault(&"x".repeat(41)).unwrap(), "Label cannot exceed 40 characters");
    }
}
