//! Parallel.

use super::{Catcher, Flow, Retrier, StateFields};
use crate::reader::Reader;
use crate::shape::{INPUT_OUTPUT, NEXT_OR_END, RESULT, STATE, Shape, TRANSITION, both, json_path, jsonata};

/// Runs branches at once and waits for all of them.
#[derive(Clone, Debug)]
pub struct Parallel {
    pub state: StateFields,
    pub branches: Vec<Flow>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
}

const SHAPE: Shape = Shape {
    fields: &[
        STATE,
        TRANSITION,
        INPUT_OUTPUT,
        RESULT,
        &[both("Branches"), json_path("Parameters"), jsonata("Arguments")],
    ],
    required: &["Branches"],
    groups: &[NEXT_OR_END],
};

const BRANCH: Shape = Shape {
    fields: &[&[both("Comment"), both("StartAt"), both("States")]],
    required: &["States", "StartAt"],
    groups: &[],
};

impl Parallel {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Parallel> {
        reader.check(&SHAPE);
        let fields = StateFields::read(reader);
        let branch = |branch: Reader<'_>| {
            let branch = branch.into_flow();
            branch.check(&BRANCH);
            Flow::read(&branch)
        };
        reader.check_not_empty("Branches");
        let branches = reader.children("Branches").into_iter().filter_map(branch).collect();
        let (retry, catch) = (Retrier::read_all(reader), Catcher::read_all(reader));
        Some(Parallel { state: fields?, branches, retry, catch })
    }
}
