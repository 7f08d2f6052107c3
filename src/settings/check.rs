//! The rules between flags: legal ranges, and what goes with what.

use machinery::logging::{Log, LogFormat};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::read::Flags;
use super::{Api, Election, Gates, Listen, Retry, SnapshotName};
use crate::cli::table::find;
use crate::cli::{Given, UsageError};
use machinery::serve::is_health;

type Checked<T> = Result<T, UsageError>;
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// More passes at once than this help no driver, and each may hold a reply in memory. Real charts go up to 250.
const MOST_WORKERS: usize = 1024;
/// Characters in a uid without its dashes.
const UUID_LENGTH: i64 = 32;
/// The highest level klog knows.
const HIGHEST_LEVEL: i64 = 10;

fn bad(name: &'static str, value: impl std::fmt::Display, why: impl Into<String>) -> UsageError {
    UsageError::Value { name, value: value.to_string(), why: why.into() }
}

fn combination<T>(text: impl Into<String>) -> Checked<T> {
    Err(UsageError::Combination(text.into()))
}

pub(super) fn above_zero(flags: &Flags<'_>, name: &'static str) -> Checked<Duration> {
    let duration = flags.duration(name);
    if duration.is_zero() {
        let default = find(name).map_or("", |flag| flag.default);
        return Err(bad(name, "0", format!("it must be above zero (default {default})")));
    }
    Ok(duration)
}

pub(super) fn socket(flags: &Flags<'_>) -> Checked<PathBuf> {
    let name = "csi-address";
    let given = flags.text(name);
    let path = given.strip_prefix("unix://").unwrap_or(&given);
    if path.is_empty() || path.contains("://") || path.starts_with("unix:") {
        return Err(bad(name, &given, "write a path, or unix:// and a path"));
    }
    Ok(PathBuf::from(path))
}

pub(super) fn workers(flags: &Flags<'_>) -> Checked<NonZeroUsize> {
    let name = "worker-threads";
    let given = flags.int(name);
    let workers = usize::try_from(given).ok().filter(|workers| *workers <= MOST_WORKERS);
    workers
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| bad(name, given, format!("write a number from 1 to {MOST_WORKERS}")))
}

pub(super) fn retry(flags: &Flags<'_>) -> Checked<Retry> {
    let start = above_zero(flags, "retry-interval-start")?;
    let max = above_zero(flags, "retry-interval-max")?;
    // Manifests set one of the two alone: the maximum counts from the first pause on.
    Ok(Retry { start: start.min(max), max })
}

pub(super) fn name(flags: &Flags<'_>, prefix: &'static str, length: &'static str) -> Checked<SnapshotName> {
    let given = flags.text(prefix);
    if given.is_empty() {
        return Err(bad(prefix, "", "it must not be empty: the storage would hold snapshots of nobody"));
    }
    let uuid_length = match flags.int(length) {
        -1 => None,
        // 0 would give every snapshot one name, and the driver would hand out one snapshot for all of them.
        cut @ 1..=UUID_LENGTH => u8::try_from(cut).ok(),
        other => {
            return Err(bad(length, other, format!("write 1 to {UUID_LENGTH}, or -1 for the whole uid")));
        }
    };
    Ok(SnapshotName { prefix: given, uuid_length })
}

/// As with client-go, 0 means the default, and a negative rate no limit.
pub(super) fn api(flags: &Flags<'_>) -> Checked<Api> {
    let (mut qps, mut burst) = (flags.float("kube-api-qps"), flags.int("kube-api-burst"));
    let defaults = Given::default();
    let defaults = Flags(&defaults);
    if qps == 0.0 {
        qps = defaults.float("kube-api-qps");
    }
    if burst == 0 {
        burst = defaults.int("kube-api-burst");
    }
    let burst = u32::try_from(burst)
        .map_err(|_| bad("kube-api-burst", burst, "write a number above zero, or 0 for the default"))?;
    Ok(Api { qps, burst })
}

pub(super) fn node(flags: &Flags<'_>, env: Env<'_>) -> Checked<Option<String>> {
    if !flags.bool("node-deployment") {
        return Ok(None);
    }
    match env("NODE_NAME").filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(name)),
        None => {
            combination("--node-deployment needs the environment variable NODE_NAME (from spec.nodeName)")
        }
    }
}

