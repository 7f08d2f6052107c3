//! Writes the CRDs to a directory, or with `--check` reports the files that differ from the types.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

const USAGE: &str = "usage: crds [--check] [DIRECTORY]    (default directory: deploy/crds)";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crds: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut check = false;
    let mut directory = None;
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--check" => check = true,
            word if word.starts_with('-') || directory.is_some() => bail!("unexpected {word:?}; {USAGE}"),
            word => directory = Some(PathBuf::from(word)),
        }
    }
    let directory = directory
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join("deploy").join("crds"));
    let mut stale = Vec::new();
    for crd in crds::all()? {
        let path = directory.join(crds::file_name(&crd));
        let text = crds::yaml(&crd)?;
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if check {
            stale.push(path.display().to_string());
        } else {
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!("not what the types make: {}; run `cargo run -p crds`", stale.join(", "));
    }
    Ok(())
}
