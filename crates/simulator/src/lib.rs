//! Seeded runs of the real engine in a simulated world.
//!
//! A world has a disk, a clock, services, callers and workers. All that happens in it follows from a seed: the same seed
//! gives the same bytes. The engine is the real one, opened as a simulated engine is ([`engine::Options::simulated`]); a
//! world kills it, loses what was not synced, lets commits fail, sets the clock, and holds what comes out of the engine
//! against what was acknowledged.
//!
//! Bare worlds have no engine: only the state machine of executions, stepped by the world (`bare`).
//!
//! | file | |
//! |---|---|
//! | `world` | a world, its processes and their ends |
//! | `plan` | what a world is like |
//! | `moves` | what happens while it is wild |
//! | `hearing` | what the engine says, held against the model |
//! | `calling` | what the engine calls, held against the histories |
//! | `answers` | what workers answered, held against the histories |
//! | `ending` | everything is answered: all must end, and all must be there |
//! | `model` | what was asked for and acknowledged |
//! | `checks` | what every history must be |
//! | `planted` | faults that must be found |
//! | `definitions` | random state machines and inputs |
//! | `disk`, `clock`, `services` | what the engine runs on |
//! | `bare` | worlds with the state machine of executions alone |
//! | `random`, `trace`, `figures` | numbers drawn, what happened, what it came to |

mod answers;
mod bare;
mod calling;
mod checks;
mod clock;
mod definitions;
mod disk;
mod ending;
mod figures;
mod hearing;
mod model;
mod moves;
mod plan;
#[cfg(feature = "planted-faults")]
mod planted;
mod random;
mod services;
mod trace;
mod world;

pub use bare::{BareWorld, live_bare};
pub use disk::Disk;
pub use figures::Figures;
#[cfg(feature = "planted-faults")]
pub use planted::{Found, PLANTED, Planted};
pub use world::{Outcome, Violation, World, live};
