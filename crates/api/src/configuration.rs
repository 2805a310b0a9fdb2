//! Logging, tracing and encryption of a state machine: checked when they come in, completed with AWS's defaults
//! when they are shown.
//!
//! The engine keeps a configuration as the JSON that came in, and nothing for one that says no more than the default:
//! so CreateStateMachine is idempotent, and an update changes nothing, whether the default was written out or not.

use crate::ApiError;
use crate::model::{EncryptionConfiguration, LoggingConfiguration, TracingConfiguration};
use crate::shape::Input;
use engine::Setting;
use json::Payload;
use serde::Serialize;

/// What a new state machine is given (`Option<Payload>`), or what is changed of one (`Setting`).
pub(crate) struct Configurations<C> {
    pub(crate) logging: C,
    pub(crate) tracing: C,
    pub(crate) encryption: C,
}

/// Checks what a request gives for a new state machine.
pub(crate) fn of_new(
    logging: Option<LoggingConfiguration>,
    tracing: Option<TracingConfiguration>,
    encryption: Option<EncryptionConfiguration>,
) -> Result<Configurations<Option<Payload>>, ApiError> {
    check_logging(logging.as_ref())?;
    Ok(Configurations {
        logging: logging.and_then(logging_to_keep),
        tracing: tracing.filter(|given| given.enabled == Some(true)).map(|given| payload(&given)),
        encryption: encryption_of_new(encryption)?,
    })
}

/// Checks what a request changes.
pub(crate) fn of_change(
    logging: Option<LoggingConfiguration>,
    tracing: Option<TracingConfiguration>,
    encryption: Option<EncryptionConfiguration>,
) -> Result<Configurations<Setting>, ApiError> {
    let setting = |is_given: bool, to_keep: Option<Payload>| match to_keep {
        Some(configuration) => Setting::To(configuration),
        None if is_given => Setting::Default,
        None => Setting::Kept,
    };
    let are_given = (logging.is_some(), tracing.is_some(), encryption.is_some());
    let Configurations { logging, tracing, encryption } = of_new(logging, tracing, encryption)?;
    Ok(Configurations {
        logging: setting(are_given.0, logging),
        tracing: setting(are_given.1, tracing),
        encryption: setting(are_given.2, encryption),
    })
}

fn logging_to_keep(given: LoggingConfiguration) -> Option<Payload> {
    let completed = complete_logging(given);
    (completed != default_logging()).then(|| payload(&completed))
}

/// The encryption of a new state machine or activity.
pub(crate) fn encryption_of_new(given: Option<EncryptionConfiguration>) -> Result<Option<Payload>, ApiError> {
    let given = complete_encryption(given)?.filter(|given| &*given.r#type != OWNED_KEY);
    Ok(given.map(|given| payload(&given)))
}

/// Checks what is given, and completes it as AWS does. Nothing is encrypted with the key yet.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_EncryptionConfiguration.html>
fn complete_encryption(given: Option<EncryptionConfiguration>) -> Result<Option<EncryptionConfiguration>, ApiError> {
    let Some(given) = given else { return Ok(None) };
    let refused = |why: &str| {
        Err(ApiError::new("InvalidEncryptionConfiguration", format!("Invalid Encryption Configuration: {why}")))
    };
    let has_key = given.kms_key_id.is_some();
    match (&*given.r#type == OWNED_KEY, has_key) {
        (true, false) if given.kms_data_key_reuse_period_seconds.is_some() => {
            refused("kmsDataKeyReusePeriodSeconds can only be set when type is CUSTOMER_MANAGED_KMS_KEY")
        }
        (true, true) => refused("kmsKeyId can only be set when type is CUSTOMER_MANAGED_KMS_KEY"),
        (false, false) => refused("kmsKeyId must be set when type is CUSTOMER_MANAGED_KMS_KEY"),
        (true, false) => Ok(Some(given)),
        (false, true) => {
            let period = given.kms_data_key_reuse_period_seconds.or(Some(DATA_KEY_REUSE_SECONDS));
            Ok(Some(EncryptionConfiguration { kms_data_key_reuse_period_seconds: period, ..given }))
        }
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
/// How long AWS uses a data key of a customer managed key, unless told otherwise.
const DATA_KEY_REUSE_SECONDS: i64 = 300;

fn check_logging(given: Option<&LoggingConfiguration>) -> Result<(), ApiError> {
    let Some(given) = given else { return Ok(()) };
    let is_off = given.level.as_deref().is_none_or(|level| level == "OFF");
    let refused =
        |why: &str| Err(ApiError::new("InvalidLoggingConfiguration", format!("Invalid Logging Configuration: {why}")));
    let log_group = match given.destinations.as_deref().unwrap_or_default() {
        [] if is_off => return Ok(()),
        [destination] => destination.cloud_watch_logs_log_group.as_ref().and_then(|group| group.log_group_arn.as_ref()),
        _ => None,
    };
    match log_group {
        None => refused("Must specify exactly one Log Destination."),
        Some(arn) if !arn.ends_with(":*") => refused("Log Group ARN must be provided with '*' qualifier."),
        Some(arn) if !arn.starts_with("arn:") || !arn.contains(":log-group:") => refused("Log Destination not found."),
        Some(_) => Ok(()),
    }
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
