//! The program where nobody reads what it says.

use std::process::{Command, Stdio};

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
