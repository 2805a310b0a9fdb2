//! The folder of a store: its lock, its creation in one stroke, its format, its mark of what was acknowledged.

use crate::{Error, Mended, Options, error, integrity, records::Records};
use rocksdb::DBRecoveryMode;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

/// The format that this version reads and writes. It begins with the name of the store, so that none takes the folder of
/// another for its own.
pub(crate) const FORMAT: &str = "rocksdb 1";

/// A folder that is open.
pub(crate) struct Opened {
    pub(crate) records: Records,
    pub(crate) mark: Mark,
    /// The number of the last group in the records.
    pub(crate) group: u64,
    /// What had to be turned back for that.
    mended: Vec<Mended>,
}

/// Opens or creates a store. What a crash left of an earlier attempt to create it is removed.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<Opened, Error> {
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
    let (records, mended) = open_records(folder, options, &lock)?;
    let group = records.groups().map_err(Error::records(folder))?;
    check_acknowledged(folder, group)?;
    let mark = Mark::open(&data).map_err(Error::io("open", &data.join(MARK)))?;
    Ok(Opened { records, mark, group, mended })
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
    let open = |recovery| {
        let lock = lock.try_clone().map_err(Error::io("lock", folder))?;
        Ok(Records::open(&database, options, recovery, lock))
    };
    let mut mended = integrity::mend_logs(&database)?;
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
    Records::create(&folder.join("rocksdb"), options).map_err(Error::records(folder))?;
    let path = folder.join("format");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(format!("{FORMAT}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", &path))?;
    sync(folder)
}

fn sync(folder: &Path) -> Result<(), Error> {
    sync_names(folder).map_err(Error::io("sync", folder))
}

/// Makes the names in a folder durable.
fn sync_names(folder: &Path) -> io::Result<()> {
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
    if found.trim_end() == FORMAT {
        return Ok(());
    }
    Err(Error::Format { folder: folder.into(), found: found.trim_end().into() })
}

/// Refuses a folder that ends before what was acknowledged.
fn check_acknowledged(folder: &Path, found: u64) -> Result<(), Error> {
    let data = folder.join("data");
    let acknowledged = Mark::read(&data);
    if found < acknowledged {
        return Err(Error::Lost { folder: folder.into(), found, acknowledged, mark: data.join(MARK) });
    }
    Ok(())
}

const MARK: &str = "acknowledged";

/// The file that has the number of the last acknowledged group, twice: a number that is damaged vouches for nothing.
pub(crate) struct Mark(File);

impl Mark {
    /// What it vouches for. It is not synced, so after a power loss it may be old or unreadable: then that is less.
    fn read(data: &Path) -> u64 {
        let text = fs::read_to_string(data.join(MARK)).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let (first, second) = (words.next(), words.next());
        first.filter(|_| first == second).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    fn open(data: &Path) -> io::Result<Self> {
        File::options().create(true).truncate(false).write(true).open(data.join(MARK)).map(Self)
    }

    /// One small write to the page cache. It outlives the process, and most of the time the machine.
    pub(crate) fn set(&mut self, group: u64) -> io::Result<()> {
        self.0.rewind()?;
        // Always as long, so that an older number is overwritten whole.
        self.0.write_all(format!("{group:020} {group:020}\n").as_bytes())
    }
}
