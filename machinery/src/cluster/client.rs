//! The three clients of one API server, and where it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::config::{Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::error::in_one_line;
use super::kubeconfig::configuration;
use super::limit::{Bucket, Rate};
use super::pod::{MOUNT, NoPod, in_cluster};
use super::proxy::{BadProxy, proxy_for, usable};
use super::stack;
use super::token::{BadToken, TokenFile};
use super::traffic::{Policy, Traffic};
use crate::claim::Claim;
use crate::metrics::RestMetrics;

/// How long an answer may take to begin, or to go on, before its request has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same for a watch: longer than the minute after which the server is asked to end it. Without, a connection that
/// died unnoticed would be listened to for ever.
const WATCH_WITHIN: Duration = Duration::from_secs(75);

/// Clients of one API server, kept apart because they must not hinder each other. The library installs no TLS
/// provider: [`connect`] does.
#[derive(Clone)]
pub struct Clients {
    /// For lists and watches: no limit, patient if the server asks for it; a watch that is silent for 75 s is ended, so
    /// let the server end it before.
    pub watch: Client,
    /// For everything else the work needs: limited, patient if the server asks for it; a write that waited longer
    /// than the claim to lead lasted is not sent.
    pub api: Client,
    /// For the lease alone.
    pub lead: Client,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig is not there, or may not be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The kubeconfig is not one. What stands in it is not quoted: it may be a token.
    #[error("the kubeconfig {} does not parse{}", path.display(), at(*place))]
    Unparsable {
        /// As given.
        path: PathBuf,
        /// Line and column, where they are known.
        place: Option<(u64, u64)>,
    },
    /// The kubeconfig parses and does not hold together: no such context, no such file of a certificate.
    #[error("the kubeconfig {} is not usable: {why}", path.display())]
    Unusable {
        /// As given.
        path: PathBuf,
        /// What is wrong; the library's own error may hold more than may be shown.
        why: String,
    },
    /// No kubeconfig, and no credentials of a pod.
    #[error(transparent)]
    Pod(#[from] NoPod),
    /// The file that should hold the token does not.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The proxy of the environment or of the kubeconfig is no address.
    #[error("the proxy cannot be used")]
    Proxy(#[source] BadProxy),
    /// TLS or credentials do not fit together.
    #[error("cannot set up a client for the API server {server}: {why}")]
    Setup {
        /// Its host and port.
        server: String,
        /// What is wrong; the library's own error may hold more than may be shown.
        why: String,
    },
}

fn at(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" at line {line}, column {column}"))
}

/// The address and credentials: from a kubeconfig if one is given, else the pod's own. `agent` is how the server's logs
/// name us.
///
/// # Errors
/// [`ConnectError`], before anything is contacted.
pub fn config(kubeconfig: Option<&Path>, agent: &'static str) -> Result<Config, ConnectError> {
    let mut config = match kubeconfig {
        None => {
            let mut config = in_cluster(|name| std::env::var(name).ok(), Path::new(MOUNT))?;
            config.proxy_url = environment_proxy(&config.cluster_url);
            config
        }
        Some(path) => from_file(path)?,
    };
    if let Some(proxy) = &config.proxy_url {
        usable(proxy).map_err(ConnectError::Proxy)?;
    }
    // Without an authority the library wants the system's, which an image need not have; here none is looked at.
    let plain = config.cluster_url.scheme_str() == Some("http")
        && config.proxy_url.as_ref().and_then(Uri::scheme_str) != Some("https");
    if config.root_cert.is_none() && (plain || config.accept_invalid_certs) {
        config.root_cert = Some(Vec::new());
    }
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Ok(config)
}

fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let file = Kubeconfig::read_from(path).map_err(|error| file_error(path, error))?;
    let (mut config, own_proxy) =
        configuration(&file).map_err(|why| ConnectError::Unusable { path: path.to_owned(), why })?;
    if !own_proxy {
        config.proxy_url = environment_proxy(&config.cluster_url);
    }
    Ok(config)
}

