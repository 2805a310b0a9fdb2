//! [`ApiError`]: what a client is told when an operation refuses, letter for letter as AWS says it.

use http::StatusCode;
use json::Text;

/// An error of the API. It is part of the API: people assert on code and message.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The name of the error's shape: `StateMachineDoesNotExist`.
    pub code: &'static str,
    pub message: String,
    /// The member `reason` of a `ValidationException`, one of the service model's `ValidationExceptionReason`.
    pub reason: Option<&'static str>,
    /// The member `resourceName` of `ResourceNotFound` and `TooManyTags`: the ARN.
    pub resource_name: Option<Text>,
    pub status: StatusCode,
    /// What went wrong on our side: for the log, not for the client.
    pub(crate) fault: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> ApiError {
        let message = message.into();
        ApiError { code, message, reason: None, resource_name: None, status: StatusCode::BAD_REQUEST, fault: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> ApiError {
        ApiError::new("ValidationException", message)
    }

    /// A `ValidationException` that tells programs its reason, too.
    pub(crate) fn validation_because(reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { reason: Some(reason), ..ApiError::validation(message) }
    }

    /// An error that names its resource to programs, too.
    fn of(self, resource: Text) -> ApiError {
        ApiError { resource_name: Some(resource), ..self }
    }

    pub(crate) fn serialization(message: impl Into<String>) -> ApiError {
        ApiError::new("SerializationException", message)
    }

    pub(crate) fn invalid_arn(why: &str) -> ApiError {
        ApiError::new("InvalidArn", format!("Invalid Arn: '{why}'"))
    }

    pub(crate) fn invalid_name(name: &str) -> ApiError {
        ApiError::new("InvalidName", format!("Invalid Name: '{name}'"))
    }

    pub(crate) fn invalid_token() -> ApiError {
        ApiError::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    pub(crate) fn unknown_operation(why: impl Into<String>) -> ApiError {
        ApiError::new("UnknownOperationException", why)
    }

    /// A fault of ours. The log has it under the id of the request.
    pub(crate) fn internal(fault: impl Into<String>) -> ApiError {
        ApiError {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            fault: Some(fault.into()),
            ..ApiError::new("InternalServerError", "internal error, see the log for this request id")
        }
    }

    /// Nothing is wrong with the request, which may be made again: the SDKs do so by themselves.
    fn unavailable(why: &str) -> ApiError {
        ApiError { status: StatusCode::SERVICE_UNAVAILABLE, ..ApiError::new("ServiceUnavailable", why) }
    }
}

/// Every refusal of the engine in AWS's words.
impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> ApiError {
        use engine::Error;
        let about = |code, words: &str, arn: &str| ApiError::new(code, format!("{words}: '{arn}'"));
        match error {
            Error::StateMachineDoesNotExist(arn) => {
                about("StateMachineDoesNotExist", "State Machine Does Not Exist", &arn)
            }
            Error::StateMachineAlreadyExists(arn) => {
                about("StateMachineAlreadyExists", "State Machine Already Exists", &arn)
            }
            Error::StateMachineDeleting(arn) => about("StateMachineDeleting", "State Machine is being deleted", &arn),
            Error::StateMachineTypeNotSupported => ApiError::new(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            ),
            Error::StateMachineLimitExceeded => {
                ApiError::new("StateMachineLimitExceeded", "The maximum number of state machines has been reached")
            }
            Error::RevisionConflict { wanted, current } => ApiError::new(CONFLICT, not_current(&wanted, &current)),
            Error::VersionInUse(aliases) => ApiError::new(CONFLICT, in_use(&aliases)),
            Error::AliasAlreadyExists => ApiError::new(CONFLICT, ALIAS_EXISTS),
            Error::VersionLimitExceeded => ApiError::new(QUOTA, MOST_VERSIONS),
            Error::AliasLimitExceeded => ApiError::new(QUOTA, MOST_ALIASES),
            Error::ExecutionDoesNotExist(arn) => about("ExecutionDoesNotExist", "Execution Does Not Exist", &arn),
            Error::ExecutionAlreadyExists(arn) => about("ExecutionAlreadyExists", "Execution Already Exists", &arn),
            Error::ExecutionNotRedrivable { why, .. } => {
                ApiError::new("ExecutionNotRedrivable", crate::record::not_redrivable_because(why))
            }
            Error::ExecutionLimitExceeded => {
                ApiError::new("ExecutionLimitExceeded", "The maximum number of running executions has been reached")
            }
            Error::Throttled => ApiError::new("ThrottlingException", "Rate exceeded"),
            Error::ActivityDoesNotExist(arn) => about("ActivityDoesNotExist", "Activity Does Not Exist", &arn),
            Error::ActivityAlreadyExists(arn) => about("ActivityAlreadyExists", "Activity Already Exists", &arn),
            Error::ActivityLimitExceeded => {
                ApiError::new("ActivityLimitExceeded", "The maximum number of activities has been reached")
            }
            Error::ActivityWorkerLimitExceeded => ApiError::new(
                "ActivityWorkerLimitExceeded",
                "The maximum number of workers concurrently polling for activity tasks has been reached",
            ),
            Error::InvalidTaskToken | Error::InvalidPageToken => ApiError::invalid_token(),
            Error::TaskDoesNotExist => about("TaskDoesNotExist", "Task Does Not Exist", NO_SUCH_TASK),
            Error::TaskTimedOut => about("TaskTimedOut", "Task Timed Out", NO_SUCH_TASK),
            Error::TooManyTags(arn) => ApiError::new("TooManyTags", "Too many tags").of(arn),
            Error::ResourceNotFound(arn) => about("ResourceNotFound", "Resource not found", &arn).of(arn),
            Error::MapRunCompleted(arn) => ApiError::validation_because(
                "CANNOT_UPDATE_COMPLETED_MAP_RUN",
                format!("A completed Map Run cannot be updated: '{arn}'"),
            ),
            Error::ShuttingDown => ApiError::unavailable("the server is shutting down, try again"),
            error if error.is_passing() => {
                ApiError::unavailable("the store failed and is being opened again, try again")
            }
            Error::SetAside { .. } => {
                let message =
                    format!("{error}; it goes on when a build takes it up that can, and StopExecution ends it");
                ApiError { message, ..ApiError::internal(error.to_string()) }
            }
            Error::AnswerLost => {
                let message = format!("{error}; see the log for this request id");
                ApiError { message, ..ApiError::internal(error.to_string()) }
            }
            Error::Corrupt { .. } | Error::System { .. } | Error::Store(_) => ApiError::internal(with_sources(&error)),
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |source| source.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

const CONFLICT: &str = "ConflictException";
const QUOTA: &str = "ServiceQuotaExceededException";
const ALIAS_EXISTS: &str =
    "Failed to create alias because an alias with the same name and a different routing configuration already exists.";
const MOST_VERSIONS: &str = "The maximum number of versions of the state machine has been reached";
const MOST_ALIASES: &str = "The maximum number of aliases of the state machine has been reached";
const NO_SUCH_TASK: &str = "Provided task does not exist anymore";

fn not_current(wanted: &str, current: &str) -> String {
    format!(
        "Failed to publish the State Machine version for revision {wanted}. \
         The current State Machine revision is {current}."
    )
}

fn in_use(aliases: &[Text]) -> String {
    format!(
        "Version to be deleted must not be referenced by an alias. \
         Current list of aliases referencing this version: [{}]",
        aliases.join(", ")
    )
}
