//! The flags and the environment as typed values, validated before anything is contacted.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::program::PROGRAM;
use machinery::cli::{Given, UsageError};
use machinery::settings::flags::{KUBECONFIG, RESYNC};
use machinery::settings::{self as shared, Checked, Diagnostics, Env};
use machinery::{cluster::limit::Rate, lead::election::Election, queue::backoff::Backoff, serve::Listen};

pub mod audit;
mod check;
pub mod flags;

pub(crate) use check::{Gates, SnapshotName};

#[cfg(test)]
mod tests;

/// What the command line asks for.
pub type Command = shared::Command<Settings>;

/// The configuration of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `--kubeconfig`. Without it, the pod's service account is used.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `--csi-address` without `unix://`.
    pub csi_address: PathBuf,
    /// `--timeout`, the limit of every driver call.
    pub timeout: Duration,
    /// `--worker-threads`: concurrent passes per kind.
    pub(crate) workers: NonZeroUsize,
    /// `--retry-interval-*`.
    pub(crate) retry: Backoff,
    /// `--snapshot-name-*`.
    pub(crate) content_names: SnapshotName,
    /// `--groupsnapshot-name-*`.
    pub(crate) group_names: SnapshotName,
    pub(crate) extra_create_metadata: bool,
    /// `--kube-api-*`.
    pub api: Rate,
    /// `--resync-period`. Zero means never.
    pub(crate) resync: Duration,
    /// NODE_NAME, with `--node-deployment`.
    pub(crate) node: Option<String>,
    /// `--feature-gates`.
    pub(crate) gates: Gates,
    /// `--leader-election*`, if leader election is on.
    pub election: Option<Election>,
    /// `--http-endpoint` or `--metrics-address`, if one is set.
    pub endpoint: Option<Listen>,
    /// The log and the traces.
    pub diagnostics: Diagnostics,
}

/// Parses the arguments after the program's name, and reads environment variables through `env`.
///
/// # Errors
/// [`UsageError`], one line that names the mistake. The exit code is 2.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, UsageError> {
    shared::parse(PROGRAM, (flags::PAGE, flags::TABLE), words, |given| read(given, env))
}

fn read(given: &Given, env: Env<'_>) -> Checked<Settings> {
    let node = check::node(given, env)?;
    let election = shared::election(given, env)?;
    if node.is_some() && election.is_some() {
        return shared::combination(
            "--node-deployment and --leader-election exclude each other: on a node there is one sidecar, and \
             every node's has to work; remove one of the two",
        );
    }
    Ok(Settings {
        kubeconfig: given.non_empty(&KUBECONFIG).map(PathBuf::from),
        csi_address: check::socket(given)?,
        timeout: shared::above_zero(given, &flags::TIMEOUT)?,
        workers: shared::workers(given, &flags::WORKERS)?,
        retry: shared::retry(given)?,
        content_names: check::name(given, &flags::NAME_PREFIX, &flags::NAME_UUID_LENGTH)?,
        group_names: check::name(given, &flags::GROUP_NAME_PREFIX, &flags::GROUP_NAME_UUID_LENGTH)?,
        extra_create_metadata: given.get(&flags::EXTRA_CREATE_METADATA),
        api: shared::rate(given)?,
        resync: given.get(&RESYNC),
        node,
        gates: check::gates(given)?,
        election,
        endpoint: shared::endpoint(given)?,
        diagnostics: shared::diagnostics(given, env, flags::TABLE)?,
    })
}
