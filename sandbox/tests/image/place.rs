//! The environment of the image's tests: a cluster, a driver, and the sidecar as a process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::driver::{Driver, Options};
use sandbox::process::{Process, Signal};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::cluster::Cluster;

/// The time limit of each step.
pub const PATIENCE: Duration = Duration::from_secs(30);

const CONTENTS: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";
const CLASSES: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses";

/// A kubeconfig of an account that has the rights of deploy/sidecar and no others.
pub fn kubeconfig(cluster: &Cluster) -> String {
    sandbox::rights::grant(&cluster.server, sandbox::rights::SIDECAR, "default", "csi-snapshotter")
        .expect("an account")
}

/// A driver on `socket` with a volume `vol-1`, which keeps its storage in `directory`.
pub async fn driver(directory: &Path, socket: &Path) -> Driver {
    let options = Options { root: directory.join("storage"), ..Options::default() };
    let driver = Driver::start(socket, options).await.expect("a driver");
    driver.make_volume("vol-1").expect("a volume");
    driver
}

/// Creates a class and a bound content for `vol-1`, as the snapshot-controller does.
pub async fn ask_for_a_snapshot(cluster: &Cluster) {
    let driver = Options::default().name;
    let class = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "metadata": {"name": "c"},
        "driver": driver, "deletionPolicy": "Delete",
    });
    assert_eq!(cluster.client.create(CLASSES, &class).await.0, 201);
    let finalizer = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
    let content = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
        "metadata": {"name": "a", "finalizers": [finalizer]},
        "spec": {
            "driver": driver, "deletionPolicy": "Delete", "source": {"volumeHandle": "vol-1"},
            "volumeSnapshotClassName": "c",
            "volumeSnapshotRef": {"name": "s", "namespace": "default", "uid": "u-1"},
        },
    });
    assert_eq!(cluster.client.create(CONTENTS, &content).await.0, 201);
}

/// Waits until the content is ready to use.
pub async fn ready(cluster: &Cluster) {
    let path = format!("{CONTENTS}?watch=true");
    let mut watch = cluster.client.watch_as(&path, None).await;
    loop {
        match watch.within(PATIENCE).await {
            crate::common::Next::Event(event) if event["object"]["status"]["readyToUse"] == true => return,
            crate::common::Next::Event(_) => {}
            other @ (crate::common::Next::Quiet | crate::common::Next::End) => panic!("not ready: {other:?}"),
        }
    }
}

/// A running sidecar; dropping it kills it.
pub struct Sidecar {
    process: Process,
    _log: NamedTempFile,
    /// The address of its endpoint.
    pub endpoint: String,
}

impl Sidecar {
    /// Runs `program` with these words, then the sidecar's own arguments.
    pub fn start(program: &OsStr, words: &[&OsStr], kubeconfig: &Path, socket: &Path) -> Self {
        // The port is free now, and it is very unlikely that another process takes it before the sidecar does.
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let endpoint = format!("localhost:{port}");
        let mut command = Command::new(program);
        command
            .args(words)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--csi-address={}", socket.display()))
            .arg(format!("--http-endpoint={endpoint}"))
            .arg("-v=2");
        let log = NamedTempFile::new().expect("a log");
        let process = Process::start(command, log.path()).expect("the sidecar starts");
        Self { process, _log: log, endpoint }
    }

    /// Waits for a log line with all of these words.
    pub async fn says(&self, words: &[&str]) -> String {
        self.process.wait_for_line(words, PATIENCE).await.expect("the sidecar says so")
    }

    /// The status and the body of the answer of its endpoint.
    pub async fn asks(&self, path: &str) -> (u16, String) {
        let mut stream = tokio::net::TcpStream::connect(&self.endpoint).await.expect("an endpoint");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer)
    }

    /// Sends SIGTERM, and returns the exit code.
    pub async fn stop(mut self) -> Option<i32> {
        self.process.signal(Signal::TERM).expect("it runs");
        self.process.exit_code(PATIENCE).await.expect("it ends")
    }
}

/// Writes a kubeconfig that any user may read.
pub fn write(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("kubeconfig");
    std::fs::write(&path, text).expect("written");
    path
}

/// The definitions without selectable fields, like those of the reference.
pub fn without_selectable_fields() -> Vec<Value> {
    let mut crds = sandbox::crds::all().expect("the definitions");
    for crd in &mut crds {
        for version in crd["spec"]["versions"].as_array_mut().expect("versions") {
            version.as_object_mut().expect("a version").remove("selectableFields");
        }
    }
    crds
}
