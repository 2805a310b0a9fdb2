//! What an operator did wrong in naming functions.

/// Why the functions of a configuration cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Two functions have one name.
    #[error("function `{name}` is named twice; give each function a name of its own")]
    DuplicateFunction { name: String },
    /// A name that Lambda would not accept either.
    #[error("function name `{name}` must be 1 to 64 letters, digits, `-` and `_`")]
    FunctionName { name: String },
    /// There is nothing to run.
    #[error(
        "function `{name}` has no command; give the program and its arguments, for example `command = [\"python3\", \"app.py\"]`"
    )]
    NoCommand { name: String },
    /// A number that is out of its range.
    #[error("`{field}` of function `{name}` is {value}; it must be {min} to {max}")]
    OutOfRange { name: String, field: &'static str, value: u64, min: u64, max: u64 },
}
