//! Parts: the pieces in which an execution is stored. A step rewrites only those that it touched; `undo` knows what they were.

mod root;
mod undo;

pub use root::Root;
pub(crate) use root::is_default;

use crate::awaited::Awaited;
use crate::frame::{Begun, Parent};
use crate::variables::Variables;
use crate::weight;
use crate::{Fork, Frame, Phase, Progress, StepError};
use json::{Object, Payload};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Names one separately stored part of an execution. Part 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartId(pub u64);

impl PartId {
    pub(crate) const ROOT: PartId = PartId(0);
    /// Frames, and what becomes one, are numbered below, all else from here on, so that to look through the frames is to
    /// look at no output.
    const FIRST_DATA: u64 = 1 << 62;

    pub(crate) fn offset(self, index: u64) -> PartId {
        PartId(self.0.saturating_add(index))
    }
}

/// One separately stored part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Part {
    Root(Arc<Root>),
    Frame(Arc<Frame>),
    /// Becomes a frame when it is its turn. A Map of many items has many of these.
    Begun(Begun),
    Progress(Progress),
    /// The items of a Map; the output of a branch or iteration that ended.
    Payload(Payload),
    /// The same payload as this part, which is gone no sooner.
    Same(PartId),
    /// The variables of a scope.
    Variables(Variables),
    /// In the place of the output of a branch or iteration that ended, if that is not kept.
    NotKept,
}

impl From<Frame> for Part {
    fn from(frame: Frame) -> Part {
        Part::Frame(Arc::new(frame))
    }
}

/// All parts of an execution.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    by_id: BTreeMap<PartId, Part>,
    /// What each touched part was before this step.
    before: BTreeMap<PartId, Option<Part>>,
    /// The same since a state failed, as long as nothing has caught its failure.
    before_failure: Option<BTreeMap<PartId, Option<Part>>>,
    /// All that was there when the step cleared it.
    cleared: BTreeMap<PartId, Part>,
    /// The branches and iterations that run, each after the frame whose child it is.
    children: BTreeSet<(PartId, PartId)>,
    /// Whether some of what is in line may be gone.
    has_gaps: bool,
    /// What the parts weighed when the last step was accepted, and what its frames waited for.
    weight: usize,
    awaited: Awaited,
}

impl Parts {
    pub(crate) fn new() -> Parts {
        Parts::from_stored([(PartId::ROOT, Part::Root(Arc::new(Root::new())))])
    }

    pub(crate) fn from_stored(parts: impl IntoIterator<Item = (PartId, Part)>) -> Parts {
        let mut all = Parts {
            by_id: parts.into_iter().collect(),
            before: BTreeMap::new(),
            before_failure: None,
            cleared: BTreeMap::new(),
            children: BTreeSet::new(),
            has_gaps: false,
            weight: 0,
            awaited: Awaited::default(),
        };
        all.count_anew();
        all
    }

    /// What follows from the parts.
    fn count_anew(&mut self) {
        self.weight = self.by_id.values().map(weight::part).fold(0, usize::saturating_add);
        self.awaited = Awaited::default();
        self.by_id.iter().for_each(|(id, part)| self.awaited.add(*id, part));
        self.children = self.by_id.iter().filter_map(|(id, part)| Some((parent_of(part)?.frame, *id))).collect();
    }

