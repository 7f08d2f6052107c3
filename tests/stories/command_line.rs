//! What the process says to a command line, a file or an address that it cannot use: one line, and the right code.

use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::common::{Sidecar, Stage, cluster::text, story};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_csi-snapshotter"))
        .args(arguments)
        .env_remove("NODE_NAME")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_command_line_that_cannot_be_read_is_one_line_that_names_it_and_code_2() {
    let cases: [(&[&str], &str); 12] = [
        (&["--no-such-flag"], "no-such-flag"),
        (&["--timeout=fast"], "timeout"),
        (&["--worker-threads=0"], "worker-threads"),
        (&["--snapshot-name-uuid-length=33"], "snapshot-name-uuid-length"),
        (&["--snapshot-name-prefix="], "snapshot-name-prefix"),
        (&["--leader-election", "false", "--worker-threads=3"], "\"false\""),
        (&["--feature-gates=Nonsense=true"], "Nonsense"),
        (&["--node-deployment"], "NODE_NAME"),
        (&["--http-endpoint=:1", "--metrics-address=:2"], "metrics-address"),
        (&["--leader-election", "--leader-election-renew-deadline=20s"], "renew-deadline"),
        (&["--logging-format=xml"], "logging-format"),
        (&["--retry-interval-start"], "retry-interval-start"),
    ];
    for (arguments, named) in cases {
        let output = run(arguments);
        let line = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
        assert!(line.contains(named), "{arguments:?}: {line}");
    }
}

#[test]
fn help_and_version_go_to_stdout_and_end_well() {
    for (flag, words) in
        [("--help", "--csi-address"), ("-h", "--csi-address"), ("--version", "csi-snapshotter 0.1.0")]
    {
        let output = run(&[flag]);
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains(words), "{flag}");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_one_line_without_its_contents() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("kubeconfig");
    let path = text(&file);
    let argument = format!("--kubeconfig={path}");
    let cases = [
        (None, "cannot read the kubeconfig"),
        (Some("users: [{name: a, user: {token: s3cr3t-token}"), "does not parse"),
        (Some("{}"), "not usable"),
    ];
    for (content, words) in cases {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let output = run(&[&argument]);
        let line = said(&output);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(words) && line.contains(&path) && !line.contains("s3cr3t"), "{line}");
    }
}

#[test]
fn outside_a_pod_without_a_kubeconfig_it_says_so() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--kubeconfig"), "{}", said(&output));
}

#[test]
fn a_socket_that_is_a_directory_is_one_line() {
    story(async {
        let stage = Stage::set().await;
        let directory = tempfile::TempDir::new().unwrap();
        let socket = format!("--csi-address={}", text(directory.path()));
        let mut sidecar = stage.sidecar(&[&socket]);
        assert_eq!(sidecar.exit().await.0, Some(1));
        sidecar.says("is a directory").await;
        assert_eq!(sidecar.log().lines().count(), 1, "{}", sidecar.log());
    });
}

#[test]
fn a_port_in_use_is_one_line() {
    story(async {
        let stage = Stage::set().await;
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("--http-endpoint={}", taken.local_addr().unwrap());
        let mut sidecar = stage.sidecar(&[&endpoint]);
        assert_eq!(sidecar.exit().await.0, Some(1));
        sidecar.says("cannot listen on").await;
    });
}

#[test]
fn retired_flags_are_taken_with_a_warning_each() {
    story(async {
        let stage = Stage::set().await;
        let sidecar: Sidecar = stage.sidecar(&[
            "--snapshotter=x",
            "--connection-timeout=15s",
            "--leader-election-type=leases",
            "--enable-volume-group-snapshots=false",
            "--create-snapshotcontent-retrycount=3",
            "--create-snapshotcontent-interval=1s",
            "--logtostderr",
            "--stderrthreshold=INFO",
        ]);
        stage.content(json!({})).await.ready().await;
        let log = sidecar.log();
        assert_eq!(log.lines().filter(|line| line.contains("is retired")).count(), 6, "{log}");
        assert_eq!(log.lines().filter(|line| line.contains("has no effect")).count(), 2, "{log}");
    });
}

#[test]
fn the_exit_code_is_the_same_where_nobody_reads_stderr() {
    for (word, code) in [("--no-such-flag", 2), ("--kubeconfig=/no/such/file", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let program = env!("CARGO_BIN_EXE_csi-snapshotter");
        let status = Command::new(program).arg(word).stdin(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{word}");
    }
}
