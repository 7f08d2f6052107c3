//! What kubernetes-csi/external-snapshotter v8.6 has, beside what is here.

/// Flags: name, the reference's default, what differs.
pub(super) const FLAGS: &[(&str, &str, &str)] = &[
    ("csi-address", "/run/csi/socket", ""),
    ("timeout", "1m", "zero is refused"),
    ("kubeconfig", "", ""),
    ("kube-api-qps", "5", "as there, 0 means the default and a negative rate no limit"),
    ("kube-api-burst", "10", "as there, 0 means the default; below zero is refused"),
    ("snapshot-name-prefix", "snapshot", ""),
    (
        "snapshot-name-uuid-length",
        "-1",
        "anything but -1 and 1 to 32 is refused; there, 33 panics at the first snapshot",
    ),
    ("groupsnapshot-name-prefix", "groupsnapshot", "empty is refused"),
    ("groupsnapshot-name-uuid-length", "-1", "as above"),
    ("extra-create-metadata", "false", ""),
    ("node-deployment", "false", "refused together with `--leader-election`"),
    (
        "feature-gates",
        "",
        "`CSIVolumeGroupSnapshot` (true), `ReleaseLeaderElectionOnExit` (no effect: the Lease is always released), \
         `AllAlpha` and `AllBeta` (no effect); repeated flags add up, as there; any other is refused with exit 2",
    ),
    ("worker-threads", "10", "1 to 1024; there, 0 does nothing, silently"),
    ("retry-interval-start", "1s", "for errors only, not for polling; zero is refused"),
    ("retry-interval-max", "5m", ""),
    ("resync-period", "15m", "negative is refused"),
    ("leader-election", "false", ""),
    ("leader-election-namespace", "", ""),
    (
        "leader-election-lease-duration",
        "15s",
        "whole seconds count, in the Lease and here; less than one is refused",
    ),
    (
        "leader-election-renew-deadline",
        "10s",
        "as there, less than the duration and more than 1.2 retry periods",
    ),
    ("leader-election-retry-period", "5s", ""),
    ("leader-election-labels", "", "repeated flags add up"),
    ("http-endpoint", "", ""),
    ("metrics-address", "", ""),
    ("metrics-path", "/metrics", "a path without `/`, or one of health, is refused"),
    (
        "v",
        "0",
        "0 and 1 warnings and errors, 2 and 3 events, 4 details, 5 and up driver calls; beyond 0 to 10 counts as the nearer end",
    ),
    ("logging-format", "text", ""),
    ("automaxprocs", "false", "taken, without effect"),
    ("version", "false", ""),
    ("help", "false", ""),
];

/// Environment variables: name, what the reference does with it.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("NODE_NAME", "the same"),
    ("POD_NAMESPACE", "the same"),
    ("HTTPS_PROXY", "the same"),
    ("NO_PROXY", "the same"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "not read; see [traces](tracing.md)"),
];

/// Metrics: how their names begin, what the reference has.
pub(super) const METRICS: &[(&str, &str)] = &[
    ("csi_sidecar_operations_seconds", "the same"),
    ("csi_snapshotter_", "not there"),
    ("leader_election_master_status", "the same, but `name` is empty there"),
    ("process_", "the same"),
    ("rest_client_", "not there; named and labelled as in client-go"),
    ("workqueue_queue_duration_seconds", "the same; the buckets of older and of newer client-go together"),
    ("workqueue_work_duration_seconds", "the same; the buckets of older and of newer client-go together"),
    ("workqueue_", "the same"),
];
