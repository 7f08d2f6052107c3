//! Connections with an idle timeout.
//!
//! A timer that is reset by each read costs the runtime a wakeup each time. Here a read only notes the time, and the
//! timer is reset when it expires: about once per timeout, however much is read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::{BoxError, Service};

use super::error::TimedOut;

/// A connector with a connect timeout, whose connections have an idle timeout.
#[derive(Clone)]
pub(super) struct TimeoutConnector<C> {
    pub(super) inner: C,
    pub(super) connect: Duration,
    /// The idle timeout of reads, counted from the last read or write.
    pub(super) silence: Duration,
}

impl<C> Service<Uri> for TimeoutConnector<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send,
    C::Error: Into<BoxError>,
{
    type Response = TimeoutStream<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let (connecting, limit, silence) = (self.inner.call(server), self.connect, self.silence);
        Box::pin(async move {
            let inner = timeout(limit, connecting).await.map_err(|_| TimedOut(limit))?.map_err(Into::into)?;
            Ok(TimeoutStream { inner, silence, last_active: Instant::now(), timer: Box::pin(sleep(silence)) })
        })
    }
}

pub(super) struct TimeoutStream<S> {
    inner: S,
    silence: Duration,
    last_active: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> TimeoutStream<S> {
    /// Whether the timeout has passed; if not, this task is woken when it may have.
    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let due = self.last_active + self.silence;
            if due <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(due);
        }
        false
    }
}

impl<S: Read + Unpin> Read for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.last_active = Instant::now();
        } else if self.is_overdue(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TimedOut(self.silence))));
        }
        read
    }
}

impl<S: Write + Unpin> Write for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.last_active = Instant::now();
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.last_active = Instant::now();
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }
}

impl<S: Connection> Connection for TimeoutStream<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
