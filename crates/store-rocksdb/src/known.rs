//! `keyspaces`: which keyspaces were ever written to, a line for each, there before the first group that writes to it.
//!
//! RocksDB notices when its list of tables has lost a table or a log, by what is left in the folder, but not when it has lost a
//! column family: what the logs have for one that is not listed it passes over. So this is held against the list before RocksDB
//! writes that anew. Each line has the name twice, so that a damaged one vouches for nothing.

use crate::Error;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};
use store::Keyspace;

/// The file, and what it says.
#[derive(Clone, Default)]
pub(crate) struct Known {
    path: PathBuf,
    names: BTreeSet<String>,
}

impl Known {
    /// Of the folder `data`. Where there is no such file nothing is known.
    pub(crate) fn read(data: &Path) -> Result<Self, Error> {
        let path = data.join("keyspaces");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(Error::io("read", &path))?,
        };
        let twice = |line: &[u8]| {
            let (name, again) = str::from_utf8(line).ok()?.strip_suffix('\n')?.split_once(' ')?;
            (name == again).then(|| name.to_owned())
        };
        let names = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(twice).collect();
        Ok(Self { path, names })
    }

    pub(crate) fn has(&self, keyspace: Keyspace) -> bool {
        self.names.contains(keyspace.0)
    }

    /// One that is not listed, if there is one.
    pub(crate) fn lost(&self, listed: &[String]) -> Option<&str> {
        self.names.iter().find(|name| !listed.contains(name)).map(String::as_str)
    }

    /// Notes those, too, that an earlier build had created.
    pub(crate) fn add_all(&mut self, listed: &[String]) -> Result<(), Error> {
        let unknown: Vec<&String> = listed.iter().filter(|name| !self.names.contains(*name)).collect();
        for name in unknown {
            self.add(name).map_err(Error::io("write", &self.path))?;
        }
        Ok(())
    }

    /// Durable when it returns. A crash may leave a part of a line, which is ended by the line's end that the next begins with.
    pub(crate) fn add(&mut self, name: &str) -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(format!("\n{name} {name}\n").as_bytes())?;
        file.sync_all()?;
        self.path.parent().map_or(Ok(()), store_folder::sync_names)?;
        self.names.insert(name.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_or_damaged_line_vouches_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let known = |folder: &Path| Known::read(folder).unwrap();
        assert!(known(folder.path()).names.is_empty());
        known(folder.path()).add("first").unwrap();
        let path = folder.path().join("keyspaces");
        fs::write(&path, [fs::read(&path).unwrap(), b"\nthird thi".to_vec()].concat()).unwrap();
        known(folder.path()).add("second").unwrap();
        let found = known(folder.path());
        assert!(found.has(Keyspace("first")) && found.has(Keyspace("second")) && found.names.len() == 2);
        assert_eq!(found.lost(&["first".into()]), Some("second"));
        assert_eq!(found.lost(&["second".into(), "first".into(), "more".into()]), None);
        fs::write(&path, String::from_utf8(fs::read(&path).unwrap()).unwrap().replace("first f", "fisrt f")).unwrap();
        assert_eq!(known(folder.path()).names, ["second".to_owned()].into());
        known(folder.path()).add_all(&["first".into(), "second".into()]).unwrap();
        assert_eq!(known(folder.path()).names, ["first".to_owned(), "second".to_owned()].into());
    }
}
