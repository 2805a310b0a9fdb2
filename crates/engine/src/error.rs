//! What the engine refuses, and what can go wrong in it. `api` maps each to AWS's code and words.
use crate::NotRedrivable;
use json::Text;
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("state machine `{0}` does not exist")]
    StateMachineDoesNotExist(Text),
    #[error("state machine `{0}` exists with other properties")]
    StateMachineAlreadyExists(Text),
    #[error("state machine `{0}` is being deleted")]
    StateMachineDeleting(Text),
    #[error("state machine type does not support this")]
    StateMachineTypeNotSupported,
    #[error("too many state machines")]
    StateMachineLimitExceeded,
    #[error("revision `{wanted}` is not the current one, which is `{current}`")]
    RevisionConflict { wanted: Text, current: Text },
    #[error("too many versions of the state machine")]
    VersionLimitExceeded,
    #[error("aliases lead to the version: {0:?}")]
    VersionInUse(Vec<Text>),
    #[error("the alias exists with other properties")]
    AliasAlreadyExists,
    #[error("too many aliases of the state machine")]
    AliasLimitExceeded,
    #[error("execution `{0}` does not exist")]
    ExecutionDoesNotExist(Text),
    #[error("execution `{0}` exists with other input or is closed")]
    ExecutionAlreadyExists(Text),
    #[error("too many open executions")]
    ExecutionLimitExceeded,
    #[error("too many Express executions run")]
    Throttled,
    #[error("execution `{arn}` cannot be redriven: {why:?}")]
    ExecutionNotRedrivable { arn: Text, why: NotRedrivable },
    #[error("map run `{0}` has ended")]
    MapRunCompleted(Text),
    #[error("activity `{0}` does not exist")]
    ActivityDoesNotExist(Text),
    #[error("activity `{0}` exists with another encryption configuration")]
    ActivityAlreadyExists(Text),
    #[error("too many activities")]
    ActivityLimitExceeded,
    #[error("too many pollers of the activity")]
    ActivityWorkerLimitExceeded,
    #[error("the task token cannot be read")]
    InvalidTaskToken,
    #[error("the task of this token does not exist")]
    TaskDoesNotExist,
    #[error("the task of this token is closed")]
    TaskTimedOut,
    #[error("too many tags for `{0}`")]
    TooManyTags(Text),
    #[error("resource `{0}` does not exist")]
    ResourceNotFound(Text),
    #[error("the page token cannot be read")]
    InvalidPageToken,
    #[error("execution `{arn}` is set aside: {why}")]
    SetAside { arn: Text, why: String },
    #[error("a record of `{keyspace}` is corrupt: {why}")]
    Corrupt { keyspace: &'static str, why: String },
    #[error("the system cannot {action}")]
    System {
        action: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("the engine is shutting down")]
    ShuttingDown,
    /// Who had the call at hand panicked.
    #[error("the answer is lost, and whether the call had its effect is unknown")]
    AnswerLost,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Whether the same call may well succeed in a moment: the store is being opened again.
    pub fn is_passing(&self) -> bool {
        matches!(self, Error::Store(store::Error::Poisoned))
    }
}
