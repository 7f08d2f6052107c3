//! Every flag there is: the one source of the grammar, the help text and docs/compatibility.md.

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--x` or `--x=false`; never `--x false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Go's notation.
    Duration,
    /// Text.
    Text,
}

/// What becomes of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does what it says.
    Live,
    /// Taken from klog's family and without effect: we log to stderr, always.
    Accepted,
    /// Once the reference's, now without effect; a warning says so.
    Retired,
}

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Without dashes.
    pub name: &'static str,
    /// Type of its value.
    pub kind: Kind,
    /// As help shows it; "" for none.
    pub default: &'static str,
    /// Heading in the help.
    pub group: &'static str,
    /// One line.
    pub help: &'static str,
    /// Whether it has an effect.
    pub state: State,
}

impl Flag {
    /// Whether each repetition adds to the ones before, as in the reference, where these fill a map.
    #[must_use]
    pub fn is_list(&self) -> bool {
        ["feature-gates", "leader-election-labels"].contains(&self.name)
    }
}

const fn live(
    group: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, kind, default, group, help, state: State::Live }
}

const fn klog(name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag { name, kind, default: "", group: "Logging", help, state: State::Accepted }
}

const fn retired(name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag { name, kind, default: "", group: "Retired", help, state: State::Retired }
}

const CONNECT: &str = "Connections";
const SNAPSHOTS: &str = "Snapshots";
const WORK: &str = "Work and retries";
const LEADER: &str = "Leader election";
const OBSERVE: &str = "Metrics and health";
const LOGGING: &str = "Logging";
const OTHER: &str = "Other";

use Kind::{Bool, Duration, Float, Int, Text};

