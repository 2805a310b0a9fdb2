//! Processes that are killed while they commit, and a disk that fills up: see `store_trials::crash`.

#[cfg(unix)]
fn main() {
    use std::{path::Path, sync::Arc};
    use store::Store;
    use store_rocksdb::{Options, RocksStore};

    fn open(folder: &Path, options: &Options) -> Arc<dyn Store> {
        match RocksStore::open(folder, options) {
            Ok(store) => Arc::new(store),
            Err(error) => unreachable!("{error:?}"),
        }
    }
    store_trials::crash::run(
        |folder| open(folder, &Options { memtable_bytes: 64 << 10, ..Options::default() }),
        |folder| open(folder, &Options { memtable_bytes: 1 << 30, memtables_bytes_max: 4 << 30, ..Options::default() }),
    );
}

#[cfg(not(unix))]
fn main() {}
