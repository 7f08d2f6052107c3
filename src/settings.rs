//! Flags and environment as typed values, checked against each other before anything is contacted.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use machinery::cli::{Given, UsageError, help};
use machinery::cluster::limit::Rate;
use machinery::lead::election::Election;
use machinery::logging::Log;
use machinery::queue::backoff::Backoff;
use machinery::serve::Listen;
use machinery::settings as shared;
use machinery::settings::flags::{HELP, KUBECONFIG, RESYNC, VERSION};

mod check;
pub mod flags;

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
    pub retry: Backoff,
    /// `--snapshot-name-*`, `--groupsnapshot-name-*`.
    pub names: Names,
    /// `--extra-create-metadata`.
    pub extra_create_metadata: bool,
    /// `--kube-api-*`.
    pub api: Rate,
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

/// Feature gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// `CSIVolumeGroupSnapshot`.
    pub groups: bool,
    /// `ReleaseLeaderElectionOnExit`: accepted; the lease is released either way.
    pub release_on_exit: bool,
}

/// Reads the words after the program's name, and the environment through `env`.
///
/// # Errors
/// [`UsageError`]: one line that names what is wrong, for exit code 2.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, UsageError> {
    let given = &Given::read(flags::TABLE, words)?;
    if given.get(&HELP) {
        return Ok(Command::Print(help(flags::PAGE, flags::TABLE)));
    }
    if given.get(&VERSION) {
        return Ok(Command::Print(format!("{} {}\n", crate::PROGRAM.name, crate::PROGRAM.version)));
    }
    let node = check::node(given, env)?;
    let election = shared::election(given, env)?;
    if node.is_some() && election.is_some() {
        return shared::combination(
            "--node-deployment and --leader-election exclude each other: on a node there is one sidecar, and \
             every node's has to work; remove one of the two",
        );
    }
    Ok(Command::Run(Box::new(Settings {
        kubeconfig: given.non_empty(&KUBECONFIG).map(PathBuf::from),
        csi_address: check::socket(given)?,
        timeout: shared::above_zero(given, &flags::TIMEOUT)?,
        workers: check::workers(given)?,
        retry: shared::retry(given)?,
        names: Names {
            content: check::name(given, &flags::NAME_PREFIX, &flags::NAME_UUID_LENGTH)?,
            group: check::name(given, &flags::GROUP_NAME_PREFIX, &flags::GROUP_NAME_UUID_LENGTH)?,
        },
        extra_create_metadata: given.get(&flags::EXTRA_CREATE_METADATA),
        api: shared::rate(given)?,
        resync: given.get(&RESYNC),
        node,
        gates: check::gates(given)?,
        election,
        endpoint: shared::endpoint(given)?,
        log: shared::log(given)?,
        traces: env("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty()),
        warnings: given.warnings(flags::TABLE),
    })))
}
