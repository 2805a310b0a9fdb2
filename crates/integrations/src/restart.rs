//! What a restart does with calls whose outcome it cannot know.

use crate::service_error::failure;
use engine::Restart;

/// Fails the attempt as AWS does when it lost the answer of a function.
pub(crate) fn function_outcome_unknown() -> Restart {
    Restart::Fail(failure(
        "Lambda.Unknown",
        "An attempt was made to invoke the Lambda function. Step Functions cannot determine whether Lambda \
         successfully received the call and executed the function.",
    ))
}

/// Fails the attempt of a call that must not be made twice.
pub(crate) fn outcome_unknown(error: &str, action: &str) -> Restart {
    let cause = format!("the server stopped while `{action}` was running; whether it had an effect is unknown");
    Restart::Fail(failure(error, &cause))
}
