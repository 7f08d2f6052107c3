//! Stories: the real binary and an API server, in a state that the two programs really brought about.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::process::Command;

/// What the program answers to a command line.
fn answer(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-snapshots")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_help_names_the_commands_and_a_wrong_command_line_has_an_exit_code_of_its_own() {
    let (code, help, _) = answer(&["--help"]);
    assert_eq!(code, Some(0));
    for word in ["why", "check", "list", "--context", "--as-group", "kubectl snapshots"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let (code, _, complaint) = answer(&["lost"]);
    assert_eq!(code, Some(64), "{complaint}");
}
