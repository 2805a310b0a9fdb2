//! The process of a peer.

use super::subject;
use crate::Result;
use crate::bench::subject::Subject;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// A peer that runs over a folder of its own; it is killed when this is dropped.
pub struct PeerProcess {
    pub subject: Subject,
    child: Child,
    _folder: tempfile::TempDir,
}

impl PeerProcess {
    /// Starts `program`, which is looked for where `folder` has programs and then in `PATH`, with arguments for a free port.
    pub fn start(folder: &Path, program: &str, arguments: impl FnOnce(u16) -> Vec<String>) -> Result<PeerProcess> {
        let port = free_port()?;
        PeerProcess::launch(folder, program, &arguments(port), port, &[])
    }

    /// The same with a port that is chosen already, and with environment variables.
    pub fn launch(
        folder: &Path,
        program: &str,
        arguments: &[String],
        port: u16,
        environment: &[(&str, String)],
    ) -> Result<PeerProcess> {
        let data = tempfile::tempdir()?;
        let child = Command::new(find(folder, program))
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start `{program}`: {error}; is it installed in `--peer-folder`?"))?;
        Ok(PeerProcess { subject: subject(port, child.id()), child, _folder: data })
    }

    /// Waits until it listens.
    pub async fn until_up(&self, within: Duration) -> Result {
        let give_up = Instant::now() + within;
        while Instant::now() < give_up {
            if TcpStream::connect(&self.subject.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("the peer did not come up".into())
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn find(folder: &Path, program: &str) -> PathBuf {
    let places = ["bin", "node_modules/.bin"].map(|place| folder.join(place).join(program));
    let found = places.into_iter().find_map(|place| place.canonicalize().ok());
    found.unwrap_or_else(|| PathBuf::from(program))
}
