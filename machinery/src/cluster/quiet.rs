//! Connections that are given up when nothing comes for too long.
//!
//! A timer that is set anew with each read wakes the runtime each time. Here a read only notes the time, and the timer is
//! looked at when it has run out: it is set anew about once in each limit, however much is read.

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

/// A connector whose connections have to be made, and to answer, in time.
#[derive(Clone)]
pub(super) struct Impatient<C> {
    pub(super) inner: C,
    /// For the making of one.
    pub(super) connect: Duration,
    /// For each read to bring something, counted from the last read or write.
    pub(super) silence: Duration,
}

impl<C> Service<Uri> for Impatient<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send,
    C::Error: Into<BoxError>,
{
    type Response = Stream<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let (connecting, limit, silence) = (self.inner.call(server), self.connect, self.silence);
        Box::pin(async move {
            let inner = timeout(limit, connecting).await.map_err(|_| TimedOut(limit))?.map_err(Into::into)?;
            Ok(Stream { inner, silence, heard: Instant::now(), timer: Box::pin(sleep(silence)) })
        })
    }
}

/// A connection whose silence is bounded.
pub(super) struct Stream<S> {
    inner: S,
    silence: Duration,
    /// When something was last read or written.
    heard: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> Stream<S> {
    /// Whether nothing has come for too long; if not, this task is woken when that may be so.
    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let due = self.heard + self.silence;
            if due <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(due);
        }
        false
    }
}

impl<S: Read + Unpin> Read for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.heard = Instant::now();
        } else if self.is_overdue(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TimedOut(self.silence))));
        }
        read
    }
}

impl<S: Write + Unpin> Write for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard = Instant::now();
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
        self.heard = Instant::now();
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }
}

impl<S: Connection> Connection for Stream<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
