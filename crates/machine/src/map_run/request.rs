//! What is fixed when a Map Run starts, and how it and its children are named.

use super::results::Form;
use crate::{EventId, Facts, MapRunSettings};
use asl::{Arn, Distributed, Resource, StateMachineType};
use json::{Payload, Text};
use query::Ambient;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a Map state asks for: all that the inputs of the children are made from. Stored once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapRunRequest {
    /// Number of the `MapRunStarted` event.
    pub id: EventId,
    pub map_run_arn: Text,
    pub label: Text,
    /// Name of the Map state.
    pub state: Text,
    /// Of the children.
    pub execution_type: StateMachineType,
    pub(crate) entered_event: EventId,
    pub(crate) entered_ms: i64,
    pub(crate) retry_count: u32,
    /// The state's input after `InputPath`.
    pub(crate) input: Payload,
    /// The variables that `ItemSelector` sees, innermost first.
    pub(crate) variables: Vec<Payload>,
    pub(crate) items: Payload,
    /// Of a Map Run with a `source`: what `items` were read from, as the context object tells it; `None`: they are still
    /// to be read.
    #[serde(default)]
    pub(crate) read_from: Option<Text>,
    pub(crate) settings: MapRunSettings,
    pub(crate) batches: Option<Batches>,
    pub source: Option<ItemSource>,
    pub destination: Option<ResultDestination>,
}

/// `ItemBatcher`, evaluated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batches {
    pub items_max: Option<u64>,
    pub bytes_max: Option<u64>,
    pub input: Option<Payload>,
}

/// `ItemReader`, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemSource {
    pub resource: Text,
    pub arguments: Payload,
    /// `ReaderConfig` as written.
    pub reader_config: Payload,
    /// 0 where the definition leads to no positive number: such a Map Run fails.
    pub max_items: Option<u64>,
    pub items_pointer: Option<Text>,
}

/// `ResultWriter`, evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultDestination {
    /// `None`: the results stay in the state's result, in the form that `writer_config` tells.
    pub resource: Option<Text>,
    pub arguments: Payload,
    /// `WriterConfig` as written.
    pub writer_config: Payload,
}

/// How a child is named. The same child of the same Map Run has the same names, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub name: Text,
    pub execution_arn: Text,
    pub state_machine_arn: Text,
    /// `STATE_MACHINE/LABEL`.
    pub state_machine_name: Text,
}

impl MapRunRequest {
    /// The names of child number `child`.
    pub fn child(&self, child: u64) -> Child {
        Child::of(&self.map_run_arn, self.execution_type, child)
    }

    /// Whether its items are still to be read.
    pub(crate) fn awaits_items(&self) -> bool {
        self.source.is_some() && self.read_from.is_none()
    }

    pub(crate) fn form(&self) -> Form {
        Form::of(self.destination.as_ref())
    }
}

impl Child {
    /// The names of a child of the Map Run, whose children are of type `execution_type`.
    pub fn of(map_run_arn: &str, execution_type: StateMachineType, child: u64) -> Child {
        let number = child.to_be_bytes();
        let arn = Arn::parse(map_run_arn).unwrap_or_else(|_| Arn::of_states("", "", Resource::Other("".into())));
        let (machine, label, id) = match &arn.resource {
            Resource::MapRun { state_machine, label, id } => (state_machine.clone(), label.clone(), id.clone()),
            _ => Default::default(),
        };
        let drawn = hash([map_run_arn.as_bytes(), &number, b"name"]);
        let name: Text = match execution_type {
            StateMachineType::Standard => uuid(drawn).into(),
            StateMachineType::Express => {
                uuid((drawn & !NUMBER) | ((u128::from(child) ^ number_mask(map_run_arn)) & NUMBER)).into()
            }
        };
        let state_machine: Text = format!("{machine}/{label}").into();
        let execution = match execution_type {
            StateMachineType::Standard => {
                Resource::Execution { state_machine: state_machine.clone(), name: name.clone() }
            }
            StateMachineType::Express => {
                Resource::ExpressExecution { state_machine: state_machine.clone(), name: name.clone(), id }
            }
        };
        Child {
            name,
            execution_arn: arn.with_resource(execution).to_string().into(),
            state_machine_arn: arn
                .with_resource(Resource::MapRunStateMachine { name: machine, label })
                .to_string()
                .into(),
            state_machine_name: state_machine,
        }
    }

    /// The number of an Express child of the Map Run; `None` if the ARN is not that of one. Nothing of it is stored under
    /// its name, so the name has the number in it.
    pub fn express_number(map_run_arn: &str, execution_arn: &Arn) -> Option<u64> {
        let Resource::ExpressExecution { name, .. } = &execution_arn.resource else { return None };
        let last = u64::from_str_radix(name.rsplit('-').next()?, 16).ok()?;
        let number = u64::try_from((u128::from(last) ^ number_mask(map_run_arn)) & NUMBER).ok()?;
        let child = Child::of(map_run_arn, StateMachineType::Express, number);
        (*child.execution_arn == *execution_arn.to_string()).then_some(number)
    }
}

