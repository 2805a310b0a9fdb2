//! ARNs as a type: those of Step Functions taken apart, all others kept as written.

use json::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A parsed ARN. `Display` gives the text back.
///
/// ```
/// use asl::{Arn, Resource};
/// let arn: Arn = "arn:aws:states:eu-west-1:000000000000:execution:orders:42".parse().unwrap();
/// assert_eq!(arn.resource, Resource::Execution { state_machine: "orders".into(), name: "42".into() });
/// assert_eq!(arn, Arn::execution("eu-west-1", "000000000000", "orders", "42"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    pub partition: Text,
    pub service: Text,
    pub region: Text,
    pub account: Text,
    pub resource: Resource,
}

/// The last part, for the resources of Step Functions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `stateMachine:NAME`.
    StateMachine { name: Text },
    /// `stateMachine:NAME:NUMBER`.
    Version { name: Text, version: u64 },
    /// `stateMachine:NAME:ALIAS`.
    Alias { name: Text, alias: Text },
    /// `execution:STATE_MACHINE:NAME`; of a child of a Map Run the state machine is `NAME/LABEL`.
    Execution { state_machine: Text, name: Text },
    /// `express:STATE_MACHINE:NAME:ID`.
    ExpressExecution { state_machine: Text, name: Text, id: Text },
    /// `activity:NAME`.
    Activity { name: Text },
    /// `stateMachine:NAME/LABEL`: what the children of a Map Run execute.
    MapRunStateMachine { name: Text, label: Text },
    /// `mapRun:STATE_MACHINE/LABEL:ID`.
    MapRun { state_machine: Text, label: Text, id: Text },
    /// Anything else, as written.
    Other(Text),
}

/// Why a text is no ARN, in AWS's words (`Invalid ARN prefix: x`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnError {
    pub message: String,
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ArnError {}

impl Arn {
    /// Takes an ARN apart. Names are not checked here: a name that cannot exist names nothing.
    pub fn parse(text: &str) -> Result<Arn, ArnError> {
        let fault = |what: &str| ArnError { message: format!("Invalid ARN {what}: {text}") };
        let rest = text.strip_prefix("arn:").ok_or_else(|| fault("prefix"))?;
        let mut parts = rest.splitn(5, ':');
        let mut next = || parts.next().ok_or_else(|| fault("format"));
        let (partition, service, region, account, resource) = (next()?, next()?, next()?, next()?, next()?);
        if partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(fault("format"));
        }
        let own = if service == "states" { Resource::of_states(resource) } else { None };
        Ok(Arn {
            partition: partition.into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: own.unwrap_or_else(|| Resource::Other(resource.into())),
        })
    }

    pub fn state_machine(region: &str, account: &str, name: impl Into<Text>) -> Arn {
        Arn::of_states(region, account, Resource::StateMachine { name: name.into() })
    }

    pub fn version(region: &str, account: &str, name: impl Into<Text>, version: u64) -> Arn {
        Arn::of_states(region, account, Resource::Version { name: name.into(), version })
    }

    pub fn alias(region: &str, account: &str, name: impl Into<Text>, alias: impl Into<Text>) -> Arn {
        Arn::of_states(region, account, Resource::Alias { name: name.into(), alias: alias.into() })
    }

    pub fn execution(region: &str, account: &str, state_machine: impl Into<Text>, name: impl Into<Text>) -> Arn {
        let resource = Resource::Execution { state_machine: state_machine.into(), name: name.into() };
        Arn::of_states(region, account, resource)
    }

    pub fn express_execution(
        region: &str,
        account: &str,
        state_machine: impl Into<Text>,
        name: impl Into<Text>,
        id: impl Into<Text>,
    ) -> Arn {
        let (state_machine, name, id) = (state_machine.into(), name.into(), id.into());
        Arn::of_states(region, account, Resource::ExpressExecution { state_machine, name, id })
    }

    pub fn activity(region: &str, account: &str, name: impl Into<Text>) -> Arn {
        Arn::of_states(region, account, Resource::Activity { name: name.into() })
    }

    pub fn map_run(
        region: &str,
        account: &str,
        state_machine: impl Into<Text>,
        label: impl Into<Text>,
        id: impl Into<Text>,
    ) -> Arn {
        let (state_machine, label, id) = (state_machine.into(), label.into(), id.into());
        Arn::of_states(region, account, Resource::MapRun { state_machine, label, id })
    }

    /// A resource of Step Functions in the partition to which the Region belongs.
    pub fn of_states(region: &str, account: &str, resource: Resource) -> Arn {
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Arn {
            partition: partition.into(),
            service: "states".into(),
            region: region.into(),
            account: account.into(),
            resource,
        }
    }

    /// Another resource of the same account and Region.
    #[must_use]
    pub fn with_resource(&self, resource: Resource) -> Arn {
        Arn { resource, ..self.clone() }
    }

    /// `stateMachine`, `execution`, `express` …: how AWS's messages name the type of the resource.
    pub fn resource_type(&self) -> &str {
        match &self.resource {
            Resource::StateMachine { .. }
            | Resource::Version { .. }
            | Resource::Alias { .. }
            | Resource::MapRunStateMachine { .. } => "stateMachine",
            Resource::Execution { .. } => "execution",
            Resource::ExpressExecution { .. } => "express",
            Resource::Activity { .. } => "activity",
            Resource::MapRun { .. } => "mapRun",
            Resource::Other(text) => text.split([':', '/']).next().unwrap_or_default(),
        }
    }
}

