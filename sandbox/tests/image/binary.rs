//! Builds the binary of the image, and checks that it is static.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary, built once for all tests.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// Builds it as `just image` does, but with the optimised profile that is faster to build.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = root.join("target").join("static");
    let triple = triple();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        // These are about this package. Build scripts look at them, and with them dependencies would be built once more.
        let name_text = name.to_string_lossy();
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"];
        if of_package.iter().any(|start| name_text.starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .args(["build", "--profile", "release", "--package", "csi-snapshotter", "--target", &triple])
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the static binary is not built: {status}");
    target.join(triple).join("release").join("csi-snapshotter")
}

/// The target of this machine.
fn triple() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

/// The types of the program headers of a 64-bit little-endian ELF file.
fn program_headers(file: &[u8]) -> Vec<u32> {
    assert_eq!(&file[..6], b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
    let number = |at: usize, bytes: usize| {
        file[at..at + bytes].iter().rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
    };
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).map(|n| u32::try_from(number(start + n * size, 4)).expect("four bytes")).collect()
}

#[test]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
fn it_asks_for_no_interpreter_and_so_for_no_library() {
    const INTERPRETER: u32 = 3;
    let headers = program_headers(&std::fs::read(binary()).expect("the binary"));
    assert!(!headers.is_empty());
    assert!(!headers.contains(&INTERPRETER), "the binary is linked dynamically");
}
