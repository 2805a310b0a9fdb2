//! What is measured: a server, and what its process has taken.

use super::caller::Caller;
use crate::Result;
use harness::Server;
use std::path::Path;
use std::time::{Duration, Instant};

/// The kernel counts processor time in hundredths of a second (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// Something that speaks the API of AWS Step Functions.
pub struct Subject {
    /// `127.0.0.1:8083`
    pub address: String,
    /// Its process; 0 where the processor time of it is not known.
    pub process_id: u32,
}

/// A server of ours, over a folder of its own, with durable defaults.
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
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id)).unwrap_or_default();
        // The name of the program is in brackets and may have blanks; user and system time are fields 14 and 15.
        let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
        TICK * ticks.sum::<u32>()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id)).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1_024
    }
}
