//! The definition as a value: every query is parsed, every value has its type.
//!
//! Each type stands with its `SHAPE` (the fields that it may have) and the code that reads it.

mod catch;
mod choice;
mod flow;
mod map;
mod map_distributed;
mod parallel;
mod resource;
mod retry;
mod state;
mod state_machine;
mod task;
mod template;
mod terminal;
mod wait;

pub use catch::Catcher;
pub use choice::Choice;
pub use flow::Flow;
pub use map::Map;
pub use map_distributed::{Distributed, ItemBatcher, ItemReader, ResultWriter};
pub use parallel::Parallel;
pub use resource::{IntegrationPattern, TaskResource};
pub use retry::{JitterStrategy, Retrier};
pub(crate) use state::read_assign;
pub use state::{Fields, Pass, State, StateFields, StateKind, Transition};
pub use state_machine::{QueryLanguage, StateMachine, StateMachineType};
pub use task::{Credentials, Task};
pub use template::{MaybePath, Template};
pub use terminal::{ErrorCause, Fail, Succeed};
pub use wait::{Wait, WaitUntil};
