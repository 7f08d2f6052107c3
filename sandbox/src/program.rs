//! Builds the programs that are shown, runs them as processes, and measures their memory and CPU time.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, bail};
use sandbox::process::Process;
use tokio::process::Command;

use crate::place::Place;

/// A program of this workspace; the names of its package and of its binary.
pub(crate) type Name = &'static str;
/// The sidecar.
pub(crate) const SIDECAR: Name = "csi-snapshotter";
/// The snapshot-controller.
pub(crate) const CONTROLLER: Name = "snapshot-controller";

/// The number of log lines that are shown if a program ends too early.
const LAST_WORDS: usize = 10;

/// The number of clock ticks in a second in /proc. It is the same on every Linux that Rust supports.
const TICKS: u64 = 100;

/// Builds programs if cargo runs this one, and returns the paths of their binaries next to this program's.
///
/// # Errors
/// If the build fails, or a binary is missing.
pub(crate) async fn build<const N: usize>(names: [Name; N]) -> anyhow::Result<[PathBuf; N]> {
    let own = std::env::current_exe().context("cannot find out where this program lies")?;
    let directory = own.parent().context("this program lies nowhere")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        println!("building {} ({profile}) …", names.join(" and "));
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let mut packages: Vec<_> = names.iter().flat_map(|name| ["--package", name, "--bin", name]).collect();
        if profile == "dev" {
            // Named together, all packages share their dependencies with the build that made this program. What is
            // optimised may be measured, so it gets no feature that it does not have alone.
            packages.extend(["--package", env!("CARGO_PKG_NAME")]);
        }
        let mut build = Command::new(cargo);
        for (name, _) in std::env::vars_os() {
            // These are about the sandbox. Build scripts look at them, and with them half of the dependencies would be
            // built once more.
            let of_package = name.to_string_lossy().starts_with("CARGO_PKG_");
            if of_package || name == "CARGO_MANIFEST_DIR" || name == "OUT_DIR" {
                build.env_remove(name);
            }
        }
        let status = build
            .arg("build")
            .args(packages)
            .args(["--profile", profile, "--manifest-path", manifest])
            .kill_on_drop(true)
            .status()
            .await
            .context("cannot run cargo")?;
        if !status.success() {
            bail!("cargo could not build {}: {status}", names.join(" and "));
        }
    }
    for name in names {
        let binary = directory.join(name);
        if !binary.is_file() {
            bail!("there is no {}; build it with `cargo build --package {name}`", binary.display());
        }
    }
    Ok(names.map(|name| directory.join(name)))
}

/// Builds programs one after the other, so that what is optimised gets no feature that it does not have alone.
///
/// # Errors
/// As [`build`].
pub(crate) async fn build_each(names: [Name; 2]) -> anyhow::Result<[PathBuf; 2]> {
    let ([first], [second]) = (build([names[0]]).await?, build([names[1]]).await?);
    Ok([first, second])
}

/// The memory of a process in kilobytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryUse {
    /// All of it, including the pages of its program file, which the kernel can reclaim at any time.
    pub(crate) resident: u64,
    /// What it has allocated.
    pub(crate) anonymous: u64,
}

/// A running program; dropping it kills it.
pub(crate) struct RunningProgram {
    name: Name,
    process: Process,
}

impl RunningProgram {
    /// Starts the sidecar with its own account in `place` and with these additional arguments.
    pub(crate) fn sidecar(
        binary: &Path,
        place: &Place,
        arguments: &[String],
    ) -> anyhow::Result<RunningProgram> {
        let socket = format!("--csi-address={}", place.driver.socket().display());
        Self::start(SIDECAR, binary, place, "sidecar", &[&[socket], arguments].concat())
    }

    /// Starts the snapshot-controller with its own account in `place`.
    pub(crate) fn controller(binary: &Path, place: &Place) -> anyhow::Result<RunningProgram> {
        Self::start(CONTROLLER, binary, place, "controller", &["-v=2".to_owned()])
    }

    fn start(
        name: Name,
        binary: &Path,
        place: &Place,
        files: &str,
        arguments: &[String],
    ) -> anyhow::Result<RunningProgram> {
        let mut command = Command::new(binary);
        let kubeconfig = place.path(&format!("{files}.kubeconfig"));
        command.arg(format!("--kubeconfig={}", kubeconfig.display())).args(arguments);
        let process = Process::start(command, &place.path(&format!("{files}.log")))?;
        Ok(RunningProgram { name, process })
    }

    /// Does `work` while the program runs.
    ///
    /// # Errors
    /// If the work fails, or the program ends before the work is done. The end of its log is printed then.
    pub(crate) async fn during<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let outcome = tokio::select! {
            done = work => done,
            ended = self.process.ended() => Err(ended_early(self.name, ended?)),
        };
        if outcome.is_err() {
            eprintln!("\n{}", self.last_words());
        }
        outcome
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// The processor time that it has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.proc("stat")?;
        // The second field is the name in brackets, which may contain anything. Plain numbers follow it.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).context("/proc/<pid>/stat has an unknown form")?;
        Ok(Duration::from_millis((user + system) * 1000 / TICKS))
    }

    /// The memory that it holds now.
    pub(crate) fn memory(&self) -> anyhow::Result<MemoryUse> {
        let status = self.proc("status")?;
        let kilobytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("/proc/<pid>/status has no {field}"))
        };
        Ok(MemoryUse { resident: kilobytes("VmRSS:")?, anonymous: kilobytes("RssAnon:")? })
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let pid = self.process.id()?;
        Ok(std::fs::read_to_string(format!("/proc/{pid}/{file}"))?)
    }

    fn last_words(&self) -> String {
        let log = self.process.log();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
        if last.is_empty() {
            return format!("{} logged nothing", self.name);
        }
        format!("the last words of {}:\n    {}", self.name, last.join("\n    "))
    }
}

fn ended_early(name: Name, status: ExitStatus) -> anyhow::Error {
    anyhow::anyhow!("{name} ended by itself ({status})")
}
