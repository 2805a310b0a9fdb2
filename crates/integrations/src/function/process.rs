//! One process of a function, from its cold start to its end.
//!
//! The process leads a process group of its own; the whole group ends with it, with the [`Process`] or with the server.

use super::environment::{environment, program, task_root};
use super::failure::{self, Exit};
use super::keeper::{Keeper, Watch};
use super::log::{self, Drain, ProcessLog};
use super::memory::Memory;
use super::runtime_api::{self, Assignment, Exchange, Init};
use super::{FunctionConfig, Invocation, Surroundings};
use crate::{identifier, time};
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How long after the end of a process its last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A process that takes one invocation at a time. Dropping it kills it.
pub(super) struct Process {
    exchange: Arc<Exchange>,
    exit: watch::Receiver<Option<Exit>>,
    log: Arc<ProcessLog>,
    drain: Drain,
    memory: Memory,
    memory_mb: u64,
    /// How long the cold start took; told in the report of the first invocation.
    init: Option<Duration>,
    server: JoinHandle<()>,
    _stop: oneshot::Sender<()>,
}

/// What came of handing an invocation to a process.
pub(super) enum Outcome {
    /// The process can take another one.
    Answered(Result<Bytes, Bytes>),
    /// The process must not be used again. Its end is told in an error document.
    Ended(Bytes),
    /// The process had ended before it took the invocation: another one can.
    NotTaken,
}

impl Process {
    /// Starts a process and waits until it asks for work. An error is the document to answer the invocation with.
    pub(super) async fn start(
        config: &FunctionConfig,
        surroundings: &Surroundings,
        keeper: &Arc<Keeper>,
        request_id: &str,
    ) -> Result<Process, Bytes> {
        let started = Instant::now();
        let spawned = Process::spawn(config, surroundings, keeper).await;
        let not_started = |error| failure::not_started(request_id, &program(config).display().to_string(), &error);
        let mut process = spawned.map_err(not_started)?;
        let timeout = Duration::from_secs(config.init_timeout_seconds);
        let mut exit = process.exit.clone();
        let init = tokio::select! {
            init = process.exchange.initialized() => init,
            _ = ended(&mut exit) => Init::Starting,
            () = process.memory.exceeded() => return Err(failure::out_of_memory(request_id)),
            () = tokio::time::sleep(timeout) => {
                let (function, init_timeout_seconds) = (&config.name, config.init_timeout_seconds);
                tracing::warn!(
                    target: "function",
                    function,
                    init_timeout_seconds,
                    "the process has not asked for an invocation: does its command run a client of the Lambda Runtime API?"
                );
                return Err(failure::timed_out(request_id, timeout));
            }
        };
        let init = if init == Init::Starting { process.last_init().await } else { init };
        match init {
            Init::Ready => {
                process.init = Some(started.elapsed());
                Ok(process)
            }
            Init::Failed(document) => Err(document),
            Init::Starting => Err(process.exited(request_id)),
        }
    }

