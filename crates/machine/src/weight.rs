//! Weight: what an execution takes in memory, as an estimate.
//!
//! It follows from texts that are there anyway, and each payload knows its own ([`Payload::memory_bytes`]), so that to weigh a part
//! is to look at a few numbers. What parts share is counted in each of them: the estimate is rather too high than too low.

use crate::frame::{Answer, Call, Request};
use crate::{Facts, Frame, Part, Phase};
use json::Payload;

/// A part without its payloads.
const OF_PART: usize = 512;
/// One that is a few numbers, or nothing but a note: an iteration that is no frame yet, an output that is elsewhere.
const OF_NOTE: usize = 96;
/// The facts, and what the engine has beside each execution, without its payloads.
const OF_FACTS: usize = 2_048;

/// What is fixed of the execution: its input stays for the context object.
pub(crate) fn facts(facts: &Facts) -> usize {
    facts.input.memory_bytes().saturating_add(facts.input_text.len()).saturating_add(OF_FACTS)
}

/// The same part weighs the same at any time.
pub(crate) fn part(part: &Part) -> usize {
    let payloads = match part {
        Part::Begun(_) | Part::Same(_) | Part::NotKept => return OF_NOTE,
        Part::Root(_) | Part::Progress(_) => 0,
        Part::Frame(frame) => self::frame(frame),
        Part::Payload(value) => value.memory_bytes(),
        Part::Variables(variables) => variables.values().memory_bytes(),
    };
    payloads.saturating_add(OF_PART)
}

fn frame(frame: &Frame) -> usize {
    let call = match &frame.phase {
        Phase::Calling(call) => self::call(call),
        Phase::Ready
        | Phase::Waiting { .. }
        | Phase::Retrying { .. }
        | Phase::Forked(_)
        | Phase::MapRunning(_)
        | Phase::MapRunUnsuccessful(_) => 0,
    };
    let variables = frame.inline_variables.as_ref().map_or(0, Payload::memory_bytes);
    frame.input.memory_bytes().saturating_add(variables).saturating_add(call)
}

fn call(call: &Call) -> usize {
    let input = match &call.request {
        Request::Task(request) => request.parameters.memory_bytes(),
        Request::Activity { input, .. } => input.memory_bytes(),
    };
    let early = match &call.early {
        Some(Answer::Succeeded(output)) => output.memory_bytes(),
        Some(Answer::Failed(_)) | None => 0,
    };
    input.saturating_add(call.submitted.as_ref().map_or(0, Payload::memory_bytes)).saturating_add(early)
}
