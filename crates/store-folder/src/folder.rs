//! The lock of a folder, its creation in one stroke, its format.

use crate::Error;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::Path,
};

/// Whether a store was created in the folder, and is whole.
pub fn is_created(folder: &Path) -> bool {
    folder.join("data").exists()
}

/// Locks the folder, and has `create` make what is to be its `data` if it is not there: in a folder beside it that is renamed
/// when it is whole. What a crash left of an earlier attempt is removed. Gives the lock.
pub fn ready<E: From<Error>>(folder: &Path, create: impl FnOnce(&Path) -> Result<(), E>) -> Result<File, E> {
    let lock = lock(folder)?;
    let (data, creating) = (folder.join("data"), folder.join("creating"));
    if creating.exists() {
        fs::remove_dir_all(&creating).map_err(Error::io("remove", &creating))?;
    }
    if !is_created(folder) {
        create_private(&creating)?;
        create(&creating)?;
        sync(&creating)?;
        fs::rename(&creating, &data).map_err(Error::io("create", &data))?;
        sync(folder)?;
        sync_above(folder)?;
    }
    Ok(lock)
}

/// The lock belongs to the open file, so it is gone when the process is, however that ends.
pub fn lock(folder: &Path) -> Result<File, Error> {
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
pub fn create_private(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(Error::io("create", folder))
}

/// What the folder `data` says of its format, with what became of the line's end.
pub fn format(data: &Path) -> Result<String, Error> {
    let path = data.join("format");
    let found = fs::read(&path).map_err(Error::io("read", &path))?;
    Ok(String::from_utf8_lossy(&found).into_owned())
}

/// Writes the format of the folder `data`, durably. Where there was one of the same length before, a crash leaves one or the
/// other if they differ in one byte.
pub fn write_format(data: &Path, format: &str) -> Result<(), Error> {
    let path = data.join("format");
    let written = File::options().create(true).truncate(false).write(true).open(&path).and_then(|mut file| {
        file.write_all(format!("{format}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", &path))
}

/// Makes the names in a folder durable.
pub fn sync_names(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn sync(folder: &Path) -> Result<(), Error> {
    sync_names(folder).map_err(Error::io("sync", folder))
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