    /// What frames wait for, as the last step left them.
    pub(crate) fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// What they take in memory, in bytes: see [`weight`]. A step in progress does not count.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn get(&self, id: PartId) -> Option<&Part> {
        self.by_id.get(&id)
    }

    pub(crate) fn root(&self) -> Result<&Root, StepError> {
        match self.by_id.get(&PartId::ROOT) {
            Some(Part::Root(root)) => Ok(root),
            other => Err(misplaced(PartId::ROOT, "the root", other)),
        }
    }

    pub(crate) fn root_mut(&mut self) -> Result<&mut Root, StepError> {
        match self.touch(PartId::ROOT) {
            Some(Part::Root(root)) => Ok(Arc::make_mut(root)),
            other => Err(misplaced(PartId::ROOT, "the root", other.as_deref())),
        }
    }

    pub(crate) fn frame(&self, id: PartId) -> Result<&Arc<Frame>, StepError> {
        match self.by_id.get(&id) {
            Some(Part::Frame(frame)) => Ok(frame),
            other => Err(misplaced(id, "a frame", other)),
        }
    }

    pub(crate) fn frame_mut(&mut self, id: PartId) -> Result<&mut Frame, StepError> {
        match self.touch(id) {
            Some(Part::Frame(frame)) => Ok(Arc::make_mut(frame)),
            other => Err(misplaced(id, "a frame", other.as_deref())),
        }
    }

    pub(crate) fn progress_mut(&mut self, id: PartId) -> Result<&mut Progress, StepError> {
        match self.touch(id) {
            Some(Part::Progress(progress)) => Ok(progress),
            other => Err(misplaced(id, "the progress of a fork", other.as_deref())),
        }
    }

    pub(crate) fn progress(&self, id: PartId) -> Result<Progress, StepError> {
        match self.by_id.get(&id) {
            Some(Part::Progress(progress)) => Ok(*progress),
            other => Err(misplaced(id, "the progress of a fork", other)),
        }
    }

    pub(crate) fn payload(&self, id: PartId) -> Result<&Payload, StepError> {
        let part = match self.by_id.get(&id) {
            Some(Part::Same(other)) => self.by_id.get(other),
            part => part,
        };
        match part {
            Some(Part::Payload(payload)) => Ok(payload),
            other => Err(misplaced(id, "a payload", other)),
        }
    }

    /// What a branch or iteration ended with; `None` if that was not kept.
    pub(crate) fn output(&self, id: PartId) -> Result<Option<&Payload>, StepError> {
        if matches!(self.by_id.get(&id), Some(Part::NotKept)) { Ok(None) } else { self.payload(id).map(Some) }
    }

    /// Where `payload` is stored already, if it repeats that of the part `id`.
    pub(crate) fn that_has(&self, id: PartId, payload: &Payload) -> Option<PartId> {
        let place = if let Part::Same(other) = self.by_id.get(&id)? { *other } else { id };
        let Part::Payload(stored) = self.by_id.get(&place)? else { return None };
        payload.repeats(stored).then_some(place)
    }

    /// Each part that another refers to, and that is not there or is something else.
    pub(crate) fn misplaced(&self) -> Vec<StepError> {
        let parents = self.by_id.values().filter_map(parent_of);
        let running: HashSet<(PartId, u64)> = parents.map(|parent| (parent.frame, parent.index)).collect();
        let mut found = Vec::new();
        for (id, part) in &self.by_id {
            match part {
                Part::Root(root) => found.extend(root.ready.iter().filter_map(|ready| self.in_line(*ready).err())),
                Part::Frame(frame) => {
                    found.extend(frame.parent.and_then(|parent| self.frame(parent.frame).err()));
                    found.extend(frame.variables.and_then(|variables| self.variables(variables).err()));
                    found.extend(self.misplaced_of_fork(*id, frame, &running));
                }
                Part::Begun(begun) => found.extend(self.items_of(begun.parent.frame).err()),
                Part::Same(_) => found.extend(self.payload(*id).err()),
                Part::Progress(_) | Part::Payload(_) | Part::Variables(_) | Part::NotKept => {}
            }
        }
        found
    }

    fn in_line(&self, id: PartId) -> Result<(), StepError> {
        if self.begun(id).is_some() { Ok(()) } else { self.frame(id).map(|_| ()) }
    }

    /// The same for the children of a frame: each runs, or has left its output. Of missing ones it tells the first.
    fn misplaced_of_fork(&self, id: PartId, frame: &Frame, running: &HashSet<(PartId, u64)>) -> Vec<StepError> {
        let Phase::Forked(fork) = &frame.phase else { return Vec::new() };
        let mut found = Vec::from_iter(fork.data().and_then(|data| self.payload(data).err()));
        let child = |index: u64| {
            if running.contains(&(id, index)) { None } else { self.output(fork.outputs.offset(index)).err() }
        };
        match self.progress(fork.progress) {
            Ok(progress) => found.extend((0..progress.started).find_map(child)),
            Err(error) => found.push(error),
        }
        found
    }

    /// All frames, oldest first.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (PartId, &Arc<Frame>)> {
        self.by_id.range(..PartId(PartId::FIRST_DATA)).filter_map(|(id, part)| match part {
            Part::Frame(frame) => Some((*id, frame)),
            Part::Root(_)
            | Part::Begun(_)
            | Part::Progress(_)
            | Part::Payload(_)
            | Part::Same(_)
            | Part::Variables(_)
            | Part::NotKept => None,
        })
    }

    /// The branches or iterations of a frame that run, oldest first.
    pub(crate) fn children(&self, of: PartId) -> Vec<(PartId, Parent)> {
        let ids = self.children.range((of, PartId::ROOT)..).take_while(|(frame, _)| *frame == of);
        ids.filter_map(|(_, id)| Some((*id, self.by_id.get(id).and_then(parent_of)?))).collect()
    }

    /// The iterations that have only begun.
    pub(crate) fn only_begun(&self) -> Vec<PartId> {
        self.children.iter().map(|(_, id)| *id).filter(|id| self.begun(*id).is_some()).collect()
    }

    /// The items of the Map in which a frame stands.
    pub(crate) fn items_of(&self, id: PartId) -> Result<&Payload, StepError> {
        match self.frame(id)?.phase {
            Phase::Forked(Fork { items: Some(items), .. }) => self.payload(items),
            _ => Err(StepError::Corrupt(format!("frame {} has no iterations", id.0))),
        }
    }

    pub(crate) fn begun(&self, id: PartId) -> Option<Begun> {
        if let Some(Part::Begun(begun)) = self.by_id.get(&id) { Some(*begun) } else { None }
    }

    pub(crate) fn add_frame(&mut self, frame: Frame) -> Result<PartId, StepError> {
        let id = self.reserve_frames(1)?;
        self.put(id, frame.into());
        Ok(id)
    }

    /// Numbers for `count` frames that are put later; the first of them is returned.
    pub(crate) fn reserve_frames(&mut self, count: u64) -> Result<PartId, StepError> {
        let root = self.root_mut()?;
        let first = PartId(root.frames_made).offset(1);
        root.frames_made += count;
        Ok(first)
    }

    /// Removes a frame, and its variables.
    pub(crate) fn remove_frame(&mut self, id: PartId) -> Result<(), StepError> {
        if let Some(variables) = self.frame(id)?.variables {
            let bytes = self.variables(variables)?.bytes();
            self.remove(variables);
            let root = self.root_mut()?;
            root.variables_bytes = root.variables_bytes.saturating_sub(bytes);
        }
        self.remove(id);
        Ok(())
    }

    /// The values of the variables of the scope that a frame is, as an object.
    pub(crate) fn variables_of<'p>(&'p self, frame: &'p Frame) -> Result<Option<&'p Payload>, StepError> {
        match frame.variables {
            Some(part) => Ok(Some(self.variables(part)?.values())),
            None => Ok(frame.inline_variables.as_ref()),
        }
    }

    fn variables(&self, id: PartId) -> Result<&Variables, StepError> {
        match self.by_id.get(&id) {
            Some(Part::Variables(variables)) => Ok(variables),
            other => Err(misplaced(id, "variables", other)),
        }
    }

    /// Takes in what an `Assign` of the frame's state assigned.
    pub(crate) fn assign(&mut self, id: PartId, assigned: &Object) -> Result<(), StepError> {
        let frame = self.frame(id)?;
        let (part, counted, merged) = if let Some(part) = frame.variables {
            let earlier = self.variables(part)?;
            (part, earlier.bytes(), earlier.merged(assigned))
        } else {
            let merged = Variables::counted(frame.inline_variables.as_ref()).merged(assigned);
            (self.reserve_data(1)?, 0, merged)
        };
        let root = self.root_mut()?;
        root.variables_bytes = root.variables_bytes.saturating_sub(counted) + merged.bytes();
        self.put(part, Part::Variables(merged));
        let frame = self.frame_mut(id)?;
        (frame.variables, frame.inline_variables) = (Some(part), None);
        Ok(())
    }

    /// Numbers for `count` parts that are no frames; the first of them is returned.
    pub(crate) fn reserve_data(&mut self, count: u64) -> Result<PartId, StepError> {
        let root = self.root_mut()?;
        let first = PartId(PartId::FIRST_DATA).offset(root.data_made);
        root.data_made += count;
        Ok(first)
    }

    pub(crate) fn put(&mut self, id: PartId, part: Part) {
        self.remember(id);
        self.children.extend(parent_of(&part).map(|parent| (parent.frame, id)));
        self.by_id.insert(id, part);
    }

    pub(crate) fn remove(&mut self, id: PartId) -> Option<Part> {
        self.remember(id);
        let part = self.by_id.remove(&id)?;
        if let Some(parent) = parent_of(&part) {
            self.children.remove(&(parent.frame, id));
        }
        Some(part)
    }

    /// Something was removed that may stand in line. It is passed over there until the gaps are closed.
    pub(crate) fn note_gap(&mut self) {
        self.has_gaps = true;
    }

    /// Takes out of the line what is gone.
    pub(crate) fn close_gaps(&mut self) -> Result<(), StepError> {
        if std::mem::take(&mut self.has_gaps) {
            let mut ready = std::mem::take(&mut self.root_mut()?.ready);
            ready.retain(|id| self.by_id.contains_key(id));
            self.root_mut()?.ready = ready;
        }
        Ok(())
    }

    fn touch(&mut self, id: PartId) -> Option<&mut Part> {
        self.remember(id);
        self.by_id.get_mut(&id)
    }
}

/// Whose branch or iteration it is.
fn parent_of(part: &Part) -> Option<Parent> {
    match part {
        Part::Frame(frame) => frame.parent,
        Part::Begun(begun) => Some(begun.parent),
        Part::Root(_) | Part::Progress(_) | Part::Payload(_) | Part::Same(_) | Part::Variables(_) | Part::NotKept => {
            None
        }
    }
}

fn misplaced(id: PartId, wanted: &str, found: Option<&Part>) -> StepError {
    let found = match found {
        None => "nothing",
        Some(Part::Root(_)) => "the root",
        Some(Part::Frame(_)) => "a frame",
        Some(Part::Begun(_)) => "an iteration that has begun",
        Some(Part::Progress(_)) => "the progress of a fork",
        Some(Part::Payload(_) | Part::Same(_)) => "a payload",
        Some(Part::Variables(_)) => "variables",
        Some(Part::NotKept) => "an output that was not kept",
    };
    StepError::Corrupt(format!("part {} should be {wanted} and is {found}", id.0))
}

#[cfg(test)]
mod tests;
