//! The undo log of parts.
//!
//! What a part was before the first touch is kept until the step is accepted; so a step that cannot be made leaves no trace,
//! and no step copies what it does not change. Likewise what parts were before a state failed, until something has helped.

use super::{Part, PartId, Parts, parent_of};
use crate::{StepError, weight};

impl Parts {
    /// Removes all but the root. There may be very many: they are put away as they are.
    pub(crate) fn clear(&mut self) {
        self.before_failure = None;
        self.children.clear();
        let root = self.by_id.remove(&PartId::ROOT);
        let gone = std::mem::replace(&mut self.by_id, root.map(|root| (PartId::ROOT, root)).into_iter().collect());
        // A step that clears twice has made next to nothing in between.
        self.cleared.extend(gone);
    }

    /// A state fails. Those around it may fail with it; what they were until then is remembered.
    pub(crate) fn failing(&mut self) {
        self.before_failure.get_or_insert_default();
    }

    /// A retrier or catcher helped: the execution goes on.
    pub(crate) fn recovered(&mut self) {
        self.before_failure = None;
    }

    /// Nothing helped: everything is again what it was when the first state failed, but for what counts on.
    pub(crate) fn return_to_failure(&mut self) -> Result<(), StepError> {
        for (id, part) in self.before_failure.take().unwrap_or_default() {
            match part {
                Some(Part::Root(root)) => self.root_mut()?.variables_bytes = root.variables_bytes,
                Some(part) => self.put(id, part),
                None => drop(self.remove(id)),
            }
        }
        Ok(())
    }

    /// Accepts the step: gives the parts to write and the parts to delete.
    pub(crate) fn accept(&mut self) -> (Vec<PartId>, Vec<PartId>) {
        self.recovered();
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        let cleared = std::mem::take(&mut self.cleared);
        removed.extend(cleared.keys().filter(|id| !self.before.contains_key(id)));
        for (id, before) in std::mem::take(&mut self.before) {
            let now = self.by_id.get(&id);
            if let Some(before) = &before {
                self.weight = self.weight.saturating_sub(weight::part(before));
                self.awaited.remove(before);
            }
            if let Some(now) = now {
                self.weight = self.weight.saturating_add(weight::part(now));
                self.awaited.add(id, now);
                changed.push(id);
            } else if before.is_some() {
                removed.push(id);
            }
        }
        if !cleared.is_empty() {
            self.count_anew();
        }
        (changed, removed)
    }

    /// Undoes the step.
    pub(crate) fn undo(&mut self) {
        self.recovered();
        self.has_gaps = false;
        let cleared = std::mem::take(&mut self.cleared);
        let before = std::mem::take(&mut self.before);
        let was = before.iter().filter_map(|(id, part)| Some((*id, part.as_ref()?)));
        let all = cleared.iter().map(|(id, part)| (*id, part)).chain(was);
        self.children.extend(all.filter_map(|(id, part)| Some((parent_of(part)?.frame, id))));
        self.by_id.extend(cleared);
        for (id, before) in before {
            let Some(part) = before else {
                let made = self.by_id.remove(&id);
                made.as_ref().and_then(parent_of).map(|parent| self.children.remove(&(parent.frame, id)));
                continue;
            };
            self.by_id.insert(id, part);
        }
    }

    pub(super) fn remember(&mut self, id: PartId) {
        for before in self.before_failure.iter_mut().chain([&mut self.before]) {
            before.entry(id).or_insert_with(|| self.by_id.get(&id).or_else(|| self.cleared.get(&id)).cloned());
        }
    }
}
