//! `--type`: the type of a state machine, as AWS spells it, in upper or lower case.

use asl::StateMachineType;
use clap::{Args, ValueEnum};

// The type that a definition is taken for. clap would show a doc comment here as that of the whole command.
#[derive(Args)]
pub struct TypeArgument {
    /// The type of the state machine, in upper or lower case
    #[arg(long = "type", value_name = "TYPE", value_enum, ignore_case = true, default_value_t = TypeName::Standard)]
    state_machine_type: TypeName,
}

impl TypeArgument {
    pub fn state_machine_type(&self) -> StateMachineType {
        match self.state_machine_type {
            TypeName::Standard => StateMachineType::Standard,
            TypeName::Express => StateMachineType::Express,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum TypeName {
    Standard,
    Express,
}
