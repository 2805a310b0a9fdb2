//! What is on the disk is looked at before fjall relies on it.
//!
//! fjall takes any place of a journal that it cannot read for the end of it, or refuses the whole folder, and believes
//! the list of tables without its checksum. Here a torn tail, which a power loss leaves of what was never acknowledged,
//! is told from damage. Everything that fjall writes has a checksum, so a single flipped bit can be found by trying each
//! of them, and is turned back. What is damaged worse is refused by the name of its file, and stays as it is.
//!
//! | file | |
//! |---|---|
//! | `bits` | the search for one flipped bit |
//! | `journal` | the journals: what was committed last; looked at whenever a folder is opened |
//! | `manifest` | which tables there are, for each keyspace; looked at whenever a folder is opened |
//! | `tables` | the tables: everything else; looked at when something could not be read, and by [`crate::FjallStore::mend`] |

mod bits;
mod journal;
mod manifest;
mod tables;

use crate::Error;
use std::path::Path;
use store_folder::Mended;

pub(crate) use tables::mend as mend_tables;

/// What every opening looks at: the journals and the lists of tables. `acknowledged` is the last group that the journals
/// must have, as far as the folder tells.
pub(crate) fn before_opening(database: &Path, acknowledged: u64) -> Result<Vec<Mended>, Error> {
    let mut mended = manifest::mend(database)?;
    mended.extend(journal::mend(database, acknowledged)?);
    Ok(mended)
}
