//! What the kernel asks of the disk.

use crate::{
    Fault, Inner,
    tree::{File, Folder, Node, ROOT},
};
pub(crate) use fuser::BackgroundSession as Session;

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, LockOwner,
    MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::{
    ffi::OsStr,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The kernel remembers nothing: each question comes here.
const TTL: Duration = Duration::ZERO;

/// Mounts the disk, until the session is dropped.
pub(crate) fn attach(inner: Arc<Mutex<Inner>>, folder: &Path) -> io::Result<Session> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("faulty-disk".into()), MountOption::NoAtime];
    fuser::spawn_mount(Filesystem { inner }, folder, &config)
}

/// The disk as the kernel sees it.
struct Filesystem {
    inner: Arc<Mutex<Inner>>,
}

impl Filesystem {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn attributes(&self, node: u64) -> Result<FileAttr, Errno> {
        let (kind, size, perm) = match self.tree.get(node).ok_or(Errno::ENOENT)? {
            Node::File(file) => (FileType::RegularFile, file.len() as u64, 0o600),
            Node::Folder(_) => (FileType::Directory, 0, 0o700),
        };
        Ok(FileAttr {
            ino: INodeNo(node),
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4_096,
            flags: 0,
        })
    }

    fn check_writable(&self) -> Result<(), Errno> {
        match self.fault {
            Some(Fault::Full) => Err(Errno::ENOSPC),
            Some(Fault::CannotWrite) => Err(Errno::EIO),
            _ => Ok(()),
        }
    }

    fn create(&mut self, folder: u64, name: &OsStr, node: Node) -> Result<FileAttr, Errno> {
        self.check_writable()?;
        if self.tree.find(folder, name).is_some() {
            return Err(Errno::EEXIST);
        }
        let node = self.tree.create(folder, name, node).ok_or(Errno::ENOENT)?;
        self.attributes(node)
    }

    fn remove(&mut self, folder: u64, name: &OsStr) -> Result<(), Errno> {
        let node = self.tree.find(folder, name).ok_or(Errno::ENOENT)?;
        if matches!(self.tree.get(node), Some(Node::Folder(folder)) if !folder.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.tree.remove(folder, name).ok_or(Errno::ENOENT)?;
        Ok(())
    }

    fn write(&mut self, node: u64, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.check_writable()?;
        self.tree.file(node).ok_or(Errno::EISDIR)?.write(at, bytes);
        Ok(())
    }

    /// Whether a sync is to be carried out.
    fn syncs(&mut self, node: u64) -> Result<bool, Errno> {
        if self.fault == Some(Fault::NextSyncFails) {
            self.fault = None;
            self.tree.file(node).into_iter().for_each(File::forget_pending);
            return Err(Errno::EIO);
        }
        self.check_writable()?;
        self.syncs += 1;
        Ok(self.fault != Some(Fault::IgnoresSync))
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl fuser::Filesystem for Filesystem {
    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let inner = self.lock();
        let found = inner.tree.find(parent.0, name).ok_or(Errno::ENOENT).and_then(|node| inner.attributes(node));
        match found {
            Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn getattr(&self, _request: &Request, node: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.lock().attributes(node.0) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _request: &Request,
        node: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut inner = self.lock();
        let resized = size.map_or(Ok(()), |size| {
            inner.check_writable()?;
            inner.tree.file(node.0).ok_or(Errno::EISDIR)?.set_len(to_usize(size));
            Ok(())
        });
        match resized.and_then(|()| inner.attributes(node.0)) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, _mode: u32, _umask: u32, reply: ReplyEntry) {
        match self.lock().create(parent.0, name, Node::Folder(Folder::default())) {
            Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match self.lock().remove(parent.0, name) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match self.lock().remove(parent.0, name) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn rename(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut inner = self.lock();
        let renamed = inner
            .check_writable()
            .and_then(|()| inner.tree.rename((parent.0, name), (new_parent.0, new_name)).ok_or(Errno::ENOENT));
        match renamed {
            Ok(_) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _request: &Request, node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.lock().tree.opened(node.0);
        // Past the page cache, so that each read and write comes here.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut inner = self.lock();
        match inner.create(parent.0, name, Node::File(File::default())) {
            Ok(attributes) => {
                inner.tree.opened(attributes.ino.0);
                reply.created(&TTL, &attributes, Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut inner = self.lock();
        if inner.fault == Some(Fault::CannotRead) {
            return reply.error(Errno::EIO);
        }
        match inner.tree.file(node.0) {
            Some(file) => reply.data(file.read(to_usize(offset), size as usize)),
            None => reply.error(Errno::EISDIR),
        }
    }

    fn write(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.lock().write(node.0, to_usize(offset), data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _request: &Request, _node: INodeNo, _handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        // So the kernel does not ask again. It would wait for the answer also when a process ends that is killed, and that
        // process may be the one that answers.
        reply.error(Errno::ENOSYS);
    }

    fn release(
        &self,
        _request: &Request,
        node: INodeNo,
        _handle: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.lock().tree.released(node.0);
        reply.ok();
    }

    fn fsync(&self, _request: &Request, node: INodeNo, _handle: FileHandle, _data_only: bool, reply: ReplyEmpty) {
        let mut inner = self.lock();
        match inner.syncs(node.0) {
            Ok(true) => {
                inner.tree.file(node.0).into_iter().for_each(File::sync);
                reply.ok();
            }
            Ok(false) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn fsyncdir(&self, _request: &Request, node: INodeNo, _handle: FileHandle, _data_only: bool, reply: ReplyEmpty) {
        let mut inner = self.lock();
        match inner.syncs(node.0) {
            Ok(true) => {
                inner.tree.sync_folder(node.0);
                reply.ok();
            }
            Ok(false) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn readdir(&self, _request: &Request, node: INodeNo, _handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let inner = self.lock();
        let Some(Node::Folder(folder)) = inner.tree.get(node.0) else { return reply.error(Errno::ENOTDIR) };
        // What stands for the folder and the one above it leads nowhere else: nobody goes up from here.
        let above = [(OsStr::new("."), ROOT), (OsStr::new(".."), ROOT)];
        let names = above.into_iter().chain(folder.names().map(|(name, node)| (name.as_os_str(), node)));
        for (place, (name, node)) in names.enumerate().skip(to_usize(offset)) {
            let kind = match inner.tree.get(node) {
                Some(Node::File(_)) => FileType::RegularFile,
                _ => FileType::Directory,
            };
            if reply.add(INodeNo(node), place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
