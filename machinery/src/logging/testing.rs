//! For tests: captures the log lines of the current thread.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::lines::{Log, LogFormat, lines};
use crate::process::Program;

/// Collects log lines. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl LogBuffer {
    /// The lines so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Captures what this thread logs until the guard is dropped.
#[must_use]
pub fn listen(program: Program, level: u8, format: LogFormat) -> (LogBuffer, DefaultGuard) {
    let sink = LogBuffer::default();
    let lines = lines(program, Log { level, format }, sink.clone());
    (sink, capture(tracing_subscriber::registry().with(lines)))
}

/// Two subscribers that enable everything, for as long as the tests run.
static ALWAYS_INTERESTED: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));

/// Makes `subscriber` this thread's until the guard is dropped, without missing an event.
///
/// tracing caches for each callsite whether any subscriber is interested. With a single subscriber it asks only the
/// thread that reaches the callsite first, which may belong to another test without a subscriber: then the callsite
/// stays disabled. With several it asks all of them, so two that are always interested keep it enabled.
pub(crate) fn capture(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    LazyLock::force(&ALWAYS_INTERESTED);
    tracing::subscriber::set_default(subscriber)
}
