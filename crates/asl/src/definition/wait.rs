//! Wait.
use super::{Common, MaybePath};
use json::Text;
#[derive(Clone, Debug)]
pub struct Wait { pub common: Common, pub until: WaitUntil }
/// Exactly one of `Seconds`, `SecondsPath`, `Timestamp`, `TimestampPath`.
#[derive(Clone, Debug)]
pub enum WaitUntil { Seconds(MaybePath<u64>), Timestamp(MaybePath<Text>) }
