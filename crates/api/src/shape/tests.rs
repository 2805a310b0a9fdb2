//! What inputs are refused for, in the words of the real service.

use super::*;
use crate::model::{
    CreateActivityInput, CreateStateMachineInput, ListExecutionsInput, RedriveExecutionInput, StartExecutionInput,
    UpdateMapRunInput,
};

fn check_input<I: Input>(input: &str, code_and_message: Option<(&str, &str)>) {
    let value = Value::parse(input).unwrap();
    let found = check(I::MEMBERS, value.as_object().unwrap(), &Limits::default());
    let found = found.err().map(|error| (error.code, error.message));
    assert_eq!(found.as_ref().map(|(code, message)| (*code, message.as_str())), code_and_message, "{input}");
}

fn violates<I: Input>(input: &str, message: &str) {
    check_input::<I>(input, Some(("ValidationException", message)));
}

fn cannot_be_read<I: Input>(input: &str, message: &str) {
    check_input::<I>(input, Some(("SerializationException", message)));
}

const ARN: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:a";

#[test]
fn what_is_right_passes() {
    check_input::<ListExecutionsInput>("{}", None);
    check_input::<ListExecutionsInput>(r#"{"maxResults": 1000, "nextToken": null, "unknown": [{}]}"#, None);
    check_input::<StartExecutionInput>(&format!(r#"{{"stateMachineArn": "{ARN}", "input": ""}}"#), None);
    check_input::<UpdateMapRunInput>(r#"{"mapRunArn": "a", "toleratedFailurePercentage": 99.5}"#, None);
}

#[test]
fn recorded_violations() {
    violates::<ListExecutionsInput>(
        r#"{"maxResults": 1001}"#,
        "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 1000",
    );
    violates::<ListExecutionsInput>(
        r#"{"statusFilter": "succeeded"}"#,
        "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: \
         Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
    );
    let token = "x".repeat(3097);
    violates::<ListExecutionsInput>(
        &format!(r#"{{"nextToken": "{token}"}}"#),
        &format!(
            "1 validation error detected: Value '{token}' at 'nextToken' failed to satisfy constraint: \
             Member must have length less than or equal to 3096"
        ),
    );
}

#[test]
fn all_violations_are_told_at_once() {
    violates::<CreateStateMachineInput>(
        r#"{"name": "", "definition": null, "roleArn": "arn:aws:iam::1:role/r", "tags": [{"key": ""}, null]}"#,
        "4 validation errors detected: \
         Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value null at 'definition' failed to satisfy constraint: Member must not be null; \
         Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value null at 'tags.2.member' failed to satisfy constraint: Member must not be null",
    );
    violates::<RedriveExecutionInput>(
        r#"{"executionArn": "a", "clientToken": "with space"}"#,
        "1 validation error detected: Value 'with space' at 'clientToken' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [!-~]+",
    );
    violates::<UpdateMapRunInput>(
        r#"{"mapRunArn": "a", "maxConcurrency": -1, "toleratedFailurePercentage": 100.5}"#,
        "2 validation errors detected: \
         Value '-1' at 'maxConcurrency' failed to satisfy constraint: Member must have value greater than or equal to 0; \
         Value '100.5' at 'toleratedFailurePercentage' failed to satisfy constraint: \
         Member must have value less than or equal to 100",
    );
}

#[test]
fn sensitive_values_are_not_repeated_and_lengths_count_as_configured() {
    let input = format!(r#"{{"stateMachineArn": "{ARN}", "input": "{}"}}"#, "é".repeat(131_073));
    violates::<StartExecutionInput>(
        &input,
        "1 validation error detected: Value at 'input' failed to satisfy constraint: \
         Member must have length less than or equal to 262144",
    );
    let value = Value::parse(&input).unwrap();
    let limits = Limits { payload_bytes_max: 300_000, ..Limits::default() };
    assert_eq!(check(StartExecutionInput::MEMBERS, value.as_object().unwrap(), &limits), Ok(()));
    // A name is counted in characters.
    check_input::<CreateActivityInput>(&format!(r#"{{"name": "{}"}}"#, "é".repeat(80)), None);
}

#[test]
fn wrong_types_cannot_be_read() {
    cannot_be_read::<CreateActivityInput>(r#"{"name": 5}"#, "NUMBER_VALUE can not be converted to a String");
    cannot_be_read::<CreateActivityInput>(r#"{"name": true}"#, "TRUE_VALUE can not be converted to a String");
    cannot_be_read::<CreateActivityInput>(r#"{"name": []}"#, "Start of list found where not expected");
    cannot_be_read::<CreateActivityInput>(r#"{"name": {}}"#, "Start of structure or map found where not expected.");
    cannot_be_read::<CreateActivityInput>(r#"{"name": "a", "tags": "b"}"#, "Expected list or null");
    cannot_be_read::<CreateActivityInput>(r#"{"name": "a", "tags": ["b"]}"#, "Expected map or null");
    cannot_be_read::<ListExecutionsInput>(r#"{"maxResults": "5"}"#, "STRING_VALUE can not be converted to an Integer");
    for number in ["1.5", "1e400", "9999999999", "123456789012345678901234567890"] {
        cannot_be_read::<ListExecutionsInput>(
            &format!(r#"{{"maxResults": {number}}}"#),
            "NUMBER_VALUE can not be converted to an Integer",
        );
    }
}

/// Orders that are known from answers of the real service and of others with the same framework.
#[test]
fn enums_are_listed_as_aws_does() {
    for known in [
        &["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"][..],
        &["INDEXES", "TOTAL", "NONE"],
        &["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"],
        &["PROVISIONED", "PAY_PER_REQUEST"],
    ] {
        let mut values = known.to_vec();
        values.sort_unstable();
        assert_eq!(hash_set_order(&values), known);
    }
}

#[test]
fn patterns_match_as_written() {
    let check = |pattern: Pattern, text: &str, matches: bool| assert_eq!(pattern.matches(text), matches, "{text}");
    check(Pattern::CharacterRestrictedName, "a-1_.", true);
    check(Pattern::CharacterRestrictedName, "123", false);
    check(Pattern::CharacterRestrictedName, "a b", false);
    check(Pattern::VisibleAscii, "~!", true);
    check(Pattern::VisibleAscii, "é", false);
    check(Pattern::Ascii, "", true);
    check(Pattern::Ascii, "é", false);
}
