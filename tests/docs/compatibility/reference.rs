//! How kubernetes-csi/external-snapshotter v8.6 compares, for the tables of docs/compatibility.md.

/// Flags: name, default of the reference, difference.
pub(super) const FLAGS: &[(&str, &str, &str)] = &[
    ("csi-address", "/run/csi/socket", ""),
    ("timeout", "1m", "zero is refused"),
    ("kubeconfig", "", ""),
    ("kube-api-qps", "5", "as in the reference, 0 means the default and a negative rate means no limit"),
    ("kube-api-burst", "10", "as in the reference, 0 means the default; negative is refused"),
    ("snapshot-name-prefix", "snapshot", ""),
    (
        "snapshot-name-uuid-length",
        "-1",
        "only -1 and 1 to 32 are accepted; 33 makes the reference panic at the first snapshot",
    ),
    ("groupsnapshot-name-prefix", "groupsnapshot", "empty is refused"),
    ("groupsnapshot-name-uuid-length", "-1", "as above"),
    ("extra-create-metadata", "false", ""),
    ("node-deployment", "false", "refused together with `--leader-election`"),
    (
        "feature-gates",
        "",
        "`CSIVolumeGroupSnapshot` (true), `ReleaseLeaderElectionOnExit` (no effect: the Lease is always released), \
         `AllAlpha` and `AllBeta` (no effect); as in the reference, repeated flags add up; any other gate is refused with exit 2",
    ),
    ("worker-threads", "10", "1 to 1024; with 0 the reference silently does nothing"),
    ("retry-interval-start", "1s", "for errors only, not for polling; zero is refused"),
    ("retry-interval-max", "5m", ""),
    ("resync-period", "15m", "negative is refused"),
    ("leader-election", "false", ""),
    ("leader-election-namespace", "", "refused if it cannot be a namespace, such as an unset `$(NAMESPACE)`"),
    (
        "leader-election-lease-duration",
        "15s",
        "rounded down to whole seconds, as in the Lease; less than one second is refused",
    ),
    (
        "leader-election-renew-deadline",
        "10s",
        "as in the reference, less than the lease duration and more than 1.2 retry periods",
    ),
    ("leader-election-retry-period", "5s", ""),
    ("leader-election-labels", "", "repeated flags add up"),
    ("http-endpoint", "", ""),
    ("metrics-address", "", ""),
    ("metrics-path", "/metrics", "a path without `/` or a path of a health page is refused"),
    (
        "v",
        "0",
        "0 and 1: warnings and errors; 2 and 3: also events; 4: also details; 5 and up: also driver calls; values outside 0 to 10 count as the nearest one",
    ),
    ("logging-format", "text", ""),
    ("automaxprocs", "false", "accepted without effect"),
    ("version", "false", ""),
    ("help", "false", ""),
];

/// Environment variables: name, use in the reference.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("NODE_NAME", "the same"),
    ("POD_NAMESPACE", "the same"),
    ("HTTPS_PROXY", "the same"),
    ("NO_PROXY", "the same"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "not read; see [traces](tracing.md)"),
];

/// Metrics: start of the name, comparison.
pub(super) const METRICS: &[(&str, &str)] = &[
    ("csi_sidecar_operations_seconds", "the same"),
    ("csi_snapshotter_", "not there"),
    ("leader_election_master_status", "the same, but `name` is empty there"),
    ("process_", "the same"),
    ("rest_client_", "not there; names and labels are those of client-go"),
    ("workqueue_queue_duration_seconds", "the same, with the buckets of both older and newer client-go"),
    ("workqueue_work_duration_seconds", "the same, with the buckets of both older and newer client-go"),
    ("workqueue_", "the same"),
];
