//! The table of flags. Parsing, the help text and docs/compatibility.md all come from it.

use std::time::Duration;

use crate::program::PROGRAM;
use machinery::cli::{Flag, Page, Table};
use machinery::settings::flags::{
    AUTOMAXPROCS, CONNECT, ELECTION, HELP, KUBE_API_BURST, KUBE_API_QPS, KUBECONFIG, OBSERVABILITY, RESYNC,
    RETRY_MAX, RETRY_START, VERSION, WORK,
};

/// The subcommand that looks once instead of working.
pub const AUDIT: &str = "audit";
const SNAPSHOTS: &str = "Snapshots";
const RETIRED: &str = "Retired";

pub(super) const CSI_ADDRESS: Flag<String> = Flag::new(
    CONNECT,
    "csi-address",
    "/run/csi/socket",
    "the driver's Unix socket: a path, or unix:// and a path",
);
pub(super) const TIMEOUT: Flag<Duration> =
    Flag::new(CONNECT, "timeout", "1m", "limit of every call to the driver");
pub(super) const NAME_PREFIX: Flag<String> = Flag::new(
    SNAPSHOTS,
    "snapshot-name-prefix",
    "snapshot",
    "first part of a snapshot's name in the storage",
);
pub(super) const NAME_UUID_LENGTH: Flag<i64> = Flag::new(
    SNAPSHOTS,
    "snapshot-name-uuid-length",
    "-1",
    "characters of the uid in the name, 1 to 32; -1 for all",
);
pub(super) const GROUP_NAME_PREFIX: Flag<String> =
    Flag::new(SNAPSHOTS, "groupsnapshot-name-prefix", "groupsnapshot", "the same for group snapshots");
pub(super) const GROUP_NAME_UUID_LENGTH: Flag<i64> =
    Flag::new(SNAPSHOTS, "groupsnapshot-name-uuid-length", "-1", "the same for group snapshots");
pub(super) const EXTRA_CREATE_METADATA: Flag<bool> = Flag::new(
    SNAPSHOTS,
    "extra-create-metadata",
    "false",
    "tell the driver the names of the Kubernetes objects",
);
pub(super) const NODE_DEPLOYMENT: Flag<bool> =
    Flag::new(SNAPSHOTS, "node-deployment", "false", "work only on contents of the node in env NODE_NAME");
pub(super) const FEATURE_GATES: Flag<String> = Flag::new(
    SNAPSHOTS,
    "feature-gates",
    "",
    "CSIVolumeGroupSnapshot=true|false, ReleaseLeaderElectionOnExit=true|false",
)
.list();
pub(super) const WORKERS: Flag<i64> = Flag::new(WORK, "worker-threads", "10", "contents worked on at once");
pub(super) const ENABLE_GROUPS: Flag<bool> = Flag::new(
    RETIRED,
    "enable-volume-group-snapshots",
    "",
    "it sets the gate; write --feature-gates=CSIVolumeGroupSnapshot=true|false",
)
.retired();

const fn retired<T: machinery::cli::flag::FlagValue>(name: &'static str, help: &'static str) -> Flag<T> {
    Flag::new(RETIRED, name, "", help).retired()
}

/// All flags, in the order of the help text.
pub static TABLE: Table = Table(&[
    &[
        CSI_ADDRESS.spec,
        TIMEOUT.spec,
        KUBECONFIG.spec,
        KUBE_API_QPS.spec,
        KUBE_API_BURST.spec,
        NAME_PREFIX.spec,
        NAME_UUID_LENGTH.spec,
        GROUP_NAME_PREFIX.spec,
        GROUP_NAME_UUID_LENGTH.spec,
        EXTRA_CREATE_METADATA.spec,
        NODE_DEPLOYMENT.spec,
        FEATURE_GATES.spec,
        WORKERS.spec,
        RETRY_START.spec,
        RETRY_MAX.spec,
        RESYNC.spec,
    ],
    ELECTION,
    OBSERVABILITY,
    &[
        AUTOMAXPROCS.spec,
        VERSION.spec,
        HELP.spec,
        ENABLE_GROUPS.spec,
        retired::<String>("leader-election-type", "the lock is always a Lease").spec,
        retired::<Duration>("connection-timeout", "the driver is waited for as long as it takes").spec,
        retired::<String>("snapshotter", "the driver says its name itself").spec,
        retired::<i64>("create-snapshotcontent-retrycount", "the sidecar creates no contents any more").spec,
        retired::<Duration>("create-snapshotcontent-interval", "the sidecar creates no contents any more")
            .spec,
    ],
]);

/// The rest of the help text. The proxy variables also count in lower case.
pub const PAGE: Page = Page {
    program: PROGRAM.name,
    does: "takes, follows and deletes the snapshots of the CSI driver beside it.",
    environment: &[
        ("NODE_NAME", "node to look after, with --node-deployment"),
        ("POD_NAMESPACE", "namespace of the Lease, where --leader-election-namespace is not given"),
        ("HTTPS_PROXY", "proxy to the API server"),
        ("NO_PROXY", "hosts that are asked without a proxy"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, if they are built in; without it, nowhere"),
    ],
    parts: &[(
        "Commands",
        &[(AUDIT, "compare storage and contents, once; csi-snapshotter audit -h tells of it")],
    )],
};
