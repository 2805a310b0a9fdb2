//! `${Name}` placeholders, as CloudFormation's `DefinitionSubstitutions` replaces them.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-stepfunctions-statemachine.html>

use std::collections::BTreeMap;

/// Fields that hold a number, and a plausible one: a placeholder there is written as a string, and replaced with its
/// quotes.
const NUMBERS: &[(&str, &str)] = &[
    ("Seconds", "1"),
    ("TimeoutSeconds", "60"),
    ("HeartbeatSeconds", "10"),
    ("MaxConcurrency", "1"),
    ("MaxItems", "1"),
    ("MaxItemsPerBatch", "1"),
    ("MaxInputBytesPerBatch", "1"),
    ("ToleratedFailureCount", "1"),
    ("ToleratedFailurePercentage", "1"),
    ("IntervalSeconds", "1"),
    ("MaxAttempts", "1"),
    ("MaxDelaySeconds", "1"),
    ("BackoffRate", "2"),
];

/// What stands for a name by its end, any case: pseudo parameters and how people spell them.
const BY_SUFFIX: &[(&str, &str)] = &[("partition", "aws"), ("region", "us-east-1"), ("accountid", "123456789012")];

/// Replaces `${Name}` by its value. For a name without one it writes what may stand there (an ARN in `Resource`, a
/// number in `Seconds`, else the name), so that the rest can be checked, and returns the name.
///
/// ```
/// let values = [("Queue".to_owned(), "orders".to_owned())].into();
/// let (text, unresolved) = asl::substitute(r#"{"QueueUrl": "${Queue}", "Resource": "${Pay}"}"#, &values);
/// assert_eq!(text, r#"{"QueueUrl": "orders", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Pay"}"#);
/// assert_eq!(unresolved, ["Pay"]);
/// ```
pub fn substitute(text: &str, values: &BTreeMap<String, String>) -> (String, Vec<String>) {
    let mut unresolved = Vec::new();
    let mut substituted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = next_placeholder(rest) {
        substituted.push_str(before);
        let field = field_of_whole_value(&substituted, after);
        let known = values.get(name).cloned().or_else(|| pseudo_parameter(name));
        let value = known.unwrap_or_else(|| {
            if !unresolved.iter().any(|other| other == name) {
                unresolved.push(name.to_owned());
            }
            plausible(name, field.as_deref())
        });
        let is_number = field.is_some_and(|field| number(&field).is_some()) && value.parse::<f64>().is_ok();
        if is_number && substituted.ends_with('"') && after.starts_with('"') {
            substituted.pop();
            substituted.push_str(&value);
            rest = after.get(1..).unwrap_or_default();
        } else {
            push_escaped(&mut substituted, &value);
            rest = after;
        }
    }
    substituted.push_str(rest);
    (substituted, unresolved)
}

/// What is before the next placeholder, its name, and what is behind it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("${")?;
        let (before, inside) = (text.get(..start)?, text.get(start + 2..)?);
        let length = inside.find(|character: char| !is_of_name(character))?;
        if length > 0 && inside.get(length..)?.starts_with('}') {
            return Some((before, inside.get(..length)?, inside.get(length + 1..)?));
        }
        from = start + 2;
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | ':' | '-' | '[' | ']')
}

/// The field whose whole value the placeholder is: `before` ends with `"Field": "` (or `Field: ` in YAML).
fn field_of_whole_value(before: &str, after: &str) -> Option<String> {
    let is_end = after.is_empty() || after.starts_with(['"', '\'', '\n', '\r']);
    let key = before.trim_end_matches(['"', '\'']).trim_end_matches(' ').strip_suffix(':')?.trim_end();
    let key = key.trim_end_matches(['"', '\'']);
    let start = key.rfind(|character: char| !character.is_ascii_alphanumeric()).map_or(0, |position| position + 1);
    is_end.then(|| key.get(start..).unwrap_or_default().to_owned())
}

/// `AWS::Region` and the like have a value without one being given.
fn pseudo_parameter(name: &str) -> Option<String> {
    name.strip_prefix("AWS::").map(|name| plausible(name, None))
}

fn plausible(name: &str, field: Option<&str>) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if let Some((_, value)) = BY_SUFFIX.iter().find(|(suffix, _)| letters.ends_with(suffix)) {
        return (*value).to_owned();
    }
    let word: String = name.chars().map(|character| if is_plain(character) { character } else { '-' }).collect();
    match field {
        Some("Resource") => format!("arn:aws:lambda:us-east-1:123456789012:function:{word}"),
        Some("RoleArn") => format!("arn:aws:iam::123456789012:role/{word}"),
        field => field.and_then(number).map_or(word, ToOwned::to_owned),
    }
}

fn number(field: &str) -> Option<&'static str> {
    NUMBERS.iter().find(|(name, _)| *name == field).map(|(_, number)| *number)
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The value stands inside a JSON string.
fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::substitute;

    fn check(text: &str, values: &[(&str, &str)], expected: &str, unresolved: &[&str]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (substituted, left) = substitute(text, &values);
        assert_eq!(substituted, expected);
        assert_eq!(left, unresolved);
    }

    #[test]
    fn given_values() {
        check(r#"{"a": "${X}-${X}"}"#, &[("X", "1")], r#"{"a": "1-1"}"#, &[]);
        check(r#"{"a": "${X}"}"#, &[("X", "say \"hi\"\\")], r#"{"a": "say \"hi\"\\"}"#, &[]);
        check(r#"{"Seconds": "${X}"}"#, &[("X", "60")], r#"{"Seconds": 60}"#, &[]);
        check("Resource: ${X}\n", &[("X", "arn:x")], "Resource: arn:x\n", &[]);
    }

    #[test]
    fn defaults_by_position() {
        check(r#"{"MaxConcurrency":"${var.n}"}"#, &[], r#"{"MaxConcurrency":1}"#, &["var.n"]);
        let arn = r#"{"Resource": "arn:${AWS::Partition}:states:::lambda:invoke"}"#;
        check(arn, &[], r#"{"Resource": "arn:aws:states:::lambda:invoke"}"#, &[]);
        check("  Resource: ${Pay}", &[], "  Resource: arn:aws:lambda:us-east-1:123456789012:function:Pay", &["Pay"]);
        check(r#"{"TopicArn": "${T}", "x": "${T}"}"#, &[], r#"{"TopicArn": "T", "x": "T"}"#, &["T"]);
    }

    #[test]
    fn what_is_no_placeholder() {
        for text in ["$.a", "${}", "${ a }", "${a", "$", "{% $x{'a': 1} %}"] {
            check(text, &[], text, &[]);
        }
    }
}
