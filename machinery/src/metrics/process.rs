//! The `process_*` metrics of the Prometheus clients, read from `/proc/self`.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Opts};

use super::register::MetricsError;

/// `USER_HZ`: 100 ticks per second on every platform that Kubernetes runs on.
const TICKS: f64 = 100.0;
/// What the Go client shows for an absent limit: the largest 64-bit number.
const UNLIMITED: f64 = 18_446_744_073_709_551_615.0;

/// Updated at every scrape. A file that cannot be read leaves its values unchanged.
pub(super) struct ProcessMetrics {
    cpu: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    virtual_memory: Gauge,
    virtual_memory_max: Gauge,
    resident_memory: Gauge,
    start_time: Gauge,
    received: Gauge,
    sent: Gauge,
}

impl ProcessMetrics {
    pub(super) fn new() -> Result<Self, MetricsError> {
        let gauge = |name: &str, help: &str| Gauge::with_opts(Opts::new(name, help));
        Ok(Self {
            cpu: gauge("process_cpu_seconds_total", "User and system CPU time spent, in seconds.")?,
            open_fds: gauge("process_open_fds", "Open file descriptors.")?,
            max_fds: gauge("process_max_fds", "Most file descriptors that may be open.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.")?,
            virtual_memory_max: gauge(
                "process_virtual_memory_max_bytes",
                "Most virtual memory that may be had, in bytes.",
            )?,
            resident_memory: gauge("process_resident_memory_bytes", "Resident memory, in bytes.")?,
            start_time: gauge(
                "process_start_time_seconds",
                "Start of the process, in seconds since the epoch.",
            )?,
            received: gauge(
                "process_network_receive_bytes_total",
                "Bytes received over the network by the process's network namespace.",
            )?,
            sent: gauge(
                "process_network_transmit_bytes_total",
                "Bytes sent over the network by the process's network namespace.",
            )?,
        })
    }

    fn all(&self) -> [&Gauge; 9] {
        [
            &self.cpu,
            &self.open_fds,
            &self.max_fds,
            &self.virtual_memory,
            &self.virtual_memory_max,
            &self.resident_memory,
            &self.start_time,
            &self.received,
            &self.sent,
        ]
    }

    fn read(&self) {
        if let Some(stat) = read("/proc/self/stat") {
            self.read_stat(&stat);
        }
        if let Some(status) = read("/proc/self/status") {
            set(&self.resident_memory, number_after(&status, "VmRSS:").map(|kib| kib * 1024.0));
        }
        if let Some(limits) = read("/proc/self/limits") {
            set(&self.max_fds, limit(&limits, "Max open files"));
            set(&self.virtual_memory_max, limit(&limits, "Max address space"));
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // One of them is the open directory itself.
            let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
            self.open_fds.set(f64::from(open.saturating_sub(1)));
        }
        if let Some(net) = read("/proc/self/net/netstat") {
            set(&self.received, extended_ip(&net, "InOctets"));
            set(&self.sent, extended_ip(&net, "OutOctets"));
        }
    }

    /// Field 2 of proc(5) is the command in parentheses. It may itself contain spaces and parentheses, so field 3
    /// follows the last `)`.
    fn read_stat(&self, stat: &str) {
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        let field = |number: usize| fields.get(number - 3).copied();
        if let (Some(user), Some(system)) = (field(14), field(15)) {
            self.cpu.set((user + system) / TICKS);
        }
        set(&self.virtual_memory, field(23));
        let boot = read("/proc/stat").and_then(|stat| number_after(&stat, "btime"));
        set(&self.start_time, boot.zip(field(22)).map(|(boot, ticks)| boot + ticks / TICKS));
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        let mut families: Vec<_> = self.all().into_iter().flat_map(Collector::collect).collect();
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

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn set(gauge: &Gauge, value: Option<f64>) {
    if let Some(value) = value {
        gauge.set(value);
    }
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
