//! Which tables a keyspace has: `current` names a file and has its checksum, that file names the tables and has theirs.
//! fjall reads the file without comparing the checksum: a flipped bit in it could make a table go unnoticed, and be
//! deleted as a left-over.

use super::{bits, bits::Flip};
use crate::Error;
use std::{
    fs,
    path::{Path, PathBuf},
};
use store_folder::{Mended, put_right};
use xxhash_rust::xxh3::xxh3_128;

/// A table, as its keyspace names it.
pub(super) struct Table {
    pub(super) path: PathBuf,
    /// The XXH3 of the whole file, 128 bits.
    pub(super) checksum: u128,
}

/// `current`: the number of the file (`u64`), its XXH3 (`u128`), and `0` for that kind of checksum; little-endian.
const CURRENT_BYTES: usize = 25;
/// What is in fjall's file `version`, as long as the format of the folder is [`crate::folder::FORMAT`].
const VERSION: &[u8] = b"FJL\x03";

/// Compares the list of tables of each keyspace with its checksum, and turns a flipped bit back.
pub(super) fn mend(database: &Path) -> Result<Vec<Mended>, Error> {
    let mut mended = mend_version(database)?;
    for keyspace in keyspaces(database)? {
        let current = keyspace.join("current");
        // A keyspace without this file was never used: fjall removes it.
        let Ok(bytes) = fs::read(&current) else { continue };
        if is_right(&keyspace, &bytes) {
            continue;
        }
        let flipped = bits::search(&bytes, 0..CURRENT_BYTES, |tried| is_right(&keyspace, tried));
        mended.push(match flipped {
            Some(Flip { at, byte }) => put_right(&current, at, byte)?,
            None => mend_list(&keyspace, &bytes)?,
        });
    }
    Ok(mended)
}

fn mend_version(database: &Path) -> Result<Vec<Mended>, Error> {
    let file = database.join("version");
    // If there is none, fjall says so.
    let Ok(bytes) = fs::read(&file) else { return Ok(Vec::new()) };
    let all = 0..bytes.len();
    match bits::search(&bytes, all, |tried| tried == VERSION) {
        Some(Flip { at, byte }) => Ok(vec![put_right(&file, at, byte)?]),
        None => Ok(Vec::new()),
    }
}

fn mend_list(keyspace: &Path, current: &[u8]) -> Result<Mended, Error> {
    let damaged = |file: PathBuf| Error::Damaged { file, at: 0 };
    let (number, checksum) = parse(current).ok_or_else(|| damaged(keyspace.join("current")))?;
    let list = keyspace.join(format!("v{number}"));
    let bytes = fs::read(&list).map_err(Error::io("read", &list))?;
    let all = 0..bytes.len();
    match bits::search(&bytes, all, |tried| xxh3_128(tried) == checksum) {
        Some(Flip { at, byte }) => Ok(put_right(&list, at, byte)?),
        None => Err(damaged(list)),
    }
}

/// Whether the file that `current` names is there and has its checksum.
fn is_right(keyspace: &Path, current: &[u8]) -> bool {
    parse(current).is_some_and(|(number, checksum)| {
        fs::read(keyspace.join(format!("v{number}"))).is_ok_and(|bytes| xxh3_128(&bytes) == checksum)
    })
}

fn parse(current: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = current.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    (rest == [0]).then(|| (u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
}

fn keyspaces(database: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = database.join("keyspaces");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
        found.push(entry.map_err(Error::io("read", &folder))?.path());
    }
    found.sort();
    Ok(found)
}

/// All tables of all keyspaces.
pub(super) fn tables(database: &Path) -> Result<Vec<Table>, Error> {
    let mut found = Vec::new();
    for keyspace in keyspaces(database)? {
        found.extend(tables_of(&keyspace)?);
    }
    Ok(found)
}

fn tables_of(keyspace: &Path) -> Result<Vec<Table>, Error> {
    let read = || fs::read(keyspace.join("current")).unwrap_or_default();
    let mut current = read();
    loop {
        let Some((number, _)) = parse(&current) else { return Ok(Vec::new()) };
        let list = keyspace.join(format!("v{number}"));
        if let Some(tables) = listed(keyspace, &list) {
            return Ok(tables);
        }
        // fjall may have written another list meanwhile, and removed this one.
        let now = read();
        if now == current {
            return Err(Error::Damaged { file: list, at: 0 });
        }
        current = now;
    }
}

/// The section `tables` of the file: levels (`u8`) of runs (`u8`) of tables (`u32`); a table is its number (`u64`), `0`
/// for the kind of its checksum, the checksum (`u128`) and a sequence number (`u64`).
fn listed(keyspace: &Path, list: &Path) -> Option<Vec<Table>> {
    let bytes = fs::read(list).ok()?;
    let archive = sfa::Reader::from_reader(&mut std::io::Cursor::new(&bytes)).ok()?;
    let section = archive.toc().section(b"tables")?;
    let from = usize::try_from(section.pos()).ok()?;
    let mut rest = bytes.get(from..)?;
    let (levels, mut found) = (take::<1>(&mut rest)?, Vec::new());
    for _ in 0..u8::from_le_bytes(levels) {
        for _ in 0..u8::from_le_bytes(take(&mut rest)?) {
            for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
                let number = u64::from_le_bytes(take(&mut rest)?);
                let _kind = take::<1>(&mut rest)?;
                let checksum = u128::from_le_bytes(take(&mut rest)?);
                let _sequence = take::<8>(&mut rest)?;
                found.push(Table { path: keyspace.join("tables").join(number.to_string()), checksum });
            }
        }
    }
    Some(found)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}
