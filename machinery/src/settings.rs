//! Settings that all programs share, read from their flags and checked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::cli::{Flag, Given, Page, Table, UsageError, default, help};
use crate::logging::{Log, LogFormat};
use crate::serve::{Listen, is_health};
use crate::{
    cluster::limit::Rate, lead::Timing, lead::election::Election, process::Program, queue::backoff::Backoff,
};

pub mod flags;

use flags as flag;

/// A setting, or what is wrong with it.
pub type Checked<T> = Result<T, UsageError>;
/// Looks up an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// klog's highest level.
const HIGHEST_LEVEL: i64 = 10;
/// More passes at once than this help no API server and no driver. Real charts use up to 250.
const MOST_WORKERS: usize = 1024;

/// What the command line asks for.
#[derive(Debug)]
pub enum Command<S> {
    /// Run with these settings.
    Run(Box<S>),
    /// Print this text and exit 0.
    Print(String),
}

/// What a program tells of itself, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// `-v`, `--logging-format`.
    pub log: Log,
    /// OTEL_EXPORTER_OTLP_ENDPOINT, if it is set.
    pub traces: Option<String>,
    /// Warnings about flags, to be logged once logging is set up.
    pub warnings: Vec<String>,
}

/// Parses the arguments after the program's name; `read` makes the settings of the flags.
///
/// # Errors
/// [`UsageError`], one line that names the mistake. The exit code is 2.
pub fn parse<S>(
    program: Program,
    (page, table): (Page, Table),
    words: impl IntoIterator<Item = OsString>,
    read: impl FnOnce(&Given) -> Checked<S>,
) -> Checked<Command<S>> {
    let given = Given::read(table, words)?;
    if given.get(&flag::HELP) {
        return Ok(Command::Print(help(page, table)));
    }
    if given.get(&flag::VERSION) {
        return Ok(Command::Print(format!("{} {}\n", program.name, program.version)));
    }
    read(&given).map(|settings| Command::Run(Box::new(settings)))
}

/// The error for a value out of range; `why` says what to write.
pub fn bad<T>(flag: &Flag<T>, value: impl std::fmt::Display, why: impl Into<String>) -> UsageError {
    UsageError::Value { name: flag.spec.name, value: value.to_string(), why: why.into() }
}

/// The error for flags that conflict, or need another one.
///
/// # Errors
/// Always.
pub fn combination<T>(text: impl Into<String>) -> Checked<T> {
    Err(UsageError::Combination(text.into()))
}

/// Reads a duration that must not be zero.
///
/// # Errors
/// It is zero.
pub fn above_zero(given: &Given, flag: &Flag<Duration>) -> Checked<Duration> {
    let duration = given.get(flag);
    if duration.is_zero() {
        let why = format!("it must be above zero (default {})", flag.spec.default);
        return Err(bad(flag, "0", why));
    }
    Ok(duration)
}

/// `--retry-interval-*`.
///
/// # Errors
/// One of them is zero.
pub fn retry(given: &Given) -> Checked<Backoff> {
    let start = above_zero(given, &flag::RETRY_START)?;
    let max = above_zero(given, &flag::RETRY_MAX)?;
    // Some manifests set only one of the two: a smaller maximum limits the first pause, too.
    Ok(Backoff { start: start.min(max), max })
}

/// `--kube-api-*`. As in client-go, 0 means the default, and a negative rate means no limit.
///
/// # Errors
/// The burst is negative or too large.
pub fn rate(given: &Given) -> Checked<Rate> {
    let (mut qps, mut burst) = (given.get(&flag::KUBE_API_QPS), given.get(&flag::KUBE_API_BURST));
    if qps == 0.0 {
        qps = default(&flag::KUBE_API_QPS);
    }
    if burst == 0 {
        burst = default(&flag::KUBE_API_BURST);
    }
    let burst = u32::try_from(burst)
        .map_err(|_| bad(&flag::KUBE_API_BURST, burst, "write a number above zero, or 0 for the default"))?;
    Ok(Rate { qps, burst })
}

/// `--leader-election*`; `None` if it is off. The namespace is the flag's, else that of POD_NAMESPACE.
///
/// # Errors
/// The three times contradict each other, or the namespace or a label is invalid.
pub fn election(given: &Given, env: Env<'_>) -> Checked<Option<Election>> {
    if !given.get(&flag::LEADER_ELECTION) {
        return Ok(None);
    }
    let lease_duration = above_zero(given, &flag::LEASE_DURATION)?;
    let renew_deadline = above_zero(given, &flag::RENEW_DEADLINE)?;
    let retry_period = above_zero(given, &flag::RETRY_PERIOD)?;
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
        return Err(bad(&flag::LEASE_DURATION, format!("{lease_duration:?}"), why));
    }
    if renew_deadline <= retry_period.saturating_mul(6) / 5 {
        return combination(format!(
            "--leader-election-renew-deadline ({renew_deadline:?}) must be more than 1.2 times \
             --leader-election-retry-period ({retry_period:?}), as client-go demands"
        ));
    }
    let from_env = || env("POD_NAMESPACE").filter(|text| !text.is_empty());
    let namespace = given.non_empty(&flag::LEADER_ELECTION_NAMESPACE);
    if let Some(odd) = namespace.as_ref().filter(|name| !is_namespace(name)) {
        // Kubernetes leaves $(NAME) as it stands where the container has no such variable.
        let why =
            "it is no name of a namespace; a $(NAME) needs the variable NAME in the env of the container";
        return Err(bad(&flag::LEADER_ELECTION_NAMESPACE, odd, why));
    }
    Ok(Some(Election {
        namespace: namespace.or_else(from_env),
        timing: Timing { lease_duration: whole, renew_deadline, retry_period },
        labels: labels(given)?,
    }))
}

