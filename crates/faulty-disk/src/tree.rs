//! Files and folders: as they are, as they were when they were last synced, and the changes between.

use crate::Loss;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
};

pub(crate) const ROOT: u64 = 1;
/// What a disk writes whole.
const SECTOR_BYTES: usize = 512;
/// What the kernel writes to a disk at a time, in any order.
const PAGE_BYTES: usize = 4_096;

/// All nodes by their number.
pub(crate) struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// How many have a file open.
    open: BTreeMap<u64, u64>,
}

pub(crate) enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Default)]
pub(crate) struct File {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Default)]
pub(crate) struct Folder {
    names: BTreeMap<OsString, u64>,
    synced: BTreeMap<OsString, u64>,
    pending: Vec<Naming>,
}

/// A change of names that happens whole or not at all.
enum Naming {
    Name(OsString, u64),
    Remove(OsString),
    Rename { from: OsString, to: OsString, node: u64 },
}

impl Default for Tree {
    fn default() -> Tree {
        let nodes = BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]);
        Tree { nodes, next: ROOT + 1, open: BTreeMap::new() }
    }
}

impl Tree {
    pub(crate) fn get(&self, node: u64) -> Option<&Node> {
        self.nodes.get(&node)
    }

    pub(crate) fn file(&mut self, node: u64) -> Option<&mut File> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    pub(crate) fn folder(&mut self, node: u64) -> Option<&mut Folder> {
        match self.nodes.get_mut(&node) {
            Some(Node::Folder(folder)) => Some(folder),
            _ => None,
        }
    }

    pub(crate) fn find(&self, folder: u64, name: &OsStr) -> Option<u64> {
        match self.nodes.get(&folder) {
            Some(Node::Folder(folder)) => folder.names.get(name).copied(),
            _ => None,
        }
    }

    /// Makes a node in a folder, if that is there.
    pub(crate) fn create(&mut self, folder: u64, name: &OsStr, node: Node) -> Option<u64> {
        let number = self.next;
        self.folder(folder)?.change(Naming::Name(name.into(), number));
        self.next += 1;
        self.nodes.insert(number, node);
        Some(number)
    }

    pub(crate) fn remove(&mut self, folder: u64, name: &OsStr) -> Option<u64> {
        let node = self.find(folder, name)?;
        self.folder(folder)?.change(Naming::Remove(name.into()));
        Some(node)
    }

    pub(crate) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Option<u64> {
        let node = self.find(from.0, from.1)?;
        if from.0 == to.0 {
            self.folder(from.0)?.change(Naming::Rename { from: from.1.into(), to: to.1.into(), node });
        } else {
            self.folder(to.0)?.change(Naming::Name(to.1.into(), node));
            self.folder(from.0)?.change(Naming::Remove(from.1.into()));
        }
        Some(node)
    }

    pub(crate) fn opened(&mut self, node: u64) {
        *self.open.entry(node).or_default() += 1;
    }

    pub(crate) fn released(&mut self, node: u64) {
        if let Some(open) = self.open.get_mut(&node) {
            *open = open.saturating_sub(1);
        }
        self.drop_unreachable();
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&mut self, node: u64) {
        if let Some(folder) = self.folder(node) {
            folder.synced = folder.names.clone();
            folder.pending.clear();
        }
        self.drop_unreachable();
    }

    /// Forgets what is not synced, or a part of that. Gives how many changes there were.
    pub(crate) fn lose_power(&mut self, loss: Loss) -> usize {
        let mut random = match loss {
            Loss::Everything => None,
            Loss::Some(seed) => Some(Random(seed)),
        };
        let mut unsynced = 0;
        for node in self.nodes.values_mut() {
            match node {
                Node::File(file) => unsynced += file.lose_power(random.as_mut()),
                Node::Folder(folder) => unsynced += folder.lose_power(random.as_mut()),
            }
        }
        self.open.clear();
        self.drop_unreachable();
        unsynced
    }

    /// A file is gone when no name leads to it, now or after a power loss, and nobody has it open.
    fn drop_unreachable(&mut self) {
        let mut reachable = BTreeSet::new();
        let mut next: Vec<u64> = self.open.iter().filter(|(_, open)| **open > 0).map(|(node, _)| *node).collect();
        next.push(ROOT);
        while let Some(node) = next.pop() {
            if reachable.insert(node)
                && let Some(Node::Folder(folder)) = self.nodes.get(&node)
            {
                next.extend(folder.names.values().chain(folder.synced.values()));
                next.extend(folder.pending.iter().filter_map(Naming::node));
            }
        }
        self.nodes.retain(|node, _| reachable.contains(node));
    }
}

impl File {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn read(&self, at: usize, count: usize) -> &[u8] {
        let from = at.min(self.bytes.len());
        let to = at.saturating_add(count).min(self.bytes.len());
        self.bytes.get(from..to).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let change = Change::Write { at, bytes: bytes.to_vec() };
        change.apply(&mut self.bytes);
        self.pending.push(change);
    }

    pub(crate) fn set_len(&mut self, bytes: usize) {
        let change = Change::Length(bytes);
        change.apply(&mut self.bytes);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        self.pending.drain(..).for_each(|change| change.apply(&mut self.synced));
    }

    /// A sync that failed: the kernel takes what was to be written for written.
    pub(crate) fn forget_pending(&mut self) {
        self.pending.clear();
    }

