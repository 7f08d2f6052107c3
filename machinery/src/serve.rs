//! The HTTP endpoint for metrics and health.
//!
//! | path | answer |
//! |---|---|
//! | the metrics path | the metrics as text |
//! | `/healthz/leader-election`, `/healthz`, `/livez` | 200, or 500 if the renewal of the lease is overdue |
//! | `/readyz` | 200, or 500 while the work cannot go on, such as before the first lists are complete |
//! | anything else | 404 |

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, ALLOW, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::debug;

use crate::leadership::Leadership;
use crate::metrics::{BaseMetrics, CONTENT_TYPE};

const HEALTH: [&str; 3] = ["/healthz/leader-election", "/healthz", "/livez"];
const READY: &str = "/readyz";
/// Connections served at once; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// How long a client may take to send the head of its request.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// The pause after an accept failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Settings of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Host and port, or `:port`.
    pub address: String,
    /// Path of the metrics; begins with `/`.
    pub metrics_path: String,
}

/// A health check; the error is one line.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The content to serve. No function may block.
pub struct Pages {
    lease: Check,
    ready: Check,
    metrics: Box<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>,
}

impl Pages {
    /// The pages of a program that stands for election by this leadership.
    pub fn new(
        leadership: &Leadership,
        metrics: BaseMetrics,
        ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let leadership = leadership.clone();
        Self {
            lease: Box::new(move || leadership.health().map_err(|overdue| overdue.to_string())),
            ready: Box::new(ready),
            metrics: Box::new(move || metrics.text().map_err(|defect| defect.to_string())),
        }
    }
}

/// The endpoint cannot listen on its address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for metrics and health; is another process using it?")]
pub struct BindError {
    address: String,
    #[source]
    cause: io::Error,
}

/// An endpoint that listens but does not answer yet.
pub struct Endpoint {
    listener: TcpListener,
    metrics_path: String,
}

impl Endpoint {
    /// Listens on `host:port`, where the host may be a name, or on all addresses for `:port`.
    ///
    /// # Errors
    /// [`BindError`] if the address is invalid or in use.
    pub async fn bind(address: &str, metrics_path: &str) -> Result<Self, BindError> {
        let bound = match address.strip_prefix(':') {
            // Without IPv6 on the host, only the IPv4 wildcard address works.
            Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind(format!("0.0.0.0:{port}")).await
                }
                bound => bound,
            },
            None => TcpListener::bind(address).await,
        };
        let listener = bound.map_err(|cause| BindError { address: address.to_owned(), cause })?;
        Ok(Self { listener, metrics_path: metrics_path.to_owned() })
    }

    /// The bound address.
    ///
    /// # Errors
    /// The operating system reports an error.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` resolves; open connections are closed then.
    pub async fn serve(self, pages: Pages, stop: impl Future<Output = ()>) {
        let site = Arc::new(Site { metrics_path: self.metrics_path, pages });
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        let accept = async {
            loop {
                let Ok(place) = places.clone().acquire_owned().await else {
                    return;
                };
                while connections.try_join_next().is_some() {}
                match self.listener.accept().await {
                    Ok((stream, _)) => {
                        let site = site.clone();
                        connections.spawn(async move {
                            let answer = service_fn(|request: Request<Incoming>| {
                                let answer = site.answer(request.method(), request.uri().path());
                                async { Ok::<_, Infallible>(answer) }
                            });
                            let served = http1::Builder::new()
                                .timer(TokioTimer::new())
                                .header_read_timeout(HEADER_WITHIN)
                                .serve_connection(TokioIo::new(stream), answer)
                                .await;
                            if let Err(error) = served {
                                debug!(%error, "a connection to the metrics endpoint ended early");
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        debug!(%error, "a connection to the metrics endpoint was not accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
    }
}

pub(crate) fn is_health(path: &str) -> bool {
    HEALTH.contains(&path) || path == READY
}

struct Site {
    metrics_path: String,
    pages: Pages,
}

type HttpAnswer = Response<Full<Bytes>>;

impl Site {
    fn answer(&self, method: &Method, path: &str) -> HttpAnswer {
        if path == self.metrics_path {
            return read_only(method, || match (self.pages.metrics)() {
                Ok(text) => answer(StatusCode::OK, CONTENT_TYPE, text.into()),
                Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error),
            });
        }
        match path {
            _ if HEALTH.contains(&path) => read_only(method, || checked(&self.pages.lease)),
            READY => read_only(method, || checked(&self.pages.ready)),
            _ => plain(StatusCode::NOT_FOUND, "404 page not found"),
        }
    }
}

fn read_only(method: &Method, read: impl FnOnce() -> HttpAnswer) -> HttpAnswer {
    if [Method::GET, Method::HEAD].contains(method) {
        return read();
    }
    let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
    refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    refused
}

fn checked(check: &Check) -> HttpAnswer {
    match check() {
        Ok(()) => plain(StatusCode::OK, "ok"),
        Err(problem) => plain(StatusCode::INTERNAL_SERVER_ERROR, &problem),
    }
}

fn plain(status: StatusCode, line: &str) -> HttpAnswer {
    answer(status, "text/plain; charset=utf-8", format!("{line}\n").into())
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> HttpAnswer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
