//! Flags and environment as typed values, checked against each other before anything is contacted.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use machinery::cli::{Flag, Given, Page, Table, UsageError};
use machinery::settings::flags::{
    AUTOMAXPROCS, ELECTION, HELP, KUBE_API_BURST, KUBE_API_QPS, KUBECONFIG, OBSERVABILITY, OTHER, RESYNC,
    RETRY_MAX, RETRY_START, VERSION, WORK,
};
use machinery::settings::{self as shared, Checked, Diagnostics, Env, bad};
use machinery::{cluster::limit::Rate, lead::election::Election, queue::backoff::Backoff, serve::Listen};

use crate::program::PROGRAM;

const SNAPSHOTS: &str = "Snapshots";
const RETIRED: &str = "Retired";

/// `--worker-threads`.
const WORKERS: Flag<i64> = Flag::new(WORK, "worker-threads", "10", "objects of a kind worked on at once");
/// `--prevent-volume-mode-conversion`.
const KEEPS_MODE: Flag<bool> = Flag::new(
    SNAPSHOTS,
    "prevent-volume-mode-conversion",
    "true",
    "write the mode of the volume into contents, so that it cannot be changed by a restore",
);
/// `--enable-distributed-snapshotting`.
const DISTRIBUTED: Flag<bool> = Flag::new(
    SNAPSHOTS,
    "enable-distributed-snapshotting",
    "false",
    "label contents with a node that reaches the volume, for sidecars with --node-deployment",
);
/// `--feature-gates`.
const FEATURE_GATES: Flag<String> =
    Flag::new(SNAPSHOTS, "feature-gates", "", "CSIVolumeGroupSnapshot=true|false").list();
/// `--retry-crd-interval-max`, which has no effect: kinds are waited for as long as it takes.
const RETRY_CRD: Flag<Duration> = Flag::new(
    OTHER,
    "retry-crd-interval-max",
    "30s",
    "accepted; missing CRDs are waited for as long as it takes",
);
/// `--enable-volume-group-snapshots`, the gate's older name.
const ENABLE_GROUPS: Flag<bool> = Flag::new(
    RETIRED,
    "enable-volume-group-snapshots",
    "",
    "it sets the gate; write --feature-gates=CSIVolumeGroupSnapshot=true|false",
)
.retired();
const RETRY_COUNT: Flag<i64> = Flag::new(
    RETIRED,
    "create-snapshotcontent-retrycount",
    "",
    "a failed request is repeated after a backoff",
)
.retired();
const RETRY_PAUSE: Flag<Duration> =
    Flag::new(RETIRED, "create-snapshotcontent-interval", "", "a failed request is repeated after a backoff")
        .retired();
const LOCK_TYPE: Flag<String> =
    Flag::new(RETIRED, "leader-election-type", "", "the lock is always a Lease").retired();

/// Every flag, in the order of the help text.
static TABLE: Table = Table(&[
    &[
        KUBECONFIG.spec,
        KUBE_API_QPS.spec,
        KUBE_API_BURST.spec,
        KEEPS_MODE.spec,
        DISTRIBUTED.spec,
        FEATURE_GATES.spec,
        WORKERS.spec,
        RETRY_START.spec,
        RETRY_MAX.spec,
        RESYNC.spec,
    ],
    ELECTION,
    OBSERVABILITY,
    &[RETRY_CRD.spec, AUTOMAXPROCS.spec, VERSION.spec, HELP.spec],
    &[ENABLE_GROUPS.spec, RETRY_COUNT.spec, RETRY_PAUSE.spec, LOCK_TYPE.spec],
]);

const PAGE: Page = Page {
    program: PROGRAM.name,
    does: "binds VolumeSnapshots to contents, protects their claims, and lets both go again.",
    environment: &[
        ("POD_NAMESPACE", "namespace of the Lease, where --leader-election-namespace is not given"),
        ("HTTPS_PROXY", "proxy to the API server"),
        ("NO_PROXY", "hosts that are asked without a proxy"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, if they are built in; without it, nowhere"),
    ],
    parts: &[],
};

/// What the command line asks for.
pub type Command = shared::Command<Settings>;

/// Everything that the process gets from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `--kubeconfig`; without it the pod's service account is used.
    pub kubeconfig: Option<PathBuf>,
    /// `--kube-api-*`.
    pub api: Rate,
    /// `--worker-threads`: passes at once, per kind.
    pub workers: NonZeroUsize,
    /// `--retry-interval-*`.
    pub retry: Backoff,
    /// `--resync-period`, zero for never.
    pub resync: Duration,
    /// `--prevent-volume-mode-conversion`.
    pub keeps_mode: bool,
    /// `--enable-distributed-snapshotting`.
    pub distributed: bool,
    /// `CSIVolumeGroupSnapshot` of `--feature-gates`.
    pub groups: bool,
    /// `--leader-election*`, if it is on.
    pub election: Option<Election>,
    /// `--http-endpoint`, if it is set.
    pub endpoint: Option<Listen>,
    /// The log and the traces.
    pub diagnostics: Diagnostics,
}

/// Reads the words after the program's name, and the environment through `env`.
///
/// # Errors
/// [`UsageError`]: one line that names what is wrong, for exit code 2.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Command, UsageError> {
    shared::parse(PROGRAM, (PAGE, TABLE), words, |given| read(given, env))
}

fn read(given: &Given, env: Env<'_>) -> Checked<Settings> {
    Ok(Settings {
        kubeconfig: given.non_empty(&KUBECONFIG).map(PathBuf::from),
        api: shared::rate(given)?,
        workers: shared::workers(given, &WORKERS)?,
        retry: shared::retry(given)?,
        resync: given.get(&RESYNC),
        keeps_mode: given.get(&KEEPS_MODE),
        distributed: given.get(&DISTRIBUTED),
        groups: groups(given)?,
        election: shared::election(given, env)?,
        endpoint: shared::endpoint(given)?,
        diagnostics: shared::diagnostics(given, env, TABLE)?,
    })
}

/// Whether group snapshots are looked after.
fn groups(given: &Given) -> Checked<bool> {
    let mut groups = if given.has(&ENABLE_GROUPS) { given.get(&ENABLE_GROUPS) } else { true };
    for (gate, on) in shared::gates(given, &FEATURE_GATES)? {
        match gate.as_str() {
            "CSIVolumeGroupSnapshot" => groups = on,
            // Every Kubernetes program knows these. No gate here that has an effect is alpha or beta.
            "AllAlpha" | "AllBeta" | "ReleaseLeaderElectionOnExit" => {}
            unknown => {
                let why = "no such feature gate; write CSIVolumeGroupSnapshot=true|false";
                return Err(bad(&FEATURE_GATES, unknown, why));
            }
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests;
