//! The 18 intrinsic functions (`States.Format` …). (Becomes a folder: `mod.rs` is the table, one file per family.)
/// A parsed intrinsic call, arguments included; at most 10 deep.
#[derive(Clone, Debug)]
pub struct Call(());
