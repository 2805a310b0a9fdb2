//! A store in memory.
/// x
pub struct MemoryStore;