static FLAGS: &[Flag] = &[
    live(
        CONNECT,
        "csi-address",
        Text,
        "/run/csi/socket",
        "the driver's Unix socket: a path, or unix:// and a path",
    ),
    live(CONNECT, "timeout", Duration, "1m", "limit of every call to the driver"),
    live(CONNECT, "kubeconfig", Text, "", "kubeconfig to use; without it, the pod's service account"),
    live(CONNECT, "kube-api-qps", Float, "100", "requests a second to the API server, on average"),
    live(CONNECT, "kube-api-burst", Int, "200", "requests at once to the API server"),
    live(
        SNAPSHOTS,
        "snapshot-name-prefix",
        Text,
        "snapshot",
        "first part of a snapshot's name in the storage",
    ),
    live(
        SNAPSHOTS,
        "snapshot-name-uuid-length",
        Int,
        "-1",
        "characters of the uid in the name, 1 to 32; -1 for all",
    ),
    live(SNAPSHOTS, "groupsnapshot-name-prefix", Text, "groupsnapshot", "the same for group snapshots"),
    live(SNAPSHOTS, "groupsnapshot-name-uuid-length", Int, "-1", "the same for group snapshots"),
    live(
        SNAPSHOTS,
        "extra-create-metadata",
        Bool,
        "false",
        "tell the driver the names of the Kubernetes objects",
    ),
    live(
        SNAPSHOTS,
        "node-deployment",
        Bool,
        "false",
        "look only after contents of the node in env NODE_NAME",
    ),
    live(
        SNAPSHOTS,
        "feature-gates",
        Text,
        "",
        "CSIVolumeGroupSnapshot=true|false, ReleaseLeaderElectionOnExit=true|false",
    ),
    live(WORK, "worker-threads", Int, "10", "contents worked on at once"),
    live(
        WORK,
        "retry-interval-start",
        Duration,
        "1s",
        "pause after a first failure; doubles with each further one",
    ),
    live(WORK, "retry-interval-max", Duration, "5m", "longest pause after a failure"),
    live(WORK, "resync-period", Duration, "15m", "look at everything again this often; 0 for never"),
    live(LEADER, "leader-election", Bool, "false", "work only while holding the driver's Lease"),
    live(LEADER, "leader-election-namespace", Text, "", "namespace of the Lease; without it, the pod's"),
    live(
        LEADER,
        "leader-election-lease-duration",
        Duration,
        "15s",
        "how long others wait for a leader that is silent",
    ),
    live(
        LEADER,
        "leader-election-renew-deadline",
        Duration,
        "10s",
        "how long a leader works on without renewing",
    ),
    live(LEADER, "leader-election-retry-period", Duration, "5s", "pause between attempts to lead or renew"),
    live(LEADER, "leader-election-labels", Text, "", "labels of the Lease, as key:value,key:value"),
    live(OBSERVE, "http-endpoint", Text, "", "address to serve metrics and health on, such as :8080"),
    live(OBSERVE, "metrics-address", Text, "", "older name of --http-endpoint"),
    live(OBSERVE, "metrics-path", Text, "/metrics", "path of the metrics"),
    live(LOGGING, "v", Int, "0", "how much to log: 0 warnings, 2 events, 4 details, 5 driver calls"),
    live(LOGGING, "logging-format", Text, "text", "text or json"),
    klog("vmodule", Text, "levels by file"),
    klog("logtostderr", Bool, "log to stderr"),
    klog("alsologtostderr", Bool, "log to stderr too"),
    klog("stderrthreshold", Text, "level for stderr"),
    klog("log_dir", Text, "directory of log files"),
    klog("log_file", Text, "a log file"),
    klog("log_file_max_size", Int, "size of a log file"),
    klog("skip_headers", Bool, "lines without headers"),
    klog("skip_log_headers", Bool, "files without headers"),
    klog("add_dir_header", Bool, "directories in headers"),
    klog("one_output", Bool, "one level a file"),
    klog("log_backtrace_at", Text, "stack traces at a line"),
    klog("log-flush-frequency", Duration, "pause between flushes"),
    klog("log-text-split-stream", Bool, "errors to stderr, the rest to stdout"),
    klog("log-text-info-buffer-size", Text, "buffer of the text format"),
    klog("log-json-split-stream", Bool, "errors to stderr, the rest to stdout"),
    klog("log-json-info-buffer-size", Text, "buffer of the json format"),
    live(OTHER, "automaxprocs", Bool, "false", "accepted; threads follow the work, not the cores"),
    live(OTHER, "version", Bool, "false", "print name and version"),
    live(OTHER, "help", Bool, "false", "print this"),
    retired(
        "enable-volume-group-snapshots",
        Bool,
        "it sets the gate; write --feature-gates=CSIVolumeGroupSnapshot=true|false",
    ),
    retired("leader-election-type", Text, "the lock is a Lease, always"),
    retired("connection-timeout", Duration, "the driver is waited for as long as it takes"),
    retired("snapshotter", Text, "the driver says its name itself"),
    retired("create-snapshotcontent-retrycount", Int, "the sidecar creates no contents any more"),
    retired("create-snapshotcontent-interval", Duration, "the sidecar creates no contents any more"),
];

/// Environment variables that are read, each with what it is for. Those of proxies may be in small letters too.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("NODE_NAME", "node to look after, with --node-deployment"),
    ("POD_NAMESPACE", "namespace of the Lease, where --leader-election-namespace is not given"),
    ("HTTPS_PROXY", "proxy to the API server"),
    ("NO_PROXY", "hosts that are asked without a proxy"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, if they are built in; without it, nowhere"),
];

/// Every flag, in the order of the help text.
#[must_use]
pub fn flags() -> &'static [Flag] {
    FLAGS
}

/// The flag of a name; `h` is short for `help`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Flag> {
    let name = if name == "h" { "help" } else { name };
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The flag whose name is most like this one, if any is like it.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let name: String = name.chars().take(64).collect();
    let (distance, nearest) = FLAGS.iter().map(|flag| (distance(&name, flag.name), flag.name)).min()?;
    (distance <= 3 && distance * 2 < nearest.len()).then_some(nearest)
}

/// How many characters have to be added, dropped or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
