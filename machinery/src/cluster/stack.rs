//! The layers between a request and the wire: the library's own, with our word on whom to trust and which proxy to take.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use k8s_openapi::ByteString;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use rustls::pki_types::ServerName;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use super::authority::Authority;
use super::error::in_one_line;
use super::quiet::Impatient;

/// How long the making of a connection may take; the library's own number.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

type Wire = BoxCloneSyncService<Request<Body>, Response<Incoming>, BoxError>;

/// A client of this configuration, whose connections may be silent for so long. The library builds the same stack, but decides by itself whom to trust.
///
/// # Errors
/// Certificates, credentials or names that cannot be used, in words.
pub(super) fn client(config: &Config, silence: Duration) -> Result<Client, String> {
    let words = |error: kube::Error| in_one_line(&error);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(words)?)
        .layer(config.extra_headers_layer().map_err(words)?)
        .map_err(BoxError::from)
        .service(wire(config, silence)?);
    Ok(Client::new(service, config.default_namespace.clone()))
}

fn wire(config: &Config, silence: Duration) -> Result<Wire, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    match &config.proxy_url {
        None => over(config, silence, tcp),
        Some(proxy) if proxy.scheme_str() == Some("https") => {
            over(config, silence, tunnel(proxy, tls(config, tcp)?))
        }
        Some(proxy) if proxy.scheme_str().is_some_and(|scheme| scheme.starts_with("socks5")) => {
            over(config, silence, socks(proxy, tcp))
        }
        Some(proxy) => over(config, silence, tunnel(proxy, tcp)),
    }
}

fn over<C>(config: &Config, silence: Duration, connector: C) -> Result<Wire, String>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let inner = tls(config, connector)?;
    let connector = Impatient { inner, connect: CONNECT_WITHIN, silence };
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(connector);
    Ok(BoxCloneSyncService::new(http.map_err(BoxError::from)))
}

fn tls<C>(config: &Config, connector: C) -> Result<HttpsConnector<C>, String> {
    let mut tls = config.rustls_client_config().map_err(|error| in_one_line(&error))?;
    let trusted = config.root_cert.as_ref().filter(|all| !all.is_empty() && !config.accept_invalid_certs);
    if let Some(trusted) = trusted {
        let authority = Authority::new(trusted.clone(), config.root_cert_file.clone())?;
        tls.dangerous().set_certificate_verifier(Arc::new(authority));
    }
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name =
            ServerName::try_from(name.clone()).map_err(|_| format!("{name:?} is no name of a server"))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(connector))
}

/// A way through an HTTP proxy, with the user and the password in its address, if there are.
fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match user(proxy).and_then(|user| basic(&user)) {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// The same through a SOCKS proxy, which finds the server's address as well.
fn socks<C>(proxy: &Uri, connector: C) -> SocksV5<C> {
    let socks = SocksV5::new(proxy.clone(), connector).local_dns(false);
    match user(proxy).as_deref().and_then(|user| user.split_once(':')) {
        Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
        None => socks,
    }
}

/// User and password as they stand before the host of an address, without escapes.
fn user(proxy: &Uri) -> Option<String> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    Some(percent_encoding::percent_decode_str(user).decode_utf8_lossy().into_owned())
}

/// The header of RFC 7617 for a user and a password.
fn basic(user: &str) -> Option<HeaderValue> {
    let encoded = serde_json::to_value(ByteString(user.as_bytes().to_vec())).ok()?;
    let mut header = HeaderValue::from_str(&format!("Basic {}", encoded.as_str()?)).ok()?;
    header.set_sensitive(true);
    Some(header)
}
