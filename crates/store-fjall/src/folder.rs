//! The folder of a store: its lock, its creation in one stroke, its format version, its mark of what was acknowledged.

use crate::{Error, Mended, Options, integrity, records::Records};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

/// The format that this version writes.
pub(crate) const FORMAT: &str = "2";
/// The format before it, in which the engine packed no records. Such a folder becomes one of this format when it is opened, so
/// that an earlier version does not take what it cannot read for damage.
const UNPACKED: &str = "1";

/// Opens or creates a store; also gives the number of the last group in it. What a crash left of an earlier attempt to create it is removed.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<(Records, Mark, u64), Error> {
    let lock = lock(folder)?;
    let (data, creating) = (folder.join("data"), folder.join("creating"));
    if creating.exists() {
        fs::remove_dir_all(&creating).map_err(Error::io("remove", &creating))?;
    }
    if !is_created(folder) {
        create(&creating, options)?;
        fs::rename(&creating, &data).map_err(Error::io("create", &data))?;
        sync(folder)?;
        sync_above(folder)?;
    }
    check_format(folder, &data)?;
    integrity::before_opening(&database(folder), Mark::read(&data))?;
    let records = open_records(folder, options, &lock)?;
    let group = records.groups().map_err(Error::records(folder))?;
    let mark = check_mark(folder, &data, group)?;
    Ok((records, mark, group))
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
    let _lock = lock(folder)?;
    let (data, database) = (folder.join("data"), database(folder));
    let mut mended = integrity::before_opening(&database, Mark::read(&data))?;
    mended.extend(integrity::mend_tables(&database)?);
    Ok(mended)
}

/// Whether a store was created in the folder, and is whole.
pub(crate) fn is_created(folder: &Path) -> bool {
    folder.join("data").exists()
}

/// The lock belongs to the open file, so it is gone when the process is, however that ends.
fn lock(folder: &Path) -> Result<File, Error> {
    create_private(folder)?;
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { folder: folder.into() }),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
    }
}

/// Inputs and outputs of executions are nobody else's business: only the owner may look into a folder that we create.
fn create_private(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(Error::io("create", folder))
}

/// The caller renames it when it is whole.
fn create(folder: &Path, options: &Options) -> Result<(), Error> {
    create_private(folder)?;
    let fjall = folder.join("fjall");
    drop(Records::open(&fjall, options, None).map_err(Error::records(folder))?);
    write_format(folder)?;
    sync(folder)
}

/// One byte is another where there was a format already, so a crash leaves one or the other.
fn write_format(data: &Path) -> Result<(), Error> {
    let path = data.join("format");
    let written = File::options().create(true).truncate(false).write(true).open(&path).and_then(|mut file| {
        file.write_all(format!("{FORMAT}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", &path))
}

fn sync(folder: &Path) -> Result<(), Error> {
    sync_names(folder).map_err(Error::io("sync", folder))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_names(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes the name of the folder itself durable, and those of the folders above it: they may be as new as it is.
fn sync_above(folder: &Path) -> Result<(), Error> {
    let folder = folder.canonicalize().map_err(Error::io("find", folder))?;
    for above in folder.ancestors().skip(1) {
        match sync(above) {
            // A folder that we may not read was not made by us, just now.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

fn check_format(folder: &Path, data: &Path) -> Result<(), Error> {
    let path = data.join("format");
    let found = fs::read(&path).map_err(Error::io("read", &path))?;
    let found = String::from_utf8_lossy(&found);
    // Whatever became of the line's end is no other version.
    match found.split(|char: char| !char.is_ascii_digit()).next() {
        Some(FORMAT) => Ok(()),
        Some(UNPACKED) => write_format(data),
        _ => Err(Error::Format { folder: folder.into(), found: found.trim_end().into() }),
    }
}

fn check_mark(folder: &Path, data: &Path, found: u64) -> Result<Mark, Error> {
    let path = data.join(MARK);
    let mark = Mark::open(&path).map_err(Error::io("open", &path))?;
    let acknowledged = Mark::read(data);
    if found < acknowledged {
        return Err(Error::Lost { folder: folder.into(), found, acknowledged, mark: path });
    }
    Ok(mark)
}

const MARK: &str = "acknowledged";

/// The file that has the number of the last acknowledged group, twice: a number that is damaged vouches for nothing.
pub(crate) struct Mark(File);

impl Mark {
    /// What it vouches for. It is not synced, so after a power loss it may be old or unreadable: then that is less.
    fn read(data: &Path) -> u64 {
        let text = fs::read_to_string(data.join(MARK)).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        // Earlier versions wrote it once.
        let (first, second) = (words.next(), words.next());
        first
            .filter(|first| second.is_none_or(|second| second == *first))
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    }

    fn open(path: &Path) -> io::Result<Self> {
        File::options().create(true).truncate(false).write(true).open(path).map(Self)
    }

    /// One small write to the page cache. It outlives the process, and most of the time the machine.
    pub(crate) fn set(&mut self, group: u64) -> io::Result<()> {
        self.0.rewind()?;
        // Always as long, so that an older number is overwritten whole.
        self.0.write_all(format!("{group:020} {group:020}\n").as_bytes())
    }
}