impl Resource {
    /// `None` for what is no resource of Step Functions that this crate knows.
    fn of_states(text: &str) -> Option<Resource> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(match parts.as_slice() {
            ["stateMachine", name] => match name.split_once('/') {
                Some((name, label)) => Resource::MapRunStateMachine { name: name.into(), label: label.into() },
                None => Resource::StateMachine { name: (*name).into() },
            },
            ["stateMachine", name, qualifier] => match qualifier.parse() {
                Ok(version @ 1u64..) if version.to_string() == **qualifier => {
                    Resource::Version { name: (*name).into(), version }
                }
                _ => Resource::Alias { name: (*name).into(), alias: (*qualifier).into() },
            },
            ["execution", state_machine, name] => {
                Resource::Execution { state_machine: (*state_machine).into(), name: (*name).into() }
            }
            ["express", state_machine, name, id] => Resource::ExpressExecution {
                state_machine: (*state_machine).into(),
                name: (*name).into(),
                id: (*id).into(),
            },
            ["activity", name] => Resource::Activity { name: (*name).into() },
            ["mapRun", state_machine, id] => {
                let (state_machine, label) = state_machine.split_once('/')?;
                Resource::MapRun { state_machine: state_machine.into(), label: label.into(), id: (*id).into() }
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::StateMachine { name } => write!(f, "stateMachine:{name}"),
            Resource::Version { name, version } => write!(f, "stateMachine:{name}:{version}"),
            Resource::Alias { name, alias } => write!(f, "stateMachine:{name}:{alias}"),
            Resource::Execution { state_machine, name } => write!(f, "execution:{state_machine}:{name}"),
            Resource::ExpressExecution { state_machine, name, id } => write!(f, "express:{state_machine}:{name}:{id}"),
            Resource::Activity { name } => write!(f, "activity:{name}"),
            Resource::MapRunStateMachine { name, label } => write!(f, "stateMachine:{name}/{label}"),
            Resource::MapRun { state_machine, label, id } => write!(f, "mapRun:{state_machine}/{label}:{id}"),
            Resource::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Arn, ArnError> {
        Arn::parse(text)
    }
}

impl Serialize for Arn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Arn, D::Error> {
        let text = String::deserialize(deserializer)?;
        Arn::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arn, Resource};

    fn check(resource: &str, expected: &Resource) {
        let text = format!("arn:aws:states:us-east-1:123456789012:{resource}");
        let arn = Arn::parse(&text).unwrap();
        assert_eq!(&arn.resource, expected, "{text}");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn resources_of_states() {
        let text = |text: &str| json::Text::from(text);
        check("stateMachine:M", &Resource::StateMachine { name: text("M") });
        check("stateMachine:M:12", &Resource::Version { name: text("M"), version: 12 });
        check("stateMachine:M:prod", &Resource::Alias { name: text("M"), alias: text("prod") });
        check("stateMachine:M/L", &Resource::MapRunStateMachine { name: text("M"), label: text("L") });
        check("execution:M:e", &Resource::Execution { state_machine: text("M"), name: text("e") });
        check("execution:M/L:e", &Resource::Execution { state_machine: text("M/L"), name: text("e") });
        check("activity:A", &Resource::Activity { name: text("A") });
        let express = Resource::ExpressExecution { state_machine: text("M"), name: text("e"), id: text("i") };
        check("express:M:e:i", &express);
        check("mapRun:M/L:i", &Resource::MapRun { state_machine: text("M"), label: text("L"), id: text("i") });
        check("somethingElse:x", &Resource::Other(text("somethingElse:x")));
    }

    #[test]
    fn what_is_no_arn() {
        for (text, message) in [
            ("not_a_valid_arn", "Invalid ARN prefix: not_a_valid_arn"),
            ("", "Invalid ARN prefix: "),
            ("arn:aws:states", "Invalid ARN format: arn:aws:states"),
            ("arn:aws:states:us-east-1:1:", "Invalid ARN format: arn:aws:states:us-east-1:1:"),
        ] {
            assert_eq!(Arn::parse(text).unwrap_err().message, message);
        }
    }

    #[test]
    fn arns_of_other_services_and_partitions() {
        let text = "arn:aws:lambda:eu-west-1:123456789012:function:f:live";
        let arn = Arn::parse(text).unwrap();
        assert_eq!(arn.resource, Resource::Other("function:f:live".into()));
        assert_eq!(arn.resource_type(), "function");
        assert_eq!(&*Arn::activity("cn-north-1", "1", "a").partition, "aws-cn");
    }
}
