//! The program as a shell sees it: exit codes, and what goes to which stream.

use std::process::{Command, Output, Stdio};

fn run(words: &[&str]) -> Output {
    command(words).output().unwrap()
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csi-snapshotter"));
    command.args(words).env_clear().stdin(Stdio::null());
    command
}

#[test]
fn a_bad_command_line_is_one_line_on_stderr_and_exit_code_2() {
    for (words, named) in [
        (&["--no-such-flag=1"][..], "-no-such-flag"),
        (&["--worker-threads=many"], "-worker-threads"),
        (&["--leader-election", "false"], "--leader-election=false"),
        (&["--node-deployment"], "NODE_NAME"),
        (&["--timeout"], "-timeout"),
        (&["--feature-gates=None=true"], "None"),
    ] {
        let Output { status, stdout, stderr } = run(words);
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stdout.is_empty(), "{words:?}");
        assert!(stderr.lines().count() == 1 && stderr.contains(named), "{words:?}: {stderr}");
    }
}

#[test]
fn version_and_help_go_to_stdout_and_end_well() {
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    let expected = concat!("csi-snapshotter ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
    let help = run(&["-h"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("--csi-address text"));
}

#[test]
fn what_cannot_be_opened_ends_with_exit_code_1_and_its_name() {
    let Output { status, stderr, .. } = run(&["--kubeconfig=/no/such/file"]);
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("/no/such/file"), "{stderr}");
}

#[test]
fn the_exit_code_is_the_same_where_nobody_reads_stderr() {
    for (words, code) in [(&["--no-such-flag"][..], 2), (&["--kubeconfig=/no/such/file"], 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command(words).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}");
    }
}
