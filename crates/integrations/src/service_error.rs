//! Errors of services, and the failures that Step Functions makes of them.
//!
//! AWS shows through which of its Java SDKs an integration goes: the optimized integration with Step Functions
//! writes its causes as version 1 does, `aws-sdk` integrations and Lambda as version 2 does.

use crate::identifier;
use machine::Failure;

/// An error that a service answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The error's code as on the wire: `InvalidToken`, `ExecutionAlreadyExists`.
    pub code: String,
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl ServiceError {
    /// Named and told as the AWS SDK for Java 2 does.
    pub(crate) fn into_sdk2_failure(self, service: &str) -> Failure {
        failure(&self.exception(service), &format!("{} {}", self.message, self.sdk2_details(service)))
    }

    /// As [`ServiceError::into_sdk2_failure`], with the count of attempts that newer versions add.
    pub(crate) fn into_aws_sdk_failure(self, service: &str) -> Failure {
        let cause = format!("{} {} (SDK Attempt Count: 1)", self.message, self.sdk2_details(service));
        failure(&self.exception(service), &cause)
    }

    /// Named and told as the AWS SDK for Java 1 does; `client` is its name of the service.
    pub(crate) fn into_sdk1_failure(self, service: &str, client: &str) -> Failure {
        let cause = format!(
            "{} (Service: {client}; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
            self.message,
            self.status,
            self.code,
            identifier::request_id(),
        );
        failure(&self.exception(service), &cause)
    }

    fn sdk2_details(&self, service: &str) -> String {
        format!("(Service: {service}, Status Code: {}, Request ID: {})", self.status, identifier::request_id())
    }

    /// The Java exception's name: `Sfn.InvalidTokenException`; an error of the service itself is `Sfn.SfnException`.
    fn exception(&self, service: &str) -> String {
        match self.code.as_str() {
            _ if self.status >= 500 => format!("{service}.{service}Exception"),
            code if code.ends_with("Exception") => format!("{service}.{code}"),
            code => format!("{service}.{code}Exception"),
        }
    }
}

/// A failure of this name and cause.
pub(crate) fn failure(error: &str, cause: &str) -> Failure {
    Failure { error: Some(error.into()), cause: Some(cause.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces the request id, which is drawn at random.
    fn told(failure: &Failure) -> (String, String) {
        let cause = failure.cause.as_deref().unwrap();
        let at = cause.find("Request ID: ").unwrap() + "Request ID: ".len();
        (failure.error.as_deref().unwrap().to_owned(), format!("{}<id>{}", &cause[..at], &cause[at + 36..]))
    }

    fn error(code: &str, message: &str, status: u16) -> ServiceError {
        ServiceError { code: code.to_owned(), message: message.to_owned(), status }
    }

    fn check(failure: &Failure, name: &str, cause: &str) {
        assert_eq!(told(failure), (name.to_owned(), cause.to_owned()));
    }

    #[test]
    fn failures_are_told_as_the_sdk_tells_them() {
        let invalid_token = || error("InvalidToken", "Invalid Token: 'Invalid token'", 400);
        check(
            &invalid_token().into_aws_sdk_failure("Sfn"),
            "Sfn.InvalidTokenException",
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: <id>) (SDK Attempt Count: 1)",
        );
        check(
            &error("ResourceNotFoundException", "Function not found: f", 404).into_sdk2_failure("Lambda"),
            "Lambda.ResourceNotFoundException",
            "Function not found: f (Service: Lambda, Status Code: 404, Request ID: <id>)",
        );
        check(
            &error("ExecutionAlreadyExists", "Execution Already Exists: 'arn'", 400)
                .into_sdk1_failure("StepFunctions", "AWSStepFunctions"),
            "StepFunctions.ExecutionAlreadyExistsException",
            "Execution Already Exists: 'arn' (Service: AWSStepFunctions; Status Code: 400; \
             Error Code: ExecutionAlreadyExists; Request ID: <id>; Proxy: null)",
        );
        check(
            &error("InternalFailure", "try again", 500).into_aws_sdk_failure("Sfn"),
            "Sfn.SfnException",
            "try again (Service: Sfn, Status Code: 500, Request ID: <id>) (SDK Attempt Count: 1)",
        );
    }
}