    fn lose_power(&mut self, random: Option<&mut Random>) -> usize {
        let pending = std::mem::take(&mut self.pending);
        let lost = pending.len();
        if let Some(random) = random {
            let in_order = random.one_in(2);
            for change in pending {
                if in_order && random.one_in(2) {
                    break;
                }
                let pages = if in_order { vec![change] } else { change.pages() };
                for page in pages {
                    if in_order || random.one_in(2) {
                        page.torn(random).apply(&mut self.synced);
                    }
                }
            }
        }
        self.bytes.clone_from(&self.synced);
        lost
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Length(bytes) => to.resize(*bytes, 0),
            Change::Write { at, bytes } => {
                let end = at.saturating_add(bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                if let Some(place) = to.get_mut(*at..end) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }

    /// What of it is written to the disk by itself.
    fn pages(self) -> Vec<Change> {
        let Change::Write { mut at, bytes } = self else { return vec![self] };
        let mut pages = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (page, after) = rest.split_at(rest.len().min(PAGE_BYTES - at % PAGE_BYTES));
            pages.push(Change::Write { at, bytes: page.to_vec() });
            at += page.len();
            rest = after;
        }
        pages
    }

    /// One in four writes ends early, at the end of a sector of the disk.
    fn torn(self, random: &mut Random) -> Change {
        match self {
            Change::Write { at, mut bytes } if random.one_in(4) => {
                let sectors = (at % SECTOR_BYTES + bytes.len()) / SECTOR_BYTES;
                let kept = random.below(sectors.max(1)) * SECTOR_BYTES;
                bytes.truncate(kept.saturating_sub(at % SECTOR_BYTES));
                Change::Write { at, bytes }
            }
            change => change,
        }
    }
}

impl Folder {
    pub(crate) fn names(&self) -> impl Iterator<Item = (&OsString, u64)> {
        self.names.iter().map(|(name, node)| (name, *node))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn change(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending.push(naming);
    }

    fn lose_power(&mut self, random: Option<&mut Random>) -> usize {
        let pending = std::mem::take(&mut self.pending);
        let kept = random.map_or(0, |random| random.below(pending.len() + 1));
        pending.iter().take(kept).for_each(|naming| naming.apply(&mut self.synced));
        self.names.clone_from(&self.synced);
        pending.len()
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<OsString, u64>) {
        match self {
            Naming::Name(name, node) => {
                names.insert(name.clone(), *node);
            }
            Naming::Remove(name) => {
                names.remove(name);
            }
            Naming::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }

    fn node(&self) -> Option<u64> {
        match self {
            Naming::Name(_, node) | Naming::Rename { node, .. } => Some(*node),
            Naming::Remove(_) => None,
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tree: &mut Tree, name: &str) -> u64 {
        tree.create(ROOT, OsStr::new(name), Node::File(File::default())).unwrap_or(0)
    }

    fn content(tree: &mut Tree, name: &str) -> Option<Vec<u8>> {
        let node = tree.find(ROOT, OsStr::new(name))?;
        tree.file(node).map(|file| file.read(0, usize::MAX).to_vec())
    }

    #[test]
    fn what_is_synced_is_kept_and_nothing_else() {
        let mut tree = Tree::default();
        let (kept, unnamed) = (file(&mut tree, "kept"), file(&mut tree, "also named"));
        tree.file(kept).into_iter().for_each(|file| {
            file.write(0, b"synced");
            file.sync();
            file.write(0, b"SYNC");
            file.set_len(3);
        });
        tree.file(unnamed).into_iter().for_each(|file| file.write(2, b"written"));
        tree.sync_folder(ROOT);
        file(&mut tree, "not named");
        assert_eq!(content(&mut tree, "kept").as_deref(), Some(&b"SYN"[..]));
        assert_eq!(tree.lose_power(Loss::Everything), 4);
        assert_eq!(content(&mut tree, "kept").as_deref(), Some(&b"synced"[..]));
        assert_eq!(content(&mut tree, "also named").as_deref(), Some(&b""[..]));
        assert_eq!(content(&mut tree, "not named"), None);
    }

    #[test]
    fn a_rename_that_is_not_synced_leaves_the_old_name() {
        let mut tree = Tree::default();
        file(&mut tree, "creating");
        tree.sync_folder(ROOT);
        tree.rename((ROOT, OsStr::new("creating")), (ROOT, OsStr::new("data")));
        tree.lose_power(Loss::Everything);
        assert!(tree.find(ROOT, OsStr::new("creating")).is_some());
        assert!(tree.find(ROOT, OsStr::new("data")).is_none());
    }

    #[test]
    fn a_file_that_was_removed_comes_back_if_that_was_not_synced() {
        let mut tree = Tree::default();
        let node = file(&mut tree, "journal");
        tree.opened(node);
        tree.sync_folder(ROOT);
        tree.remove(ROOT, OsStr::new("journal"));
        tree.released(node);
        tree.lose_power(Loss::Everything);
        assert_eq!(tree.find(ROOT, OsStr::new("journal")), Some(node));
        tree.remove(ROOT, OsStr::new("journal"));
        tree.sync_folder(ROOT);
        assert!(tree.get(node).is_none());
    }

    #[test]
    fn a_part_of_what_is_not_synced_is_drawn_from_the_seed() {
        let lose = |seed| {
            let mut tree = Tree::default();
            let node = file(&mut tree, "f");
            tree.sync_folder(ROOT);
            tree.file(node).into_iter().for_each(|file| {
                (0..8).for_each(|n| file.write(n * 2_000, &[1; 2_000]));
            });
            tree.lose_power(Loss::Some(seed));
            content(&mut tree, "f")
        };
        assert_eq!(lose(1), lose(1));
        assert!((2..20).any(|seed| lose(seed) != lose(1)));
    }
}