/// The proxy that the environment names. A value that cannot be used is none: what other programs of the pod make of it
/// must not keep us from a server that may be in reach.
fn environment_proxy(server: &Uri) -> Option<Uri> {
    let found = proxy_for(server, |name| std::env::var(name).ok());
    if found.ignored > 0 {
        tracing::warn!(
            ignored = found.ignored,
            "NO_PROXY holds what is no host name, address or range of addresses; that is ignored"
        );
    }
    found.proxy.unwrap_or_else(|bad| {
        tracing::warn!("connecting without a proxy: {}", in_one_line(&bad));
        None
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an enum of the library's; what it adds is a configuration of no use, too"
)]
fn file_error(path: &Path, error: KubeconfigError) -> ConnectError {
    let path = path.to_owned();
    match error {
        KubeconfigError::ReadConfig(cause, _) => ConnectError::Unreadable { path, cause },
        KubeconfigError::Parse(cause) => ConnectError::Unparsable {
            path,
            place: cause.location().map(|place| (place.line(), place.column())),
        },
        other => ConnectError::Unusable { path, why: in_one_line(&other) },
    }
}

/// The clients of [`config`], made apart from the caller: a kubeconfig may name a program to run for credentials, which
/// may take its time.
///
/// # Errors
/// [`ConnectError`], before anything is contacted.
pub async fn connect(
    kubeconfig: Option<PathBuf>,
    agent: &'static str,
    rate: Rate,
    claim: Claim,
    rest: RestMetrics,
) -> anyhow::Result<Clients> {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = config(kubeconfig.as_deref(), agent)?;
    let made = tokio::task::spawn_blocking(move || clients(&config, rate, claim, &rest)).await;
    Ok(made.context("the task that makes the clients failed")??)
}

/// The clients. `claim` is looked at before every write of [`Clients::api`]. To be called within a runtime.
///
/// # Errors
/// [`ConnectError::Setup`], before anything is contacted.
pub fn clients(
    config: &Config,
    rate: Rate,
    claim: Claim,
    metrics: &RestMetrics,
) -> Result<Clients, ConnectError> {
    let mut config = config.clone();
    let token = token_file(&mut config)?.map(Arc::new);
    let host: Arc<str> = host(&config.cluster_url).into();
    let client = |silence, policy| -> Result<Client, ConnectError> {
        let namespace = config.default_namespace.clone();
        let inner = stack::client(&config, silence)
            .map_err(|why| ConnectError::Setup { server: host.to_string(), why })?;
        let (metrics, host, token) = (metrics.clone(), host.clone(), token.clone());
        Ok(Client::new(Traffic { inner, metrics, host, token, policy }, namespace))
    };
    let policy = Policy { bucket: Arc::new(Bucket::new(rate)), claim };
    // It only reads, which no claim holds back, and its callers pause by themselves.
    let unlimited = Rate { qps: 0.0, burst: 1 };
    let patient = Policy { bucket: Arc::new(Bucket::new(unlimited)), claim: Claim::always() };
    Ok(Clients {
        watch: client(WATCH_WITHIN, Some(patient))?,
        api: client(ANSWER_WITHIN, Some(policy))?,
        lead: client(ANSWER_WITHIN, None)?,
    })
}

/// Takes the token's file out of a configuration: we read it, not the library, which does not trim it. As with
/// client-go it has precedence over a token beside it, as long as it can be read.
fn token_file(config: &mut Config) -> Result<Option<TokenFile>, BadToken> {
    let user = &mut config.auth_info;
    if user.auth_provider.is_some() || (user.username.is_some() && user.password.is_some()) {
        return Ok(None);
    }
    let Some(path) = user.token_file.take() else { return Ok(None) };
    match TokenFile::open(Path::new(&path)) {
        Ok(file) => {
            user.token = None;
            user.exec = None;
            Ok(Some(file))
        }
        Err(_) if user.token.is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Host and port of a server; a user and a password before them are nobody's business.
fn host(server: &Uri) -> &str {
    let authority = server.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
