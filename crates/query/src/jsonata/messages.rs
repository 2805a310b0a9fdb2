//! AWS's sentences for evaluations that gave no value, with the messages of the JSONata reference.

use super::engine::Fault;
use crate::{Failure, Reason};
use jsonata_core::evaluator::{EvaluatorError, error_code_prefix};

/// Characters of a location in an event.
const LOCATION_CHARS_MAX: usize = 256;

/// The failure for a fault, or for undefined. `last` says that no larger budget will be tried.
pub(super) fn failure(fault: Option<Fault>, source: &str, field: &str, last: bool) -> Failure {
    let over_budget = matches!(fault, Some(Fault::Time | Fault::TooMuchToRead | Fault::Memory | Fault::Depth)) && !last;
    let reason = if over_budget { Reason::OverBudget } else { Reason::QueryEvaluation };
    let end = match fault {
        None => "returned nothing (undefined).".to_owned(),
        Some(Fault::UnsupportedResult) => "returned an unsupported result type.".to_owned(),
        Some(Fault::Internal) => "threw an internal error during evaluation.".to_owned(),
        Some(Fault::Error { code, message }) => format!("threw an error during evaluation. {code}: {message}"),
        Some(Fault::Uncoded { message }) => format!("threw an error during evaluation: {message}"),
        Some(Fault::Time) => threw("Expression evaluation timeout: Check for infinite loop"),
        Some(Fault::TooMuchToRead) => threw("Expression evaluation timeout: the data that it reads is too large"),
        Some(Fault::Memory) => threw("Expression evaluation memory limit exceeded: Check for excessive memory usage"),
        Some(Fault::Depth) => threw(
            "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
        ),
    };
    Failure {
        reason,
        message: format!("The JSONata expression '{source}' specified for the field '{field}' {end}"),
        location: field.chars().take(LOCATION_CHARS_MAX).collect(),
    }
}

fn threw(message: &str) -> String {
    format!("threw an error during evaluation: {message}")
}

/// The fault in the reference's words. `failed_call` finds the name of the built-in function that refused its
/// arguments, which the evaluator does not tell.
pub(super) fn fault_of(error: &EvaluatorError, failed_call: impl FnOnce() -> Option<String>) -> Fault {
    let text = error.message();
    let Some((code, message)) = error_code_prefix(text).and_then(|code| Some((code, text.get(code.len() + 2..)?)))
    else {
        return Fault::Uncoded { message: text.to_owned() };
    };
    match code {
        "D1011" | "U1001" => return Fault::Depth,
        "D1012" => return Fault::Time,
        "D2015" => return Fault::Memory,
        _ => {}
    }
    let message = match code {
        "T0410" | "T0411" | "T0412" => argument_message(code, message, failed_call),
        _ => reference_message(code, message),
    };
    Fault::Error { code: code.to_owned(), message }
}

fn argument_message(code: &str, message: &str, failed_call: impl FnOnce() -> Option<String>) -> String {
    if message.contains("of function \"") || message.contains("function with signature") {
        return message.to_owned();
    }
    let numbers: Vec<u64> = message.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let index = match (message.starts_with("Argument count"), &*numbers) {
        (true, [expected, actual]) => expected.min(actual) + 1,
        (_, [index, ..]) => *index,
        _ => 1,
    };
    let function = failed_call().map_or_else(|| "function".to_owned(), |name| format!("function \"{name}\""));
    match code {
        "T0411" => format!("Context value is not a compatible type with argument {index} of {function}"),
        "T0412" => {
            let item = message.rsplit(' ').next().unwrap_or_default().to_lowercase();
            format!("Argument {index} of {function} must be an array of \"{item}s\"")
        }
        _ => format!("Argument {index} of {function} does not match function signature"),
    }
}

