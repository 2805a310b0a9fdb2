//! The definition as a value: every query is parsed, every name resolved.

mod catch;
mod choice;
mod map;
mod parallel;
mod retry;
mod state;
mod state_machine;
mod task;
mod template;
mod wait;

pub use catch::Catcher;
pub use choice::Choice;
pub use map::{Distributed, ItemBatcher, ItemReader, Map, ResultWriter};
pub use parallel::Parallel;
pub use retry::{JitterStrategy, Retrier};
pub use state::{Common, ErrorCause, Fail, Fields, Pass, State, StateKind, Succeed, Transition};
pub use state_machine::{Flow, QueryLanguage, StateMachine, StateMachineType};
pub use task::{Credentials, IntegrationPattern, Task, TaskResource};
pub use template::{MaybePath, Template};
pub use wait::{Wait, WaitUntil};
