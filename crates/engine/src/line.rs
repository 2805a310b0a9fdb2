//! The line of the calls that wait until one more may run.

use crate::dispatch::Attempt;
use std::collections::{HashSet, VecDeque};

/// First come, first served; each attempt stands in it once. Very many may: after a restart all calls that were pending.
#[derive(Default)]
pub(crate) struct Line {
    order: VecDeque<Attempt>,
    members: HashSet<Attempt>,
}

impl Line {
    /// Puts an attempt at the end, unless it stands in line already.
    pub(crate) fn push(&mut self, attempt: Attempt) {
        if self.members.insert(attempt) {
            self.order.push_back(attempt);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Attempt> {
        let first = self.order.pop_front()?;
        self.members.remove(&first);
        Some(first)
    }

    pub(crate) fn has(&self, attempt: Attempt) -> bool {
        self.members.contains(&attempt)
    }

    /// Takes those out of the line that are not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(Attempt) -> bool) {
        self.order.retain(|attempt| keep(*attempt));
        self.members.retain(|attempt| keep(*attempt));
    }
}

impl IntoIterator for Line {
    type Item = Attempt;
    type IntoIter = std::collections::vec_deque::IntoIter<Attempt>;

    fn into_iter(self) -> Self::IntoIter {
        self.order.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ExecutionKey;

    #[test]
    fn who_comes_first_is_served_first_and_once() {
        let attempt = |id| (ExecutionKey([0; 16]), id);
        let mut line = Line::default();
        for id in [1, 2, 1, 3, 4] {
            line.push(attempt(id));
        }
        line.retain(|(_, id)| id != 3);
        assert!(line.has(attempt(2)) && !line.has(attempt(3)));
        assert_eq!(line.pop(), Some(attempt(1)));
        line.push(attempt(1));
        assert_eq!(line.into_iter().collect::<Vec<_>>(), [attempt(2), attempt(4), attempt(1)]);
    }
}