/// The reference's message where the evaluator words it otherwise.
fn reference_message(code: &str, message: &str) -> String {
    if let Some((_, fixed)) = FIXED.iter().find(|(known, _)| *known == code) {
        return (*fixed).to_owned();
    }
    match code {
        "T1006" => "Attempted to invoke a non-function".to_owned(),
        "T2001" | "T2002" => quote_operator(message),
        "D3030" => match message.strip_prefix("Cannot convert '").and_then(|rest| rest.strip_suffix("' to number")) {
            Some(value) => format!("Unable to cast value to a number: {}", json::Value::from(value)),
            None => "Unable to cast value to a number".to_owned(),
        },
        "D3100" => {
            let given = message.rsplit(' ').next().unwrap_or_default();
            format!("The radix of the formatBase function must be between 2 and 36.  It was given {given}")
        }
        "D3130" if !message.contains(' ') => format!(
            "Formatting an integer as a sequence starting with {} is not supported by this implementation",
            json::Value::from(message)
        ),
        _ => message.to_owned(),
    }
}

/// `of the + operator` → `of the "+" operator`.
fn quote_operator(message: &str) -> String {
    for operator in ["+", "-", "*", "/", "%"] {
        let bare = format!(" the {operator} operator ");
        if message.contains(&bare) {
            return message.replace(&bare, &format!(" the \"{operator}\" operator "));
        }
    }
    message.to_owned()
}

/// Messages without a value in them.
const FIXED: [(&str, &str); 31] = [
    ("D1004", "Regular expression matches zero length string"),
    ("D3001", "Attempting to invoke string function on Infinity or NaN"),
    ("D3010", "Second argument of replace function cannot be an empty string"),
    ("D3011", "Fourth argument of replace function must evaluate to a positive number"),
    ("D3012", "Attempted to replace a matched string with a non-string value"),
    ("D3020", "Third argument of split function must evaluate to a positive number"),
    ("D3040", "Third argument of match function must evaluate to a positive number"),
    ("D3050", "The second argument of reduce function must be a function with at least two arguments"),
    (
        "D3070",
        "The single argument form of the sort function can only be applied to an array of strings or an array of \
         numbers.  Use the second argument to specify a comparison function",
    ),
    ("D3080", "The picture string must only contain a maximum of two sub-pictures"),
    ("D3081", "The sub-picture must not contain more than one instance of the 'decimal-separator' character"),
    ("D3082", "The sub-picture must not contain more than one instance of the 'percent' character"),
    ("D3083", "The sub-picture must not contain more than one instance of the 'per-mille' character"),
    ("D3084", "The sub-picture must not contain both a 'percent' and a 'per-mille' character"),
    (
        "D3085",
        "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit \
         character' or a member of the 'decimal digit family'",
    ),
    (
        "D3086",
        "The sub-picture must not contain a passive character that is preceded by an active character and that is \
         followed by another active character",
    ),
    (
        "D3087",
        "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a \
         'decimal-separator' character",
    ),
    ("D3088", "The sub-picture must not contain a 'grouping-separator' at the end of the integer part"),
    ("D3089", "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character"),
    (
        "D3090",
        "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed \
         by an instance of the 'optional digit character'",
    ),
    (
        "D3091",
        "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that \
         is followed by a member of the 'decimal digit family'",
    ),
    (
        "D3092",
        "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an \
         'exponent-separator'",
    ),
    (
        "D3093",
        "The exponent part of the sub-picture must comprise only of one or more characters that are members of the \
         'decimal digit family'",
    ),
    ("D3131", "In a decimal digit pattern, all digits must be from the same decimal group"),
    ("D3134", "The timezone integer format specifier cannot have more than four digits"),
    ("D3135", "No matching closing bracket ']' in date/time picture string"),
    ("D3136", "The date/time picture string is missing specifiers required to parse the timestamp"),
    ("T2003", "The left side of the range operator (..) must evaluate to an integer"),
    ("T2004", "The right side of the range operator (..) must evaluate to an integer"),
    ("T2010", "The expressions either side of the operator must evaluate to numeric or string values"),
    ("D1002", "Cannot negate a non-numeric value"),
];
