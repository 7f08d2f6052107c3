//! The `process_*` metrics of the Prometheus clients, read from `/proc/self`.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Opts};

use super::register::{MetricsError, whole};

/// `USER_HZ`: 100 ticks per second on every platform that Kubernetes runs on.
const TICKS: f64 = 100.0;
/// What the Go client shows for an absent limit: the largest 64-bit number.
const UNLIMITED: f64 = 18_446_744_073_709_551_615.0;

const METRICS: [(&str, &str); 9] = [
    ("process_cpu_seconds_total", "User and system CPU time spent, in seconds."),
    ("process_open_fds", "Open file descriptors."),
    ("process_max_fds", "Most file descriptors that may be open."),
    ("process_virtual_memory_bytes", "Virtual memory, in bytes."),
    ("process_virtual_memory_max_bytes", "Most virtual memory that may be had, in bytes."),
    ("process_resident_memory_bytes", "Resident memory, in bytes."),
    ("process_start_time_seconds", "Start of the process, in seconds since the epoch."),
    (
        "process_network_receive_bytes_total",
        "Bytes received over the network by the process's network namespace.",
    ),
    (
        "process_network_transmit_bytes_total",
        "Bytes sent over the network by the process's network namespace.",
    ),
];

/// Updated at every scrape. A file that cannot be read leaves its values unchanged.
pub(super) struct ProcessMetrics(Vec<Gauge>);

impl ProcessMetrics {
    pub(super) fn new() -> Result<Self, MetricsError> {
        let gauges = METRICS.iter().map(|(name, help)| Gauge::with_opts(Opts::new(*name, *help)));
        Ok(Self(gauges.collect::<Result<_, _>>()?))
    }
}

/// The values in the order of [`METRICS`].
fn values() -> [Option<f64>; 9] {
    let stat = read("/proc/self/stat");
    // Field 2 of proc(5) is the command in parentheses. It may itself contain spaces and parentheses, so field 3 follows
    // the last `)`.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let fields: Vec<f64> = fields.map(|field| field.parse().unwrap_or(0.0)).collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let (limits, net) = (read("/proc/self/limits"), read("/proc/self/net/netstat"));
    // One of the open files is the directory itself.
    let open = fs::read_dir("/proc/self/fd").ok().map(|open| whole(open.count().saturating_sub(1)));
    let boot = number_after(&read("/proc/stat"), "btime");
    [
        field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS),
        open,
        limit(&limits, "Max open files"),
        field(23),
        limit(&limits, "Max address space"),
        number_after(&read("/proc/self/status"), "VmRSS:").map(|kib| kib * 1024.0),
        boot.zip(field(22)).map(|(boot, ticks)| boot + ticks / TICKS),
        extended_ip(&net, "InOctets"),
        extended_ip(&net, "OutOctets"),
    ]
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.0.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (gauge, value) in self.0.iter().zip(values()) {
            if let Some(value) = value {
                gauge.set(value);
            }
        }
        let mut families: Vec<_> = self.0.iter().flat_map(Collector::collect).collect();
        for family in &mut families {
            if family.name().ends_with("_total") {
                as_counter(family);
            }
        }
        families
    }
}

/// Turns a gauge into a counter, since the library's counters cannot be set to a value.
fn as_counter(family: &mut MetricFamily) {
    family.set_field_type(prometheus::proto::MetricType::COUNTER);
    for metric in family.mut_metric() {
        let mut counter = prometheus::proto::Counter::default();
        counter.set_value(metric.get_gauge().get_value());
        metric.set_counter(counter);
    }
}

/// The text of a file, empty if it cannot be read.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number_after(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The soft limit in a row of `/proc/self/limits`.
fn limit(limits: &str, row: &str) -> Option<f64> {
    let value = limits.lines().find_map(|line| line.strip_prefix(row))?;
    match value.split_whitespace().next()? {
        "unlimited" => Some(UNLIMITED),
        number => number.parse().ok(),
    }
}

/// A value of the two `IpExt` rows, the first with names and the second with numbers.
fn extended_ip(net: &str, name: &str) -> Option<f64> {
    let mut rows = net.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, numbers) = (rows.next()?, rows.next()?);
    let place = names.split_whitespace().position(|column| column == name)?;
    numbers.split_whitespace().nth(place)?.parse().ok()
}
