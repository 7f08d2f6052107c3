//! The flags that all programs share.

use std::time::Duration;

use crate::cli::flag::accepted;
use crate::cli::{Flag, Spec, ValueKind};

/// Heading of connection flags.
pub const CONNECT: &str = "Connections";
/// Heading of work and retry flags.
pub const WORK: &str = "Work and retries";
const LEADER: &str = "Leader election";
const OBSERVE: &str = "Metrics and health";
const LOGGING: &str = "Logging";
/// Heading of all other flags.
pub const OTHER: &str = "Other";

/// `--kubeconfig`.
pub const KUBECONFIG: Flag<String> =
    Flag::new(CONNECT, "kubeconfig", "", "kubeconfig to use; without it, the pod's service account");
/// `--kube-api-qps`.
pub const KUBE_API_QPS: Flag<f64> =
    Flag::new(CONNECT, "kube-api-qps", "100", "requests a second to the API server, on average");
/// `--kube-api-burst`.
pub const KUBE_API_BURST: Flag<i64> =
    Flag::new(CONNECT, "kube-api-burst", "200", "requests at once to the API server");

/// `--retry-interval-start`.
pub const RETRY_START: Flag<Duration> = Flag::new(
    WORK,
    "retry-interval-start",
    "1s",
    "pause after a first failure; doubles with each further one",
);
/// `--retry-interval-max`.
pub const RETRY_MAX: Flag<Duration> =
    Flag::new(WORK, "retry-interval-max", "5m", "longest pause after a failure");
/// `--resync-period`.
pub const RESYNC: Flag<Duration> =
    Flag::new(WORK, "resync-period", "15m", "look at everything again this often; 0 for never");

pub(super) const LEADER_ELECTION: Flag<bool> =
    Flag::new(LEADER, "leader-election", "false", "work only while holding the Lease");
pub(super) const LEADER_ELECTION_NAMESPACE: Flag<String> =
    Flag::new(LEADER, "leader-election-namespace", "", "namespace of the Lease; without it, the pod's");
pub(super) const LEASE_DURATION: Flag<Duration> = Flag::new(
    LEADER,
    "leader-election-lease-duration",
    "15s",
    "how long others wait for a leader that is silent",
);
pub(super) const RENEW_DEADLINE: Flag<Duration> =
    Flag::new(LEADER, "leader-election-renew-deadline", "10s", "how long a leader works on without renewing");
pub(super) const RETRY_PERIOD: Flag<Duration> =
    Flag::new(LEADER, "leader-election-retry-period", "5s", "pause between attempts to lead or renew");
pub(super) const LEADER_ELECTION_LABELS: Flag<String> =
    Flag::new(LEADER, "leader-election-labels", "", "labels of the Lease, as key:value,key:value").list();

/// All flags of leader election.
pub const ELECTION: &[Spec] = &[
    LEADER_ELECTION.spec,
    LEADER_ELECTION_NAMESPACE.spec,
    LEASE_DURATION.spec,
    RENEW_DEADLINE.spec,
    RETRY_PERIOD.spec,
    LEADER_ELECTION_LABELS.spec,
];

pub(super) const HTTP_ENDPOINT: Flag<String> =
    Flag::new(OBSERVE, "http-endpoint", "", "address to serve metrics and health on, such as :8080");
pub(super) const METRICS_ADDRESS: Flag<String> =
    Flag::new(OBSERVE, "metrics-address", "", "older name of --http-endpoint");
pub(super) const METRICS_PATH: Flag<String> =
    Flag::new(OBSERVE, "metrics-path", "/metrics", "path of the metrics");
/// `-v`.
pub const V: Flag<i64> =
    Flag::new(LOGGING, "v", "0", "how much to log: 0 warnings, 2 events, 4 details, 5 driver calls");
/// `--logging-format`.
pub const LOGGING_FORMAT: Flag<String> = Flag::new(LOGGING, "logging-format", "text", "text or json");

/// All flags of metrics, health and logging, with those of klog that have no effect.
pub const OBSERVABILITY: &[Spec] = &[
    HTTP_ENDPOINT.spec,
    METRICS_ADDRESS.spec,
    METRICS_PATH.spec,
    V.spec,
    LOGGING_FORMAT.spec,
    accepted("vmodule", ValueKind::Text, "levels by file"),
    accepted("logtostderr", ValueKind::Bool, "log to stderr"),
    accepted("alsologtostderr", ValueKind::Bool, "log to stderr too"),
    accepted("stderrthreshold", ValueKind::Text, "level for stderr"),
    accepted("log_dir", ValueKind::Text, "directory of log files"),
    accepted("log_file", ValueKind::Text, "a log file"),
    accepted("log_file_max_size", ValueKind::Int, "size of a log file"),
    accepted("skip_headers", ValueKind::Bool, "lines without headers"),
    accepted("skip_log_headers", ValueKind::Bool, "files without headers"),
    accepted("add_dir_header", ValueKind::Bool, "directories in headers"),
    accepted("one_output", ValueKind::Bool, "one level a file"),
    accepted("log_backtrace_at", ValueKind::Text, "stack traces at a line"),
    accepted("log-flush-frequency", ValueKind::Duration, "pause between flushes"),
    accepted("log-text-split-stream", ValueKind::Bool, "errors to stderr, the rest to stdout"),
    accepted("log-text-info-buffer-size", ValueKind::Text, "buffer of the text format"),
    accepted("log-json-split-stream", ValueKind::Bool, "errors to stderr, the rest to stdout"),
    accepted("log-json-info-buffer-size", ValueKind::Text, "buffer of the json format"),
];

/// `--automaxprocs`, which has no effect.
pub const AUTOMAXPROCS: Flag<bool> =
    Flag::new(OTHER, "automaxprocs", "false", "accepted; threads follow the work, not the cores");
/// `--version`.
pub const VERSION: Flag<bool> = Flag::new(OTHER, "version", "false", "print name and version");
/// `--help`.
pub const HELP: Flag<bool> = Flag::new(OTHER, "help", "false", "print this");
