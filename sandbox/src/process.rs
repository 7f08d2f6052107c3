//! Runs a program as a child process, and reads and waits for lines of its log. The process never outlives its handle.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::process::{Child, Command};

/// How long to wait before the log is read again.
const PAUSE: Duration = Duration::from_millis(20);

/// A running process, or one that has ended; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    /// Where its own part of the log begins.
    start: usize,
}

impl Process {
    /// Starts `command` without input, and appends what it prints and logs to the file `log`. It is a file so that the
    /// process never waits for a reader, and so that a person can read it.
    ///
    /// # Errors
    /// If the log cannot be written, or the program cannot be run.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Process> {
        let output = OpenOptions::new().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let start = usize::try_from(output.metadata()?.len())?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        let child = command.spawn();
        let child =
            child.with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
        Ok(Process { child, log: log.to_owned(), start })
    }

    /// The id of the process.
    ///
    /// # Errors
    /// If it has ended.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the process has ended")
    }

    /// Everything that it has printed and logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        let all = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(all.get(self.start..).unwrap_or_default()).into_owned()
    }

    /// Waits for one line of its log that holds all of these words, and returns that line.
    ///
    /// # Errors
    /// If no line does within the limit.
    pub async fn wait_for_line(&self, words: &[&str], limit: Duration) -> anyhow::Result<String> {
        let end = Instant::now() + limit;
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| words.iter().all(|word| line.contains(word))) {
                return Ok(line.to_owned());
            }
            if Instant::now() > end {
                bail!("no line with {words:?} within {limit:?}, but\n{log}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.id()?)?).context("no process has the id 0")?;
        kill_process(pid, signal).context("cannot send a signal")
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// If the system does not say how it ended.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("cannot wait for the process")
    }

    /// Waits until it ends by itself, and returns its exit code: none if a signal ended it.
    ///
    /// # Errors
    /// If it does not end within the limit.
    pub async fn exit_code(&mut self, limit: Duration) -> anyhow::Result<Option<i32>> {
        let ended = tokio::time::timeout(limit, self.ended()).await;
        Ok(ended.with_context(|| format!("the process still runs after {limit:?}"))??.code())
    }

    /// Kills it, and returns when it is gone.
    ///
    /// # Errors
    /// If the system does not let it be killed.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the process")
    }
}
