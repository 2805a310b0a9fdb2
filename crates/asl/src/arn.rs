//! ARNs as a type.
use json::Text;
/// A parsed ARN. `Display` gives the text back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn { pub partition: Text, pub service: Text, pub region: Text, pub account: Text, pub resource: Resource }
/// The last part, for the resources of Step Functions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    StateMachine { name: Text }, Version { name: Text, version: u64 }, Alias { name: Text, alias: Text },
    Execution { state_machine: Text, name: Text }, ExpressExecution { state_machine: Text, name: Text, id: Text },
    Activity { name: Text },
    /// `stateMachine:NAME/LABEL` of a Map Run, `mapRun:NAME/LABEL:UUID`.
    MapRunStateMachine { name: Text, label: Text }, MapRun { state_machine: Text, label: Text, id: Text },
    /// Anything else, as written.
    Other(Text),
}
/// Why a text is no ARN, in AWS's words (`Invalid ARN prefix: x`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnError { pub message: String }
impl Arn {
    pub fn parse(_text: &str) -> Result<Arn, ArnError> { todo!() }
}
