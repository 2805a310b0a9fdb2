//! The JSON value of the engine: ordered, shared, cloned for nothing, bounded in depth, with exact numbers.
//!
//! A payload of 256 KiB passes through many states of an execution. So arrays and objects are shared
//! (`clone` copies a pointer), change is copy-on-write, and a [`Payload`] keeps the text beside the
//! value, so that neither is made twice.

mod number;
mod object;
mod parse;
mod payload;
mod value;
mod write;

pub use number::Number;
pub use object::Object;
pub use parse::{ParseError, MAX_DEPTH};
pub use payload::Payload;
pub use value::Value;

/// A shared string: cloning it copies a pointer.
pub type Text = std::sync::Arc<str>;
