//! The sidecar as a child process, with its log and its endpoint.

use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::process::{Process, Signal};
use tokio::process::Command;

/// A running sidecar. Dropping it kills the process, and a failed story prints the log.
pub struct Sidecar(Process);

impl Sidecar {
    /// Starts the binary on the node `node-1`, and appends its output to `log`.
    pub fn start(log: &Path, arguments: &[String]) -> Self {
        Self::start_on("node-1", log, arguments)
    }

    pub fn start_on(node: &str, log: &Path, arguments: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_csi-snapshotter"));
        command.args(arguments).env_remove("POD_NAMESPACE").env("NODE_NAME", node);
        Self(Process::start(command, log).unwrap())
    }

    pub fn log(&self) -> String {
        self.0.log()
    }

    /// Waits until the log holds these words.
    pub async fn says(&self, words: &str) {
        self.says_in_one_line(&[words]).await;
    }

    /// Waits until one line of the log holds all of these words.
    pub async fn says_in_one_line(&self, words: &[&str]) {
        self.0.wait_for_line(words, super::PATIENCE).await.unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        self.0.signal(signal).unwrap();
    }

    /// Kills the process at once, like a node that loses power.
    pub async fn kill(&mut self) {
        self.0.kill().await.unwrap();
    }

    /// Waits for the exit. Returns the exit code and the time it took.
    pub async fn exit(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let code = self.0.exit_code(super::PATIENCE).await.unwrap();
        (code, start.elapsed())
    }

    /// Status and body of a page. The sidecar needs `--http-endpoint=127.0.0.1:0`.
    pub async fn page(&self, path: &str) -> (u16, String) {
        self.says("serving metrics and health").await;
        let log = self.log();
        let address = log.rsplit_once("address=\"").unwrap().1.split('"').next().unwrap().to_owned();
        super::until("the endpoint answers", || get(&address, path)).await
    }

    /// Waits until a page has this status, and returns its body.
    pub async fn page_is(&self, path: &str, status: u16) -> String {
        super::until(&format!("{path} answers {status}"), || async {
            let (code, body) = self.page(path).await;
            (code == status).then_some(body)
        })
        .await
    }

    /// Waits until `/metrics` has a line that begins with `line`.
    pub async fn measures(&self, line: &str) {
        super::until(&format!("the metrics say {line:?}"), || async {
            let (_, metrics) = self.page("/metrics").await;
            metrics.lines().any(|found| found.starts_with(line)).then_some(())
        })
        .await;
    }
}

/// An HTTP GET; `None` if nobody answers.
async fn get(host: &str, path: &str) -> Option<(u16, String)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(host).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split_whitespace().nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the sidecar's log ----\n{}", self.log());
        }
    }
}
