//! The embedded stores: which there are, and what is done with a folder of each.

use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use store_fjall::FjallStore;
use store_folder::Mended;
#[cfg(feature = "rocksdb")]
use store_rocksdb::RocksStore;

/// An embedded store. None opens the folder of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddedStore {
    #[default]
    Fjall,
    /// Only in a build with the feature `rocksdb`.
    #[cfg(feature = "rocksdb")]
    Rocksdb,
}

impl EmbeddedStore {
    /// Whether there is a store in a folder; any, so that a wrong one is refused and not passed over.
    pub fn is_in(self, folder: &Path) -> bool {
        match self {
            EmbeddedStore::Fjall => FjallStore::is_in(folder),
            #[cfg(feature = "rocksdb")]
            EmbeddedStore::Rocksdb => RocksStore::is_in(folder),
        }
    }

    /// Opens or creates the store in a folder.
    pub fn open(self, folder: &Path) -> Result<Arc<dyn Store>, store::Error> {
        Ok(match self {
            EmbeddedStore::Fjall => Arc::new(FjallStore::open(folder, &store_fjall::Options::default())?),
            #[cfg(feature = "rocksdb")]
            EmbeddedStore::Rocksdb => Arc::new(RocksStore::open(folder, &store_rocksdb::Options::default())?),
        })
    }

    /// Reads everything in a folder, and turns flipped bits back. An error names what is damaged worse.
    pub fn mend(self, folder: &Path) -> Result<Vec<Mended>, Box<dyn std::error::Error>> {
        Ok(match self {
            EmbeddedStore::Fjall => FjallStore::mend(folder)?,
            #[cfg(feature = "rocksdb")]
            EmbeddedStore::Rocksdb => RocksStore::mend(folder)?,
        })
    }
}
