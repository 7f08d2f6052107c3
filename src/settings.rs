//! Flags and environment as typed values, checked against each other before anything is contacted.

use machinery::logging::Log;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::table::{State, find};
use crate::cli::{Given, UsageError, help};

mod check;
mod read;

#[cfg(test)]
mod tests;

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// To run.
    Run(Box<Settings>),
    /// To print this and end well.
    Print(String),
}

/// Everything the process is told from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `--kubeconfig`; without it the pod's service account is used.
    pub kubeconfig: Option<PathBuf>,
    /// `--csi-address`, as a path.
    pub csi_address: PathBuf,
    /// `--timeout` of every driver call.
    pub timeout: Duration,
    /// `--worker-threads`: passes at once, per kind.
    pub workers: NonZeroUsize,
    /// `--retry-interval-*`.
    pub retry: Retry,
    /// `--snapshot-name-*`, `--groupsnapshot-name-*`.
    pub names: Names,
    /// `--extra-create-metadata`.
    pub extra_create_metadata: bool,
    /// `--kube-api-*`.
    pub api: Api,
    /// `--resync-period`, zero for never.
    pub resync: Duration,
    /// NODE_NAME, with `--node-deployment`.
    pub node: Option<String>,
    /// `--feature-gates`.
    pub gates: Gates,
    /// `--leader-election*`, if it is on.
    pub election: Option<Election>,
    /// `--http-endpoint` or `--metrics-address`, if one is set.
    pub endpoint: Option<Listen>,
    /// `-v`, `--logging-format`.
    pub log: Log,
    /// OTEL_EXPORTER_OTLP_ENDPOINT, if it is set: where traces go.
    pub traces: Option<String>,
    /// What to tell the operator once the log is there.
    pub warnings: Vec<String>,
}

/// Pauses after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// After the first.
    pub start: Duration,
    /// At most.
    pub max: Duration,
}

/// How snapshots are named in the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Of single contents.
    pub content: SnapshotName,
    /// Of groups.
    pub group: SnapshotName,
}

/// Prefix, and how much of the uid follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotName {
    /// Never empty.
    pub prefix: String,
    /// 1 to 32 characters of the uid without dashes; `None` for the uid as it is.
    pub uuid_length: Option<u8>,
}

/// How fast the API server may be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Api {
    /// Requests a second on average; below zero for no limit, never zero.
    pub qps: f64,
    /// Requests at once, above zero.
    pub burst: u32,
}

/// Feature gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// `CSIVolumeGroupSnapshot`.
    pub groups: bool,
    /// `ReleaseLeaderElectionOnExit`: accepted; the lease is released either way.
    pub release_on_exit: bool,
}

/// Leader election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// From the flag or POD_NAMESPACE; `None` for the pod's own.
    pub namespace: Option<String>,
    /// In whole seconds, more than the renew deadline.
    pub lease_duration: Duration,
    /// More than the retry period.
    pub renew_deadline: Duration,
    /// Above zero.
    pub retry_period: Duration,
    /// For the Lease.
    pub labels: BTreeMap<String, String>,
}

/// Where to serve metrics and health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Host and port, or `:port`.
    pub address: String,
    /// Begins with `/`.
    pub metrics_path: String,
}

/// Reads the words after the program's name, and the environment through `env`.
///
/// # Errors
/// [`UsageError`]: one line that names what is wrong, for exit code 2.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, UsageError> {
    let given = Given::read(words)?;
    let flags = read::Flags(&given);
    if flags.bool("help") {
        return Ok(Command::Print(help()));
    }
    if flags.bool("version") {
        return Ok(Command::Print(format!("csi-snapshotter {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let node = check::node(&flags, env)?;
    let election = check::election(&flags, env)?;
    if node.is_some() && election.is_some() {
        return Err(UsageError::Combination(
            "--node-deployment and --leader-election exclude each other: on a node there is one sidecar, and \
             every node's has to work; remove one of the two"
                .to_owned(),
        ));
    }
    Ok(Command::Run(Box::new(Settings {
        kubeconfig: Some(flags.text("kubeconfig")).filter(|path| !path.is_empty()).map(PathBuf::from),
        csi_address: check::socket(&flags)?,
        timeout: check::above_zero(&flags, "timeout")?,
        workers: check::workers(&flags)?,
        retry: check::retry(&flags)?,
        names: Names {
            content: check::name(&flags, "snapshot-name-prefix", "snapshot-name-uuid-length")?,
            group: check::name(&flags, "groupsnapshot-name-prefix", "groupsnapshot-name-uuid-length")?,
        },
        extra_create_metadata: flags.bool("extra-create-metadata"),
        api: check::api(&flags)?,
        resync: flags.duration("resync-period"),
        node,
        gates: check::gates(&flags)?,
        election,
        endpoint: check::endpoint(&flags)?,
        log: check::log(&flags)?,
        traces: env("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty()),
        warnings: warnings(&given),
    })))
}

fn warnings(given: &Given) -> Vec<String> {
    let flags = given.names().iter().filter_map(|name| find(name));
    flags
        .filter_map(|flag| match flag.state {
            State::Live => None,
            State::Accepted => Some(format!("--{} has no effect: logs go to stderr", flag.name)),
            State::Retired => Some(format!("--{} is retired and may be removed: {}", flag.name, flag.help)),
        })
        .collect()
}
