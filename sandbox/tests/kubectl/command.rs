//! Runs kubectl with an API server of its own.

use std::process::Stdio;
use std::time::Duration;

use sandbox::api::Server;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The time limit of one call of kubectl.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An API server, and a kubectl that uses it.
pub struct Kubectl {
    pub server: Server,
    pub home: TempDir,
}

/// The output of a call, and whether it succeeded.
pub struct Printed {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

impl Kubectl {
    /// None, after it says so, if there is no kubectl.
    pub async fn new() -> Option<Self> {
        let there =
            Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status().await;
        if there.is_err() {
            println!("skipped: no kubectl on this machine");
            return None;
        }
        let server = Server::start(sandbox::api::Options::default()).await.expect("starts");
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("kubeconfig"), server.admin_kubeconfig()).expect("written");
        Some(Self { server, home })
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(args)
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, args: &[&str], input: &str) -> Printed {
        let mut child = self.command(args).spawn().expect("kubectl starts");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).await.expect("input taken");
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .expect("kubectl ends")
            .expect("output");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Printed { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs kubectl, expects success, and returns its output.
    pub async fn ok(&self, args: &[&str]) -> String {
        self.ok_with(args, "").await
    }

    pub async fn ok_with(&self, args: &[&str], input: &str) -> String {
        let printed = self.run(args, input).await;
        assert!(printed.ok, "kubectl {args:?}: {}{}", printed.out, printed.err);
        assert!(!printed.err.contains("Warning"), "kubectl {args:?} warns: {}", printed.err);
        printed.out
    }
}
