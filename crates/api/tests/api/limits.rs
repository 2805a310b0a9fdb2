//! Limits of time that the API itself keeps.

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
