//! A `stepwell serve` process that a test or a benchmark owns.

use crate::{Client, Error};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a server is started, where that is not as usual.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// More arguments, for example `--config FILE`.
    pub arguments: Vec<String>,
    /// A program, with its arguments, that starts the server in its own place: a tracer, another clock.
    pub under: Vec<String>,
    /// More variables of its environment.
    pub environment: Vec<(String, String)>,
    /// The folder of its store, if it is not to be one of its own.
    pub data_dir: Option<PathBuf>,
}

/// A server process on a free port over a folder of its own. It is killed when this is dropped.
pub struct Server {
    program: PathBuf,
    launch: Launch,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

/// How often it is looked whether a server has ended.
const ENDED_POLL: Duration = Duration::from_millis(5);
/// How long a server may take until it answers: far more than it needs, for slow machines.
const UP_WITHIN: Duration = Duration::from_secs(60);

impl Server {
    /// Starts `program serve` with more arguments, for example `--config FILE`.
    pub async fn start(program: &Path, arguments: &[&str]) -> Result<Server, Error> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Server::stopped(program, Launch { arguments, ..Launch::default() })?;
        server.launch().await?;
        Ok(server)
    }

    /// The same with a configuration, which is TOML; a path in it is one in the server's own folder.
    pub async fn start_configured(program: &Path, configuration: &str) -> Result<Server, Error> {
        let mut server = Server::stopped(program, Launch::default())?;
        let file = server.folder.path().join("stepwell.toml");
        let start_error = |source| Error::Start { program: program.display().to_string(), source };
        std::fs::write(&file, configuration).map_err(start_error)?;
        server.launch.arguments = vec!["--config".to_owned(), file.display().to_string()];
        server.launch().await?;
        Ok(server)
    }

    /// A server that does not run yet: [`Server::restart`] and [`Server::spawn`] start it.
    pub fn stopped(program: &Path, launch: Launch) -> Result<Server, Error> {
        let start_error = |source| Error::Start { program: program.display().to_string(), source };
        Ok(Server {
            program: program.to_owned(),
            launch,
            folder: tempfile::tempdir().map_err(start_error)?,
            port: free_port().map_err(start_error)?,
            process: None,
        })
    }

    /// How it is started from now on.
    pub fn set_launch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(&self.endpoint())
    }

    /// The folder of its store.
    pub fn data_dir(&self) -> PathBuf {
        self.launch.data_dir.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Its process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; then there is nothing to kill.
            let _gone = process.kill();
            let _reaped = process.wait();
        }
    }

    /// SIGTERM; `None` if it does not run.
    fn ask_to_end(&self) -> Option<()> {
        let id = Pid::from_raw(i32::try_from(self.process_id()?).ok()?)?;
        kill_process(id, Signal::TERM).ok()
    }

    /// SIGTERM, and `kill -9` if it has not ended within this time.
    pub fn end(&mut self, within: Duration) {
        if self.ask_to_end().is_some() {
            let deadline = Instant::now() + within;
            while self.ended().is_none() && Instant::now() < deadline {
                std::thread::sleep(ENDED_POLL);
            }
        }
        self.kill();
    }

    /// SIGTERM, as `docker stop` sends it first; waits until the process has ended. `None` if it does not run.
    pub async fn terminate(&mut self) -> Option<ExitStatus> {
        self.ask_to_end()?;
        let mut process = self.process.take()?;
        tokio::task::spawn_blocking(move || process.wait()).await.ok()?.ok()
    }

    /// Starts it again, on the same port over the same folder.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        self.launch().await
    }

    /// How it ended, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(|process| process.try_wait().ok().flatten())
    }

    async fn launch(&mut self) -> Result<(), Error> {
        self.spawn()?;
        self.until_up().await
    }

    /// Starts the process and does not wait until it answers.
    pub fn spawn(&mut self) -> Result<(), Error> {
        self.kill();
        let start_error = |source| Error::Start { program: self.program.display().to_string(), source };
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).map_err(start_error)?;
        let mut words = self.launch.under.iter().map(AsRef::as_ref).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        let process = command
            .args(words)
            .envs(self.launch.environment.iter().cloned())
            .arg("serve")
            .args(["--port", &self.port.to_string()])
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(&self.launch.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(start_error)?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until it answers.
    pub async fn until_up(&mut self) -> Result<(), Error> {
        let client = self.client();
        let give_up = Instant::now() + UP_WITHIN;
        while Instant::now() < give_up && self.ended().is_none() {
            if client.call("ListActivities", serde_json::json!({})).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(Error::NotUp { log: self.log() })
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
