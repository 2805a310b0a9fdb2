//! The folder of a store: how RocksDB's database is created in it, opened and mended.

use crate::{Error, Mended, Options, error, integrity, known::Known, records::Records};
use rocksdb::DBRecoveryMode;
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use store_folder::{Acknowledged, Mark};

/// The format that this version reads and writes. It begins with the name of the store, so that none takes the folder of
/// another for its own.
pub(crate) const FORMAT: &str = "rocksdb 1";

/// A folder that is open.
pub(crate) struct Opened {
    pub(crate) records: Records,
    /// The number of the last group in the records, and the mark of what is acknowledged.
    pub(crate) acknowledged: (u64, Mark),
    /// What had to be turned back for that.
    mended: Vec<Mended>,
}

/// Opens or creates a store.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<Opened, Error> {
    let lock = store_folder::ready(folder, |creating| create(folder, creating, options))?;
    let data = folder.join("data");
    check_format(folder, &data)?;
    let (records, mended) = open_records(folder, options, &lock)?;
    let group = records.groups().map_err(Error::records(folder))?;
    check_acknowledged(folder, group)?;
    let mark = Mark::open(&data).map_err(Error::io("open", &Mark::path(&data)))?;
    Ok(Opened { records, acknowledged: (group, mark), mended })
}

/// Reads everything, and mends what can be mended.
pub(crate) fn mend(folder: &Path) -> Result<Vec<Mended>, Error> {
    let Opened { records, mut mended, .. } = open(folder, &Options::default())?;
    while let Err(damage) = records.read_all() {
        match integrity::mend_block(&damage)? {
            Some(more) => mended.push(more),
            None => return Err(Error::records(folder)(damage)),
        }
    }
    Ok(mended)
}

/// Where RocksDB's database is.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("data").join("rocksdb")
}

/// Most logs are whole. In one that is not a flipped bit is turned back. Else it is read without changing it, before RocksDB
/// cuts it off where it ends to make sense: what was acknowledged must come before that.
fn open_records(folder: &Path, options: &Options, lock: &File) -> Result<(Records, Vec<Mended>), Error> {
    let database = database(folder);
    let mut mended = integrity::mend_logs(&database)?;
    let known = known_keyspaces(folder, options)?;
    let open = |recovery| -> Result<_, Error> {
        let lock = lock.try_clone().map_err(Error::io("lock", folder))?;
        Ok(Records::open(&database, options, recovery, known.clone(), lock))
    };
    loop {
        let damage = match open(DBRecoveryMode::AbsoluteConsistency)? {
            Err(damage) if error::is_damage(&damage) => damage,
            opened => return Ok((opened.map_err(Error::records(folder))?, mended)),
        };
        let Some(more) = integrity::mend_block(&damage)? else {
            let found = Records::recoverable_groups(&database, options).map_err(Error::records(folder))?;
            check_acknowledged(folder, found)?;
            tracing::warn!(%damage, "what was not acknowledged at the end of a log is cut off");
            return Ok((open(DBRecoveryMode::PointInTime)?.map_err(Error::records(folder))?, mended));
        };
        mended.push(more);
    }
}

/// The keyspaces that were ever written to. Refuses a folder whose list of tables has lost one.
fn known_keyspaces(folder: &Path, options: &Options) -> Result<Known, Error> {
    let listed = Records::listed(&database(folder), options).map_err(Error::records(folder))?;
    let mut known = Known::read(&folder.join("data"))?;
    if let Some(lost) = known.lost(&listed) {
        return Err(Error::LostKeyspace { folder: folder.into(), keyspace: lost.into() });
    }
    known.add_all(&listed)?;
    Ok(known)
}

fn create(folder: &Path, creating: &Path, options: &Options) -> Result<(), Error> {
    Records::create(&creating.join("rocksdb"), options).map_err(Error::records(folder))?;
    Ok(store_folder::write_format(creating, FORMAT)?)
}

fn check_format(folder: &Path, data: &Path) -> Result<(), Error> {
    let found = store_folder::format(data)?;
    if found.trim_end() == FORMAT {
        return Ok(());
    }
    Err(Error::Format { folder: folder.into(), found: found.trim_end().into() })
}

/// Refuses a folder that ends before what was acknowledged.
fn check_acknowledged(folder: &Path, found: u64) -> Result<(), Error> {
    let data = folder.join("data");
    let acknowledged = Acknowledged::read(&data);
    if acknowledged.is_twice && found < acknowledged.group {
        let mark = Mark::path(&data);
        return Err(Error::Lost { folder: folder.into(), found, acknowledged: acknowledged.group, mark });
    }
    Ok(())
}
