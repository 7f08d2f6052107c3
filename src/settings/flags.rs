//! Every flag there is: the one source of the grammar, the help text and docs/compatibility.md.

use std::time::Duration;

use machinery::cli::{Flag, Page, Table};
use machinery::settings::flags::{
    CONNECT, ELECTION, HELP, KUBE_API_BURST, KUBE_API_QPS, KUBECONFIG, OBSERVABILITY, OTHER, RESYNC,
    RETRY_MAX, RETRY_START, VERSION, WORK,
};

const SNAPSHOTS: &str = "Snapshots";
const RETIRED: &str = "Retired";

/// `--csi-address`.
pub const CSI_ADDRESS: Flag<String> = Flag::new(
    CONNECT,
    "csi-address",
    "/run/csi/socket",
    "the driver's Unix socket: a path, or unix:// and a path",
);
/// `--timeout`.
pub const TIMEOUT: Flag<Duration> = Flag::new(CONNECT, "timeout", "1m", "limit of every call to the driver");
/// `--snapshot-name-prefix`.
pub const NAME_PREFIX: Flag<String> = Flag::new(
    SNAPSHOTS,
    "snapshot-name-prefix",
    "snapshot",
    "first part of a snapshot's name in the storage",
);
/// `--snapshot-name-uuid-length`.
pub const NAME_UUID_LENGTH: Flag<i64> = Flag::new(
    SNAPSHOTS,
    "snapshot-name-uuid-length",
    "-1",
    "characters of the uid in the name, 1 to 32; -1 for all",
);
/// `--groupsnapshot-name-prefix`.
pub const GROUP_NAME_PREFIX: Flag<String> =
    Flag::new(SNAPSHOTS, "groupsnapshot-name-prefix", "groupsnapshot", "the same for group snapshots");
/// `--groupsnapshot-name-uuid-length`.
pub const GROUP_NAME_UUID_LENGTH: Flag<i64> =
    Flag::new(SNAPSHOTS, "groupsnapshot-name-uuid-length", "-1", "the same for group snapshots");
/// `--extra-create-metadata`.
pub const EXTRA_CREATE_METADATA: Flag<bool> = Flag::new(
    SNAPSHOTS,
    "extra-create-metadata",
    "false",
    "tell the driver the names of the Kubernetes objects",
);
/// `--node-deployment`.
pub const NODE_DEPLOYMENT: Flag<bool> =
    Flag::new(SNAPSHOTS, "node-deployment", "false", "look only after contents of the node in env NODE_NAME");
/// `--feature-gates`.
pub const FEATURE_GATES: Flag<String> = Flag::new(
    SNAPSHOTS,
    "feature-gates",
    "",
    "CSIVolumeGroupSnapshot=true|false, ReleaseLeaderElectionOnExit=true|false",
)
.list();
/// `--worker-threads`.
pub const WORKERS: Flag<i64> = Flag::new(WORK, "worker-threads", "10", "contents worked on at once");
/// `--automaxprocs`, which has no effect: threads follow the work.
pub const AUTOMAXPROCS: Flag<bool> =
    Flag::new(OTHER, "automaxprocs", "false", "accepted; threads follow the work, not the cores");
/// `--enable-volume-group-snapshots`, the gate's older name.
pub const ENABLE_GROUPS: Flag<bool> = Flag::new(
    RETIRED,
    "enable-volume-group-snapshots",
    "",
    "it sets the gate; write --feature-gates=CSIVolumeGroupSnapshot=true|false",
)
.retired();

const fn retired<T: machinery::cli::flag::FlagValue>(name: &'static str, help: &'static str) -> Flag<T> {
    Flag::new(RETIRED, name, "", help).retired()
}

/// Every flag, in the order of the help text.
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
        retired::<String>("leader-election-type", "the lock is a Lease, always").spec,
        retired::<Duration>("connection-timeout", "the driver is waited for as long as it takes").spec,
        retired::<String>("snapshotter", "the driver says its name itself").spec,
        retired::<i64>("create-snapshotcontent-retrycount", "the sidecar creates no contents any more").spec,
        retired::<Duration>("create-snapshotcontent-interval", "the sidecar creates no contents any more")
            .spec,
    ],
]);

/// What help says beside the flags. Those of proxies may be in small letters too.
pub const PAGE: Page = Page {
    program: crate::PROGRAM.name,
    does: "takes, follows and deletes the snapshots of the CSI driver beside it.",
    environment: &[
        ("NODE_NAME", "node to look after, with --node-deployment"),
        ("POD_NAMESPACE", "namespace of the Lease, where --leader-election-namespace is not given"),
        ("HTTPS_PROXY", "proxy to the API server"),
        ("NO_PROXY", "hosts that are asked without a proxy"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, if they are built in; without it, nowhere"),
    ],
};
