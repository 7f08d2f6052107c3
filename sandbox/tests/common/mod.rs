//! A plain HTTPS client for tests, which sends exactly what the test says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use sandbox::api::Server;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The time limit for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client with the server's address and a user's token.
#[derive(Clone)]
pub struct Client {
    pub connector: TlsConnector,
    pub server: std::net::SocketAddr,
    pub token: Option<String>,
}

/// A request to be sent.
#[derive(Debug, Default, Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub accept: Option<String>,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// An answer with its complete body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON, or as a JSON string if it is plain text.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into())
    }
}

impl Client {
    /// A client with all rights.
    pub fn admin(server: &Server) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).expect("a certificate"))
            .expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let kubeconfig = server.admin_kubeconfig();
        let token =
            kubeconfig.lines().find_map(|line| line.trim().strip_prefix("token: ")).map(str::to_owned);
        Self { connector: TlsConnector::from(Arc::new(config)), server: server.address(), token }
    }

    /// The same client with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// Sends a request, and returns the answer as soon as its headers have arrived.
    pub async fn open(&self, ask: &Ask) -> Response<Incoming> {
        let stream = TcpStream::connect(self.server).await.expect("the server listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = self.connector.connect(name, stream).await.expect("TLS");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(header::HOST, "localhost")
            .header(header::USER_AGENT, "python-requests/1");
        for (name, value) in [(header::ACCEPT, &ask.accept), (header::CONTENT_TYPE, &ask.content_type)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(ask.body.clone())).expect("a request");
        tokio::time::timeout(PATIENCE, sender.send_request(request))
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Sends a request, and returns the complete answer.
    pub async fn send(&self, ask: &Ask) -> Reply {
        let (parts, body) = self.open(ask).await.into_parts();
        let body =
            tokio::time::timeout(PATIENCE, body.collect()).await.expect("a body in time").expect("a body");
        let content_type =
            parts.headers.get(header::CONTENT_TYPE).and_then(|c| c.to_str().ok()).unwrap_or_default();
        Reply { status: parts.status.as_u16(), content_type: content_type.to_owned(), body: body.to_bytes() }
    }

    /// Sends JSON, and returns the status and the JSON of the answer.
    pub async fn json(&self, method: Method, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let content_type = Some(content_type.to_owned()).filter(|c| !c.is_empty());
        let ask = Ask { method, path: path.into(), accept: None, content_type, body };
        let reply = self.send(&ask).await;
        (reply.status, reply.json())
    }

    pub async fn create(&self, path: &str, body: &Value) -> (u16, Value) {
        self.json(Method::POST, path, "application/json", body).await
    }

    pub async fn merge(&self, path: &str, body: &Value) -> (u16, Value) {
        self.json(Method::PATCH, path, "application/merge-patch+json", body).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.json(Method::DELETE, path, "application/json", &Value::Null).await
    }

    /// Opens a watch in the form that `accept` asks for.
    pub async fn watch_as(&self, path: &str, accept: Option<&str>) -> Watch {
        let ask = Ask { path: path.into(), accept: accept.map(str::to_owned), ..Ask::default() };
        let response = self.open(&ask).await;
        Watch { status: response.status().as_u16(), body: response.into_body(), buffer: Vec::new() }
    }
}

/// An open watch.
pub struct Watch {
    pub status: u16,
    body: Incoming,
    buffer: Vec<u8>,
}

/// The next part of a watch.
#[derive(Debug, PartialEq)]
pub enum Next {
    Event(Value),
    /// No event arrived in time.
    Quiet,
    /// The server has ended the stream.
    End,
}

impl Watch {
    /// The next event, if one arrives within `patience`.
    pub async fn within(&mut self, patience: Duration) -> Next {
        let end = tokio::time::Instant::now() + patience;
        loop {
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                return Next::Event(serde_json::from_slice(&line).expect("a line of JSON"));
            }
            match tokio::time::timeout_at(end, self.body.frame()).await {
                Err(_) => return Next::Quiet,
                Ok(Some(Ok(frame))) => self.buffer.extend(frame.into_data().unwrap_or_default()),
                Ok(None | Some(Err(_))) if self.buffer.is_empty() => return Next::End,
                // The body is not a stream of lines but, for example, a refusal.
                Ok(None | Some(Err(_))) => self.buffer.push(b'\n'),
            }
        }
    }
}
