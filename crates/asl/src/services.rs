//! What the services that Tasks call take: known to others, asked for while a definition is read.

use crate::{Severity, TaskResource};
use json::{Object, Text};

/// What AWS says of a member that a service does not have.
pub fn unsupported_field(name: &str) -> String {
    format!("The field \"{name}\" is not supported by Step Functions")
}

/// Knows the services that Tasks call, as far as anyone does.
pub trait Services: Send + Sync {
    /// The names of the members of `arguments`, at all depths and in document order, that the action of the resource does
    /// not have. Members that are computed when the Task runs are passed over, and so is all of an action that is not known.
    fn unsupported_fields(&self, resource: &TaskResource, arguments: &Object) -> Vec<Text>;

    /// What such a member is: an error, as on AWS, or a warning, as a service may have grown since it was described here.
    fn severity(&self) -> Severity;
}
