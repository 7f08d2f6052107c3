//! One connection to the socket. It never reconnects, and reports its loss at once.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::transport::Endpoint;
use tower::service_fn;

use super::wire::Wire;

/// The limit of headers in bytes. An error text travels in them, percent-encoded to up to three times its length. A
/// text beyond the limit would close the connection, with all other calls on it.
const LONGEST_HEADERS: u32 = 16 << 20;

/// The error of a call on a connection that is gone. The call was not sent.
#[derive(Debug, Error)]
#[error("the connection to the driver is gone")]
pub(super) struct SessionOver;

/// A stream to the driver.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Where the driver is.
#[derive(Clone)]
pub struct Socket {
    /// For messages.
    pub(super) path: PathBuf,
    open: Arc<dyn Fn() -> Opening + Send + Sync>,
}

impl Socket {
    /// A driver that is reached in another way than by a Unix socket, such as one in this process.
    pub fn opened_by(open: impl Fn() -> Opening + Send + Sync + 'static) -> Self {
        Self { path: PathBuf::new(), open: Arc::new(open) }
    }
}

impl From<PathBuf> for Socket {
    fn from(path: PathBuf) -> Self {
        let to = path.clone();
        let open = move || -> Opening { Box::pin(connect(to.clone())) };
        Self { path, open: Arc::new(open) }
    }
}

async fn connect(socket: impl AsRef<Path>) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(UnixStream::connect(socket).await?))
}

/// Opens a connection. The receiver becomes true when the connection is gone. Later calls fail with [`SessionOver`] and
/// are not sent.
pub(super) async fn open(socket: &Socket) -> io::Result<(Wire, watch::Receiver<bool>)> {
    let stream = (socket.open)().await?;
    let (gone, is_gone) = watch::channel(false);
    let once = Mutex::new(Some(DropReporter { stream, gone }));
    let connector = service_fn(move |_| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { stream.map(TokioIo::new).ok_or_else(|| io::Error::other(SessionOver)) }
    });
    // The connector ignores the address. It only sets the authority, to the one that grpc-go uses for a Unix socket.
    let channel = Endpoint::from_static("http://localhost")
        .http2_max_header_list_size(LONGEST_HEADERS)
        .connect_with_connector(connector)
        .await
        .map_err(io::Error::other)?;
    Ok((Wire(channel), is_gone))
}

/// A stream that reports its drop. The connection's task drops it as soon as the peer is gone.
struct DropReporter {
    stream: Box<dyn Stream>,
    gone: watch::Sender<bool>,
}

impl Drop for DropReporter {
    fn drop(&mut self) {
        self.gone.send_replace(true);
    }
}

impl AsyncRead for DropReporter {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for DropReporter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
