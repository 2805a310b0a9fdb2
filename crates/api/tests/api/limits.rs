//! Limits that the API itself keeps: of time, and of the length of a definition.

use crate::support::{api_at, ask, refused, string};
use engine::{ManualClock, Options};
use std::{pin::pin, sync::Arc, time::Duration};

#[tokio::test]
async fn a_worker_waits_as_long_as_the_limit_says() {
    let clock = Arc::new(ManualClock::at(0));
    let mut options = Options::default();
    options.limits.activity_poll_seconds = 5;
    let api = api_at(Arc::clone(&clock) as _, options).await;
    ask(&api, "CreateActivity", r#"{"name": "a"}"#).await;
    let arn = "arn:aws:states:us-east-1:123456789012:activity:a";
    let body = format!(r#"{{"activityArn": "{arn}"}}"#);
    let mut poll = pin!(ask(&api, "GetActivityTask", &body));
    assert!(futures_util::poll!(&mut poll).is_pending());
    clock.advance(Duration::from_millis(4_999));
    assert!(futures_util::poll!(&mut poll).is_pending());
    clock.advance(Duration::from_millis(1));
    assert_eq!(poll.await.to_string(), "{}");
}

#[tokio::test]
async fn a_page_token_is_good_as_long_as_the_limit_says() {
    let clock = Arc::new(ManualClock::at(0));
    let mut options = Options::default();
    options.limits.page_token_hours = 1;
    let api = api_at(Arc::clone(&clock) as _, options).await;
    for name in ["a", "b"] {
        ask(&api, "CreateActivity", &format!(r#"{{"name": "{name}"}}"#)).await;
    }
    let token = string(&ask(&api, "ListActivities", r#"{"maxResults": 1}"#).await, "nextToken");
    let next = format!(r#"{{"maxResults": 1, "nextToken": "{token}"}}"#);
    clock.advance(Duration::from_mins(59));
    ask(&api, "ListActivities", &next).await;
    clock.advance(Duration::from_mins(1));
    assert_eq!(refused(&api, "ListActivities", &next).await.0, "InvalidToken");
}

#[tokio::test]
async fn a_definition_is_as_long_as_the_limit_says() {
    let definition_chars_max = engine::Options::default().limits.definition_chars_max;
    assert_eq!(definition_chars_max, 1_048_576);
    for limit in [definition_chars_max, 1_000, 2 * definition_chars_max] {
        let mut options = Options::default();
        options.limits.definition_chars_max = limit;
        options.limits.request_bytes_max = 8 << 20;
        let api = api_at(Arc::new(ManualClock::at(0)), options).await;
        let request = |chars: usize| {
            let (before, after) =
                (r#"{\"Comment\": \""#, r#"\", \"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Succeed\"}}}"#);
            let length = before.replace('\\', "").len() + after.replace('\\', "").len();
            // A letter of two bytes is one character.
            format!(r#"{{"definition": "{before}{}{after}"}}"#, "é".repeat(chars - length))
        };
        let answer = ask(&api, "ValidateStateMachineDefinition", &request(limit)).await;
        assert_eq!(string(&answer, "result"), "OK", "{answer}");
        let (code, message) = refused(&api, "ValidateStateMachineDefinition", &request(limit + 1)).await;
        assert_eq!(code, "ValidationException");
        assert!(message.ends_with(&format!("Member must have length less than or equal to {limit}")), "{limit}");
    }
}
