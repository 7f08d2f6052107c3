//! For tests: what the thread at hand logs.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::{Log, LogFormat};
use crate::process::Program;

/// Where lines go in a test.
#[derive(Debug, Clone, Default)]
pub struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Sink {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Keeps what this thread logs until the guard is dropped.
#[must_use]
pub fn listen(program: Program, level: u8, format: LogFormat) -> (Sink, DefaultGuard) {
    let sink = Sink::default();
    let lines = super::lines(program, Log { level, format }, sink.clone());
    (sink, hear(tracing_subscriber::registry().with(lines)))
}

/// Two who care for everything, for as long as the tests run.
static ATTENTIVE: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));

/// Makes `subscriber` this thread's, until the guard is dropped, and sees to it that it misses nothing.
///
/// At the first event of a place in the code tracing settles whether anybody cares for it, and as long as there is one
/// subscriber it asks just the thread that came by. That may be one of another test, which hears nothing, and the
/// place is mute from then on. With more than one it asks all of them, and one that always cares keeps it open.
#[must_use]
pub fn hear(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    LazyLock::force(&ATTENTIVE);
    tracing::subscriber::set_default(subscriber)
}
