//! The JSON value of the engine: ordered, shared, cloned for nothing, bounded in depth, with exact numbers.
//!
//! A payload of 256 KiB passes through many states of an execution. So arrays and objects are shared
//! (`clone` copies a pointer), change is copy-on-write, and a [`Payload`] keeps the text beside the
//! value, so that neither is made twice.

mod convert;
mod locate;
mod number;
mod object;
mod parse;
mod payload;
mod serialize;
mod syntax;
mod value;
mod write;

pub use locate::locate;
pub use number::Number;
pub use object::Object;
pub use parse::MAX_DEPTH;
pub use payload::Payload;
pub use syntax::ParseError;
pub use value::Value;
pub use write::write_string;

/// A shared string: cloning it copies a pointer.
pub type Text = std::sync::Arc<str>;
