//! Logging, tracing and encryption of a state machine: checked when they come in, completed with AWS's defaults
//! when they are shown.
//!
//! The engine keeps a configuration as the JSON that came in, and nothing for one that says no more than the default:
//! so CreateStateMachine is idempotent whether the default was written out or not.

use crate::ApiError;
use crate::model::{EncryptionConfiguration, LoggingConfiguration, TracingConfiguration};
use crate::shape::Input;
use json::Payload;
use serde::Serialize;

/// What a state machine was given.
pub(crate) struct Configurations {
    pub(crate) logging: Option<Payload>,
    pub(crate) tracing: Option<Payload>,
}

/// Checks what a request gives for a new state machine.
pub(crate) fn of_new(
    logging: Option<LoggingConfiguration>,
    tracing: Option<TracingConfiguration>,
    encryption: Option<&EncryptionConfiguration>,
) -> Result<Configurations, ApiError> {
    check_logging(logging.as_ref())?;
    check_encryption(encryption)?;
    Ok(Configurations {
        logging: logging.map(complete_logging).filter(|given| *given != default_logging()).map(|given| payload(&given)),
        tracing: tracing.filter(|given| given.enabled == Some(true)).map(|given| payload(&given)),
    })
}

/// Checks what a request changes. Here the default is a change like any other.
pub(crate) fn of_change(
    logging: Option<LoggingConfiguration>,
    tracing: Option<TracingConfiguration>,
    encryption: Option<&EncryptionConfiguration>,
) -> Result<Configurations, ApiError> {
    check_logging(logging.as_ref())?;
    check_encryption(encryption)?;
    Ok(Configurations {
        logging: logging.map(|given| payload(&complete_logging(given))),
        tracing: tracing.map(|given| payload(&given)),
    })
}

/// There are no customer managed keys here. Taking one and not encrypting with it would be a lie.
pub(crate) fn check_encryption(given: Option<&EncryptionConfiguration>) -> Result<(), ApiError> {
    match given {
        Some(given) if &*given.r#type != OWNED_KEY => Err(ApiError::new(
            "InvalidEncryptionConfiguration",
            "Invalid Encryption Configuration: customer managed keys are not supported yet",
        )),
        _ => Ok(()),
    }
}

pub(crate) fn logging(kept: Option<&Payload>) -> LoggingConfiguration {
    kept.and_then(read::<LoggingConfiguration>).map_or_else(default_logging, complete_logging)
}

pub(crate) fn tracing(kept: Option<&Payload>) -> TracingConfiguration {
    let kept = kept.and_then(read::<TracingConfiguration>);
    TracingConfiguration { enabled: Some(kept.and_then(|kept| kept.enabled).unwrap_or(false)) }
}

pub(crate) fn encryption(kept: Option<&Payload>) -> EncryptionConfiguration {
    kept.and_then(read).unwrap_or_else(|| EncryptionConfiguration { r#type: OWNED_KEY.into(), ..Default::default() })
}

const OWNED_KEY: &str = "AWS_OWNED_KEY";

fn check_logging(given: Option<&LoggingConfiguration>) -> Result<(), ApiError> {
    let Some(given) = given else { return Ok(()) };
    let is_off = given.level.as_deref().is_none_or(|level| level == "OFF");
    let destinations = given.destinations.as_ref().map_or(0, Vec::len);
    if destinations == 1 || (is_off && destinations == 0) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidLoggingConfiguration",
        "Invalid Logging Configuration: Must specify exactly one Log Destination.",
    ))
}

fn complete_logging(given: LoggingConfiguration) -> LoggingConfiguration {
    LoggingConfiguration {
        level: given.level.or_else(|| Some("OFF".into())),
        include_execution_data: given.include_execution_data.or(Some(false)),
        destinations: given.destinations,
    }
}

fn default_logging() -> LoggingConfiguration {
    complete_logging(LoggingConfiguration::default())
}

fn payload<S: Serialize>(configuration: &S) -> Payload {
    // Structures of texts and flags serialize always.
    let text = serde_json::to_string(configuration).unwrap_or_default();
    Payload::parse(&text).unwrap_or_default()
}

fn read<S: Input>(kept: &Payload) -> Option<S> {
    kept.value().as_object().map(S::read)
}
