//! One connection to the socket, used once: it never reconnects by itself, and tells at once when it is gone.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::transport::Endpoint;
use tower::service_fn;

use super::session::SessionOver;
use super::wire::Wire;

/// The longest headers taken, and with them the longest text of an error: it comes there, each byte of it as up to
/// three. A driver whose text does not fit would be cut off with everything else that is under way.
const LONGEST_HEADERS: u32 = 16 << 20;

/// Opens a connection. The receiver turns true when it is gone; a call made after that fails with
/// [`SessionOver`] without reaching anybody.
pub(super) async fn open(socket: &Path) -> io::Result<(Wire, watch::Receiver<bool>)> {
    let stream = UnixStream::connect(socket).await?;
    let (gone, is_gone) = watch::channel(false);
    let once = Mutex::new(Some(Watched { stream, gone }));
    let connector = service_fn(move |_| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { stream.map(TokioIo::new).ok_or_else(|| io::Error::other(SessionOver)) }
    });
    // The address is never dialled: it only names the authority, as grpc-go names it for a unix socket.
    let channel = Endpoint::from_static("http://localhost")
        .http2_max_header_list_size(LONGEST_HEADERS)
        .connect_with_connector(connector)
        .await
        .map_err(io::Error::other)?;
    Ok((Wire(channel), is_gone))
}

/// A stream that says when it is dropped, which the connection's task does as soon as the peer is gone.
struct Watched {
    stream: UnixStream,
    gone: watch::Sender<bool>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.gone.send_replace(true);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
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
