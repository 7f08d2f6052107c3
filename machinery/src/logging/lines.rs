//! Logs to stderr in klog's format or as JSON, one line per event.
//!
//! Logs of dependencies are dropped: kube logs whole bodies that do not parse, even those of Secrets.

use std::fmt::{self, Write};
use std::io;
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::{clock, process::Program};

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

/// A layer that collects spans.
pub type Spans = Box<dyn Layer<Registry> + Send + Sync>;

/// Settings of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// klog's verbosity, 0 to 10.
    pub level: u8,
    /// Format of a line.
    pub format: LogFormat,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// klog's text format.
    Text,
    /// One JSON object per line.
    Json,
}

/// Sets up logging, of panics too, and the layer for spans if there is one. A second call changes nothing.
pub fn init(program: Program, log: Log, spans: Option<Spans>) {
    std::panic::set_hook(Box::new(log_panic));
    // An error means that there is a subscriber already, as in tests.
    let _ = match spans {
        None => set_global_default(tracing_subscriber::registry().with(lines(program, log, io::stderr))),
        Some(spans) => {
            let registry = tracing_subscriber::registry().with(spans);
            set_global_default(registry.with(lines(program, log, io::stderr)))
        }
    };
}

/// The layer that writes our events. It disables spans, so that none is created on its behalf.
pub(super) fn lines<S, W>(program: Program, log: Log, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let threshold = threshold(log.level);
    let enabled = filter_fn(move |metadata| {
        metadata.is_event() && program.owns(metadata) && *metadata.level() <= threshold
    });
    tracing_subscriber::fmt::layer()
        .event_format(Lines { program: program.name, format: log.format })
        .log_internal_errors(false)
        .with_writer(writer)
        // With the hint, most events of dependencies are skipped without a call of the filter.
        .with_filter(enabled.with_max_level_hint(threshold))
}

/// Logs a panic as one line: the standard library would print several, and no JSON.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let text = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(place, "panic, please report this as a bug: {text}");
}

/// Maps klog's verbosity to tracing's levels.
fn threshold(level: u8) -> LevelFilter {
    match level {
        0 | 1 => LevelFilter::WARN,
        2 | 3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

struct Lines {
    program: &'static str,
    format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let line = match self.format {
            LogFormat::Text => fields.text(self.program, *event.metadata().level()),
            LogFormat::Json => fields.json(*event.metadata().level()),
        };
        writeln!(writer, "{line}")
    }
}

/// The message of an event, and its other fields.
#[derive(Default)]
struct EventFields {
    message: String,
    rest: Vec<(&'static str, Value)>,
}

impl EventFields {
    /// `W1123 05:11:51.791432 16674 program] "message" key="value"`
    fn text(&self, program: &str, level: Level) -> String {
        let letter = match level {
            Level::ERROR => 'E',
            Level::WARN => 'W',
            Level::INFO | Level::DEBUG | Level::TRACE => 'I',
        };
        let now = clock::now().to_zoned(TimeZone::UTC);
        let mut line = format!(
            "{letter}{} {} {program}] {:?}",
            now.strftime("%m%d %H:%M:%S%.6f"),
            std::process::id(),
            self.message
        );
        for (key, value) in &self.rest {
            // Unlike JSON, `Debug` escapes all characters that are not printable.
            let _ = match value.as_str() {
                Some(text) => write!(line, " {key}={text:?}"),
                None => write!(line, " {key}={value}"),
            };
        }
        line
    }

    fn json(self, level: Level) -> String {
        let mut object = Map::new();
        object.insert("ts".into(), milliseconds(clock::now()).into());
        object.insert("level".into(), level.as_str().to_ascii_lowercase().into());
        object.insert("msg".into(), self.message.into());
        for (key, value) in self.rest {
            object.entry(key).or_insert(value);
        }
        printable(&Value::Object(object).to_string())
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", other) => self.message = other.to_string(),
            (name, value) => self.rest.push((name, value)),
        }
    }
}

/// Escapes characters that a terminal may interpret as a command, a line break or a change of direction. In JSON they
/// occur only in strings.
fn printable(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Milliseconds since the epoch, as the `ts` of Kubernetes' JSON logs.
fn milliseconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64() * 1000.0
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}