    async fn spawn(config: &FunctionConfig, surroundings: &Surroundings, keeper: &Arc<Keeper>) -> io::Result<Process> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let runtime_api = listener.local_addr()?;
        let (output, input) = io::pipe()?;
        let child = Command::new(program(config))
            .args(config.command.iter().skip(1))
            .env_clear()
            .envs(environment(config, surroundings, runtime_api, &identifier::request_id()))
            .current_dir(task_root(config))
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let log = Arc::new(ProcessLog::new(&config.name));
        let drain = log::read(pipe::Receiver::from_owned_fd(output.into())?, Arc::clone(&log));
        let exchange = Exchange::new();
        let (stop, stopped) = oneshot::channel();
        let (exited, exit) = watch::channel(None);
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = Group { leader, _watch: leader.map(|leader| keeper.watch(leader)) };
        tokio::spawn(supervise(child, group, stopped, exited));
        let server = tokio::spawn(runtime_api::serve(listener, Arc::clone(&exchange)));
        let memory_mb = config.memory_mb;
        let memory = Memory::new(leader, memory_mb);
        Ok(Process { exchange, exit, log, drain, memory, memory_mb, init: None, server, _stop: stop })
    }

    /// Whether it could take an invocation, as far as is known.
    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Hands over an invocation and waits for its answer, its end or its timeout.
    pub(super) async fn invoke(&mut self, invocation: &Arc<Invocation>, timeout: Duration) -> Outcome {
        let started = Instant::now();
        self.log.begin(&invocation.request_id);
        self.log.frame(&format!("START RequestId: {} Version: $LATEST", invocation.request_id));
        let outcome = self.hand_over(invocation, timeout).await;
        // What was written before the answer is read before the answer is passed on.
        self.drain.drain().await;
        self.report(&invocation.request_id, started.elapsed());
        outcome
    }

    async fn hand_over(&mut self, invocation: &Arc<Invocation>, timeout: Duration) -> Outcome {
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let (answer, mut answered) = oneshot::channel();
        let deadline_ms = time::now_ms().saturating_add(timeout_ms);
        let assignment = Assignment { invocation: Arc::clone(invocation), deadline_ms, answer };
        if !self.exchange.assign(assignment) {
            return Outcome::NotTaken;
        }
        let mut exit = self.exit.clone();
        let exit = tokio::select! {
            biased;
            Ok(answer) = &mut answered => return Outcome::Answered(answer),
            exit = ended(&mut exit) => exit,
            () = self.memory.exceeded() => return self.out_of_memory(&invocation.request_id),
            () = tokio::time::sleep(timeout) => return self.timed_out(&invocation.request_id, timeout),
        };
        self.last_words().await;
        match answered.try_recv() {
            Ok(answer) => Outcome::Answered(answer),
            Err(_) if self.exchange.is_taken() => {
                let document = failure::exited(&invocation.request_id, exit);
                self.log.push(&String::from_utf8_lossy(&document));
                Outcome::Ended(document)
            }
            Err(_) => Outcome::NotTaken,
        }
    }

    fn timed_out(&self, request_id: &str, timeout: Duration) -> Outcome {
        let seconds = timeout.as_secs_f64();
        self.log.push(&format!("{} {request_id} Task timed out after {seconds:.2} seconds", time::iso(time::now_ms())));
        Outcome::Ended(failure::timed_out(request_id, timeout))
    }

    fn out_of_memory(&self, request_id: &str) -> Outcome {
        let document = failure::out_of_memory(request_id);
        self.log.push(&String::from_utf8_lossy(&document));
        Outcome::Ended(document)
    }

    /// What a process that ended during its start had said.
    async fn last_init(&self) -> Init {
        self.last_words().await;
        self.exchange.init()
    }

    /// Waits until what an ended process had sent has arrived.
    async fn last_words(&self) {
        if tokio::time::timeout(LAST_WORDS, self.exchange.disconnected()).await.is_err() {
            tracing::debug!("a connection outlived the function's process");
        }
    }

    /// The lines with which Lambda ends the log of an invocation.
    fn report(&mut self, request_id: &str, duration: Duration) {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let init = self.init.take().map(|init| format!("\tInit Duration: {:.2} ms", ms(init))).unwrap_or_default();
        let (duration, billed, memory_mb) = (ms(duration), ms(duration).ceil(), self.memory_mb);
        self.log.frame(&format!("END RequestId: {request_id}"));
        self.log.frame(&format!(
            "REPORT RequestId: {request_id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\t\
             Memory Size: {memory_mb} MB{init}"
        ));
    }

    /// The document that tells its end.
    pub(super) fn exited(&self, request_id: &str) -> Bytes {
        failure::exited(request_id, self.exit.borrow().unwrap_or(Exit::Unknown))
    }

    /// The last 4 KB that it wrote for the last invocation.
    pub(super) fn log_tail(&self) -> Vec<u8> {
        self.log.tail()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Ready when the process has ended.
async fn ended(exit: &mut watch::Receiver<Option<Exit>>) -> Exit {
    match exit.wait_for(Option::is_some).await {
        Ok(exit) => exit.unwrap_or(Exit::Unknown),
        Err(_) => Exit::Unknown,
    }
}

/// Waits for the end of the process, or ends it when it is to stop; its group ends with it.
async fn supervise(
    mut child: Child,
    group: Group,
    stopped: oneshot::Receiver<()>,
    exited: watch::Sender<Option<Exit>>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = stopped => {
            group.kill();
            child.wait().await
        }
    };
    drop(group);
    exited.send_replace(Some(status.map_or(Exit::Unknown, Exit::from)));
}

/// A process group, killed when this is dropped: also when the server ends and drops its tasks. A server that is killed
/// drops nothing; then its keeper does this.
struct Group {
    leader: Option<Pid>,
    _watch: Option<Watch>,
}

impl Group {
    fn kill(&self) {
        if let Some(leader) = self.leader
            && let Err(error) = kill_process_group(leader, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "the processes of a function could not be stopped");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
