//! The folder of a store: how fjall's database is created in it, opened and mended.

use crate::{Error, Mended, Options, integrity, numbers::Numbers, records::Records};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use store_folder::{Acknowledged, Mark};

/// The format that this version writes.
pub(crate) const FORMAT: &str = "2";
/// The format before it, in which the engine packed no records. Such a folder becomes one of this format when it is opened, so
/// that an earlier version does not take what it cannot read for damage.
const UNPACKED: &str = "1";

/// Opens or creates a store; also gives the number of the last group in it, and the mark of what is acknowledged.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<(Records, (u64, Mark)), Error> {
    let lock = store_folder::ready(folder, |creating| create(folder, creating, options))?;
    let data = folder.join("data");
    check_format(folder, &data)?;
    integrity::before_opening(&database(folder), Acknowledged::read(&data).group)?;
    let records = open_records(folder, options, &lock)?;
    let group = records.groups().map_err(Error::records(folder))?;
    let mark = check_mark(folder, &data, group)?;
    Ok((records, (group, mark)))
}

/// Where fjall's database is.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("data").join("fjall")
}

/// fjall says neither which file it cannot read nor why; the checksums do.
fn open_records(folder: &Path, options: &Options, lock: &File) -> Result<Records, Error> {
    let database = database(folder);
    let open = || {
        let lock = lock.try_clone().map_err(Error::io("lock", folder))?;
        Records::open(&database, options, Some(lock)).map_err(Error::records(folder))
    };
    match open() {
        Err(error @ Error::Records { .. }) => {
            tracing::error!(error = &error as &dyn std::error::Error, "its tables are compared with their checksums");
            if integrity::mend_tables(&database)?.is_empty() { Err(error) } else { open() }
        }
        opened => opened,
    }
}

/// Compares everything that has a checksum, and mends what can be mended.
pub(crate) fn mend(folder: &Path) -> Result<Vec<Mended>, Error> {
    let _lock = store_folder::lock(folder)?;
    let (data, database) = (folder.join("data"), database(folder));
    let mut mended = integrity::before_opening(&database, Acknowledged::read(&data).group)?;
    mended.extend(integrity::mend_tables(&database)?);
    Ok(mended)
}

fn create(folder: &Path, creating: &Path, options: &Options) -> Result<(), Error> {
    let database = creating.join("fjall");
    drop(Records::open(&database, options, None).map_err(Error::records(folder))?);
    Numbers::of(&database).begin().map_err(Error::io("write in", creating))?;
    Ok(store_folder::write_format(creating, FORMAT)?)
}

fn check_format(folder: &Path, data: &Path) -> Result<(), Error> {
    let found = store_folder::format(data)?;
    // Whatever became of the line's end is no other version.
    match found.split(|char: char| !char.is_ascii_digit()).next() {
        Some(FORMAT) => Ok(()),
        Some(UNPACKED) => Ok(store_folder::write_format(data, FORMAT)?),
        _ => Err(Error::Format { folder: folder.into(), found: found.trim_end().into() }),
    }
}

fn check_mark(folder: &Path, data: &Path, found: u64) -> Result<Mark, Error> {
    let path = Mark::path(data);
    let mark = Mark::open(data).map_err(Error::io("open", &path))?;
    let acknowledged = Acknowledged::read(data).group;
    if found < acknowledged {
        return Err(Error::Lost { folder: folder.into(), found, acknowledged, mark: path });
    }
    Ok(mark)
}