pub(super) fn gates(flags: &Flags<'_>) -> Checked<Gates> {
    let name = "feature-gates";
    let given = flags.text(name);
    let retired = "enable-volume-group-snapshots";
    let groups = if flags.has(retired) { flags.bool(retired) } else { true };
    let mut gates = Gates { groups, release_on_exit: true };
    for pair in given.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let known = "write CSIVolumeGroupSnapshot=true|false or ReleaseLeaderElectionOnExit=true|false";
        let value = match pair.split_once('=').map(|(gate, value)| (gate.trim(), value.trim())) {
            Some((gate, "true" | "True" | "TRUE" | "t" | "T" | "1")) => (gate, true),
            Some((gate, "false" | "False" | "FALSE" | "f" | "F" | "0")) => (gate, false),
            Some(_) | None => return Err(bad(name, pair, known)),
        };
        match value {
            ("CSIVolumeGroupSnapshot", on) => gates.groups = on,
            ("ReleaseLeaderElectionOnExit", on) => gates.release_on_exit = on,
            // Every Kubernetes program knows these two. No gate here that has an effect is alpha or beta.
            ("AllAlpha" | "AllBeta", _) => {}
            (unknown, _) => return Err(bad(name, unknown, format!("no such feature gate; {known}"))),
        }
    }
    Ok(gates)
}

pub(super) fn election(flags: &Flags<'_>, env: Env<'_>) -> Checked<Option<Election>> {
    if !flags.bool("leader-election") {
        return Ok(None);
    }
    let lease_duration = above_zero(flags, "leader-election-lease-duration")?;
    let renew_deadline = above_zero(flags, "leader-election-renew-deadline")?;
    let retry_period = above_zero(flags, "leader-election-retry-period")?;
    if !(lease_duration > renew_deadline && renew_deadline > retry_period) {
        return combination(format!(
            "--leader-election-lease-duration ({lease_duration:?}) must be longer than \
             --leader-election-renew-deadline ({renew_deadline:?}), and that longer than \
             --leader-election-retry-period ({retry_period:?})"
        ));
    }
    let whole = whole_seconds(lease_duration)?;
    if whole <= renew_deadline {
        let why = "a Lease counts in whole seconds, and those alone must be longer than the renew deadline";
        return Err(bad("leader-election-lease-duration", format!("{lease_duration:?}"), why));
    }
    let lease_duration = whole;
    if renew_deadline <= retry_period.saturating_mul(6) / 5 {
        return combination(format!(
            "--leader-election-renew-deadline ({renew_deadline:?}) must be more than 1.2 times \
             --leader-election-retry-period ({retry_period:?}), as client-go demands"
        ));
    }
    let namespace = Some(flags.text("leader-election-namespace")).filter(|text| !text.is_empty());
    let namespace = namespace.or_else(|| env("POD_NAMESPACE").filter(|text| !text.is_empty()));
    let labels = labels(flags)?;
    Ok(Some(Election { namespace, lease_duration, renew_deadline, retry_period, labels }))
}

/// A duration as it stands in a Lease: followers count whole seconds, and no more than its field holds.
fn whole_seconds(given: Duration) -> Checked<Duration> {
    let seconds = i32::try_from(given.as_secs()).ok().filter(|seconds| *seconds > 0);
    let why = format!("a Lease counts in whole seconds: write 1s to {}s", i32::MAX);
    let name = "leader-election-lease-duration";
    let seconds = seconds.ok_or_else(|| bad(name, format!("{given:?}"), why))?;
    Ok(Duration::from_secs(u64::from(seconds.unsigned_abs())))
}

fn labels(flags: &Flags<'_>) -> Checked<BTreeMap<String, String>> {
    let name = "leader-election-labels";
    let given = flags.text(name);
    let pairs = given.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once(':')?;
            let (key, value) = (key.trim(), value.trim());
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            let fits = !key.is_empty() && key.len() <= 317 && key.chars().all(legal);
            let value_fits = value.len() <= 63 && value.chars().all(|c| legal(c) && c != '/');
            (fits && value_fits).then(|| (key.to_owned(), value.to_owned()))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| bad(name, &given, "write label:value,label:value"))
}

pub(super) fn endpoint(flags: &Flags<'_>) -> Checked<Option<Listen>> {
    let (endpoint, older) = (flags.text("http-endpoint"), flags.text("metrics-address"));
    if !endpoint.is_empty() && !older.is_empty() {
        return combination("--http-endpoint and --metrics-address are the same thing: set one of them");
    }
    let (name, address) =
        if endpoint.is_empty() { ("metrics-address", older) } else { ("http-endpoint", endpoint) };
    if address.is_empty() {
        return Ok(None);
    }
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        return Err(bad(name, &address, "write host:port, or :port for every address"));
    }
    let metrics_path = flags.text("metrics-path");
    if !metrics_path.starts_with('/') {
        return Err(bad("metrics-path", &metrics_path, "it must begin with /"));
    }
    if is_health(&metrics_path) {
        return Err(bad("metrics-path", &metrics_path, "health is served there"));
    }
    Ok(Some(Listen { address, metrics_path }))
}

pub(super) fn log(flags: &Flags<'_>) -> Checked<Log> {
    // klog takes any number: one beyond what there is shows all there is.
    let level = u8::try_from(flags.int("v").clamp(0, HIGHEST_LEVEL)).unwrap_or_default();
    let format = match flags.text("logging-format").as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => return Err(bad("logging-format", other, "write text or json")),
    };
    Ok(Log { level, format })
}
