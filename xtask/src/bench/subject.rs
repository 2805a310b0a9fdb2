//! What is measured: a server, and what its process has taken.

use super::caller::Caller;
use crate::Result;
use harness::{Server, figures};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Something that speaks the API of AWS Step Functions.
pub struct Subject {
    /// `127.0.0.1:8083`
    pub address: String,
    /// Its process; 0 where the processor time of it is not known.
    pub process_id: u32,
}

/// How long a server may take to end before it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A server of ours, over a folder of its own, with durable defaults. When it is dropped it is asked to end, and waited for:
/// one with counters writes them then (`cargo xtask release`).
pub struct Ours {
    pub server: Server,
    pub subject: Subject,
}

impl Ours {
    pub async fn start(binary: &Path, arguments: &[&str]) -> Result<Ours> {
        let server = Server::start(binary, arguments).await?;
        let subject = Subject::of(&server);
        Ok(Ours { server, subject })
    }

    /// `kill -9`, and then a new process over the same folder. Gives how long that took to its first answer.
    pub async fn restart(&mut self) -> Result<Duration> {
        self.server.kill();
        let start = Instant::now();
        self.server.restart().await?;
        self.subject = Subject::of(&self.server);
        Ok(start.elapsed())
    }

    /// Bytes that its data folder takes on the disk.
    pub fn disk_bytes(&self) -> Result<u64> {
        disk_bytes(&self.server.data_dir())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.server.end(ENDS_WITHIN);
    }
}

/// Blocks are counted, not lengths: a file may be made long and filled later.
fn disk_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The store may remove a file meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

impl Subject {
    fn of(server: &Server) -> Subject {
        let address = server.endpoint().trim_start_matches("http://").to_owned();
        Subject { address, process_id: server.process_id().unwrap_or(0) }
    }

    pub fn caller(&self) -> Caller {
        Caller::new(&self.address)
    }

    /// Processor time that the process has taken, all its threads together.
    pub fn processor_time(&self) -> Duration {
        figures::processor_time(self.process_id)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        figures::resident_bytes(self.process_id)
    }
}