/// Whether a text may be the name of a namespace, which is a DNS label.
fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// Rounds down to what followers see: a Lease holds whole seconds as an `i32`.
fn whole_seconds(given: Duration) -> Checked<Duration> {
    let seconds = i32::try_from(given.as_secs()).ok().filter(|seconds| *seconds > 0);
    let why = format!("a Lease counts in whole seconds: write 1s to {}s", i32::MAX);
    let seconds = seconds.ok_or_else(|| bad(&flag::LEASE_DURATION, format!("{given:?}"), why))?;
    Ok(Duration::from_secs(u64::from(seconds.unsigned_abs())))
}

fn labels(given: &Given) -> Checked<BTreeMap<String, String>> {
    let text = given.get(&flag::LEADER_ELECTION_LABELS);
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
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
        .ok_or_else(|| bad(&flag::LEADER_ELECTION_LABELS, &text, "write label:value,label:value"))
}

/// `--http-endpoint` or `--metrics-address`, and `--metrics-path`; `None` if no address is set.
///
/// # Errors
/// Both addresses are set, or the address or the path is invalid.
pub fn endpoint(given: &Given) -> Checked<Option<Listen>> {
    let (endpoint, older) = (given.get(&flag::HTTP_ENDPOINT), given.get(&flag::METRICS_ADDRESS));
    if !endpoint.is_empty() && !older.is_empty() {
        return combination("--http-endpoint and --metrics-address are the same thing: set one of them");
    }
    let (named, address) =
        if endpoint.is_empty() { (&flag::METRICS_ADDRESS, older) } else { (&flag::HTTP_ENDPOINT, endpoint) };
    if address.is_empty() {
        return Ok(None);
    }
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        return Err(bad(named, &address, "write host:port, or :port for every address"));
    }
    let metrics_path = given.get(&flag::METRICS_PATH);
    if !metrics_path.starts_with('/') {
        return Err(bad(&flag::METRICS_PATH, &metrics_path, "it must begin with /"));
    }
    if is_health(&metrics_path) {
        return Err(bad(&flag::METRICS_PATH, &metrics_path, "health is served there"));
    }
    Ok(Some(Listen { address, metrics_path }))
}

/// The pairs of a flag such as `--feature-gates`, in their order: name, and whether it is on.
///
/// # Errors
/// A pair is not `name=true` or `name=false`, in any of Go's spellings.
pub fn gates(given: &Given, flag: &Flag<String>) -> Checked<Vec<(String, bool)>> {
    let text = given.get(flag);
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let parts = pair.split_once('=').map(|(gate, value)| (gate.trim().to_owned(), value.trim()));
            match parts {
                Some((gate, "true" | "True" | "TRUE" | "t" | "T" | "1")) => Ok((gate, true)),
                Some((gate, "false" | "False" | "FALSE" | "f" | "F" | "0")) => Ok((gate, false)),
                Some(_) | None => Err(bad(flag, pair, format!("write name=true|false: {}", flag.spec.help))),
            }
        })
        .collect()
}

/// `--worker-threads`, with the program's own default and help.
///
/// # Errors
/// It is zero, negative or too large.
pub fn workers(given: &Given, flag: &Flag<i64>) -> Checked<NonZeroUsize> {
    let number = given.get(flag);
    let workers = usize::try_from(number).ok().filter(|workers| *workers <= MOST_WORKERS);
    workers
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| bad(flag, number, format!("write a number from 1 to {MOST_WORKERS}")))
}

/// The log and the traces.
///
/// # Errors
/// The format of the log is unknown.
pub fn diagnostics(given: &Given, env: Env<'_>, table: Table) -> Checked<Diagnostics> {
    let traces = env("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty());
    Ok(Diagnostics { log: log(given)?, traces, warnings: given.warnings(table) })
}

fn log(given: &Given) -> Checked<Log> {
    // klog accepts any number.
    let level = u8::try_from(given.get(&flag::V).clamp(0, HIGHEST_LEVEL)).unwrap_or_default();
    let format = match given.get(&flag::LOGGING_FORMAT).as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => return Err(bad(&flag::LOGGING_FORMAT, other, "write text or json")),
    };
    Ok(Log { level, format })
}