/// The Map Run whose child an Express execution says to be: its ARN has the id of the Map Run in it.
pub fn map_run_of_child(execution_arn: &Arn) -> Option<Arn> {
    let Resource::ExpressExecution { state_machine, id, .. } = &execution_arn.resource else { return None };
    let (state_machine, label) = state_machine.split_once('/')?;
    let resource = Resource::MapRun { state_machine: state_machine.into(), label: label.into(), id: id.clone() };
    Some(execution_arn.with_resource(resource))
}

/// `Label`, or one that is always the same for the state.
pub(crate) fn label_of(facts: &Facts, distributed: &Distributed, state: &str) -> Text {
    match &distributed.label {
        Some(label) => label.clone(),
        None => name_based_uuid([plain_name(facts).as_bytes(), b"/", state.as_bytes()]).into(),
    }
}

/// The ARN of a new Map Run.
pub(crate) fn map_run_arn(facts: &Facts, label: &Text, ambient: &Ambient) -> Text {
    let resource = Resource::MapRun {
        state_machine: plain_name(facts).into(),
        label: label.clone(),
        id: ambient.next_uuid().into(),
    };
    match Arn::parse(&facts.execution_arn) {
        Ok(arn) => arn.with_resource(resource).to_string().into(),
        Err(_) => Arn::of_states(&facts.region, &facts.account, resource).to_string().into(),
    }
}

/// A child of a Map Run executes `NAME/LABEL`; the labels of the Maps in it stand beside that one, and not below it.
fn plain_name(facts: &Facts) -> &str {
    facts.state_machine_name.split('/').next().unwrap_or_default()
}

/// Where the name of an Express child has its number.
const NUMBER: u128 = 0xffff_ffff_ffff;

/// What hides the numbers in the names: children of several Map Runs have not the same digits.
fn number_mask(map_run_arn: &str) -> u128 {
    hash([map_run_arn.as_bytes(), b"number"])
}

fn name_based_uuid<const N: usize>(pieces: [&[u8]; N]) -> String {
    uuid(hash(pieces))
}

/// Always the same for the same pieces.
fn hash<const N: usize>(pieces: [&[u8]; N]) -> u128 {
    let hash = pieces.into_iter().fold(Sha256::new(), Digest::chain_update).finalize();
    let mut bytes = [0u8; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(bytes)
}

/// A UUID (version 8) of these bits.
fn uuid(bits: u128) -> String {
    let (first, second, third) = (bits >> 96, (bits >> 80) & 0xffff, 0x8000 | ((bits >> 64) & 0x0fff));
    let (fourth, last) = (0x8000 | ((bits >> 48) & 0x3fff), bits & NUMBER);
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{last:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP_RUN: &str = "arn:aws:states:us-east-1:123456789012:mapRun:m/L:0d1e7e5e-0000-8000-8000-000000000000";

    fn child(map_run_arn: &str, execution_type: StateMachineType, number: u64) -> Arn {
        Arn::parse(&Child::of(map_run_arn, execution_type, number).execution_arn).unwrap()
    }

    #[test]
    fn the_name_of_an_express_child_has_its_number() {
        let express = |map_run: &str, number| child(map_run, StateMachineType::Express, number);
        for number in [0, 1, 9_999, 100_000, 0xffff_ffff_ffff] {
            let arn = express(MAP_RUN, number);
            assert_eq!(Child::express_number(MAP_RUN, &arn), Some(number));
            assert_eq!(map_run_of_child(&arn).unwrap().to_string(), MAP_RUN);
        }
        let other = MAP_RUN.replace("m/L", "m/M");
        assert_eq!(Child::express_number(MAP_RUN, &express(&other, 1)), None);
        assert_ne!(number_mask(MAP_RUN) & NUMBER, number_mask(&other) & NUMBER);
        let standard = child(MAP_RUN, StateMachineType::Standard, 1);
        assert_eq!((Child::express_number(MAP_RUN, &standard), map_run_of_child(&standard)), (None, None));
        let without_label = Arn::parse(&express(MAP_RUN, 1).to_string().replace("/L", "")).unwrap();
        assert_eq!((Child::express_number(MAP_RUN, &without_label), map_run_of_child(&without_label)), (None, None));
        // The number alone is no name.
        let name = Child::of(MAP_RUN, StateMachineType::Express, 1).name;
        let drawn = name.split('-').next().unwrap();
        let invented = express(MAP_RUN, 1).to_string().replace(drawn, "00000000");
        assert_eq!(Child::express_number(MAP_RUN, &Arn::parse(&invented).unwrap()), None);
    }
}
