//! What an `ItemReader` finds in a file: its text to items.
//!
//! `TestState` is given the text with the request. A file that is fetched for a Map Run is read by the same rules.
//!
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>

use crate::Failure;
use asl::ItemReader;
use json::{Object, Text, Value};

/// The items in `text`, an array or an object, by `ReaderConfig`. `MaxItems` is not applied.
///
/// Fails with `States.ItemReaderFailed` when the text is not of the `InputType`, or of one that cannot be read from a
/// text (`MANIFEST`, `PARQUET`).
pub(crate) fn items(reader: &ItemReader, text: &str) -> Result<Value, Failure> {
    let config = &reader.reader_config;
    match config.get("InputType").and_then(Value::as_str) {
        // A list of objects has no type; it is given as the JSON that it is.
        None | Some("JSON") => parse(text),
        Some("JSONL") => text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect(),
        Some("CSV") => csv(config, text),
        Some(other) => Err(failed(format!("Items of the InputType {other} cannot be read from a text."))),
    }
}

pub(crate) fn failed(cause: impl Into<Text>) -> Failure {
    Failure::new("States.ItemReaderFailed", cause)
}

fn parse(text: &str) -> Result<Value, Failure> {
    Value::parse(text).map_err(|error| failed(error.message))
}

/// An object for each row, all its values strings. A row that is too short has empty strings at its end; what is beyond
/// the headers is left out.
fn csv(config: &Value, text: &str) -> Result<Value, Failure> {
    let delimiter = match config.get("CSVDelimiter").and_then(Value::as_str) {
        Some("PIPE") => '|',
        Some("SEMICOLON") => ';',
        Some("SPACE") => ' ',
        Some("TAB") => '\t',
        _ => ',',
    };
    let mut rows = rows(text, delimiter).into_iter();
    let headers: Vec<Text> = if config.get("CSVHeaderLocation").and_then(Value::as_str) == Some("GIVEN") {
        let given = config.get("CSVHeaders").and_then(Value::as_array).unwrap_or_default();
        given.iter().filter_map(Value::as_str).map(Text::from).collect()
    } else {
        rows.next().unwrap_or_default().into_iter().map(Text::from).collect()
    };
    let mut names: Vec<&Text> = headers.iter().collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < headers.len() {
        return Err(failed("CSV headers cannot contain duplicates."));
    }
    let item = |row: Vec<String>| {
        let fields = row.into_iter().chain(std::iter::repeat_with(String::new));
        Value::Object(headers.iter().cloned().zip(fields).collect::<Object>())
    };
    Ok(rows.map(item).collect())
}

/// The rows of a CSV text (RFC 4180); lines without a character are no rows.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            // Two quotes in a quoted field are one.
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            '\r' if !is_quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                close_row(&mut rows, &mut row, &mut field);
            }
            letter if letter == delimiter && !is_quoted => row.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    close_row(&mut rows, &mut row, &mut field);
    rows
}

fn close_row(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, field: &mut String) {
    if row.is_empty() && field.is_empty() {
        return;
    }
    row.push(std::mem::take(field));
    rows.push(std::mem::take(row));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, text: &str, expected: Result<&str, &str>) {
        let reader = ItemReader {
            resource: "arn:aws:states:::s3:getObject".into(),
            arguments: None,
            reader_config: Value::parse(config).unwrap(),
            max_items: None,
            items_pointer: None,
        };
        let found = items(&reader, text).map(|items| items.to_string());
        let found = found.map_err(|failure| failure.cause.unwrap().to_string());
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{config} {text:?}");
    }

    #[test]
    fn json_and_lines_of_json() {
        check(r#"{"InputType":"JSON"}"#, "[1, 2]", Ok("[1,2]"));
        check("null", r#"{"a": 1}"#, Ok(r#"{"a":1}"#));
        check(r#"{"InputType":"JSONL"}"#, "{\"a\": 1}\n\n 2\r\n", Ok(r#"[{"a":1},2]"#));
        let broken = "Unexpected end-of-input: expected close marker for Array (start marker at [line: 1, column: 1])";
        check(r#"{"InputType":"JSON"}"#, "[", Err(broken));
        let parquet = "Items of the InputType PARQUET cannot be read from a text.";
        check(r#"{"InputType":"PARQUET"}"#, "", Err(parquet));
    }

    #[test]
    fn rows_of_csv() {
        let first_row = r#"{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}"#;
        let given = |more: &str| format!(r#"{{"InputType":"CSV","CSVHeaderLocation":"GIVEN"{more}}}"#);
        check(first_row, "A,B\n1,true\r\n,\n", Ok(r#"[{"A":"1","B":"true"},{"A":"","B":""}]"#));
        check(first_row, "A,B\n1\n\n1,2,3", Ok(r#"[{"A":"1","B":""},{"A":"1","B":"2"}]"#));
        check(first_row, "A,B\n\"a,\"\"b\"\"\nc\",d", Ok(r#"[{"A":"a,\"b\"\nc","B":"d"}]"#));
        check(first_row, "", Ok("[]"));
        check(first_row, "A,A\n1,2", Err("CSV headers cannot contain duplicates."));
        check(
            &given(r#","CSVHeaders":["X","Y"],"CSVDelimiter":"PIPE""#),
            "1|2\n3",
            Ok(r#"[{"X":"1","Y":"2"},{"X":"3","Y":""}]"#),
        );
        check(&given(r#","CSVHeaders":["X"],"CSVDelimiter":"TAB""#), "1\t2", Ok(r#"[{"X":"1"}]"#));
    }
}
