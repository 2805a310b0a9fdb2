//! Parallel.
use super::{Catcher, Common, Flow, Retrier};
#[derive(Clone, Debug)]
pub struct Parallel { pub common: Common, pub branches: Vec<Flow>, pub retry: Vec<Retrier>, pub catch: Vec<Catcher> }
