//! The three clients of one API server, and their configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::config::KubeconfigError;
use kube::{Client, Config};

use super::access::Access;
use super::error::in_one_line;
use super::kubeconfig::configuration;
use super::limit::{Bucket, Rate};
use super::pod::{MOUNT, NoPod, in_cluster};
use super::proxy::{BadProxy, proxy_for, usable};
use super::stack;
use super::token::{BadToken, TokenFile};
use super::traffic::{RequestPolicy, Traffic};
use crate::{leadership::Leadership, metrics::RestMetrics};

/// The idle timeout of a connection that has an answer to come.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same for a watch: longer than its `timeoutSeconds` of a minute. Without it a dead connection would never be
/// noticed.
const WATCH_WITHIN: Duration = Duration::from_secs(75);

/// Clients of one API server. They have separate connections, so that none delays another.
#[derive(Clone)]
pub struct Clients {
    /// For lists and watches: no rate limit, retries on `Retry-After`. A connection that is idle for 75 s fails, so let
    /// the server end a watch earlier.
    pub watch: Client,
    /// For reads and writes of the work: rate limited, retries on `Retry-After`. No write is sent once the leadership
    /// has expired.
    pub api: Client,
    /// For the Lease: no limits and no retries.
    pub lead: Client,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The kubeconfig is not valid YAML. It is not quoted, since it may hold a token.
    #[error("the kubeconfig {} does not parse{}", path.display(), at(*place))]
    Unparsable {
        /// As given.
        path: PathBuf,
        /// Line and column, if known.
        place: Option<(u64, u64)>,
    },
    /// The kubeconfig is inconsistent, such as without the current context or with a missing certificate file.
    #[error("the kubeconfig {} is not usable: {why}", path.display())]
    Unusable {
        /// As given.
        path: PathBuf,
        /// What is wrong, without secrets; the library's error may hold some.
        why: String,
    },
    /// There is neither a kubeconfig nor a pod's service account.
    #[error(transparent)]
    Pod(#[from] NoPod),
    /// The token file holds no token.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The proxy of the environment or the kubeconfig is invalid.
    #[error("the proxy cannot be used")]
    Proxy(#[source] BadProxy),
    /// TLS settings or credentials are invalid.
    #[error("cannot set up a client for the API server {server}: {why}")]
    Setup {
        /// Its host and port.
        server: String,
        /// What is wrong, without secrets; the library's error may hold some.
        why: String,
    },
}

fn at(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" at line {line}, column {column}"))
}

/// Reads address and credentials from a kubeconfig if there is one, else from the pod. `agent` is the User-Agent.
///
/// # Errors
/// [`ConnectError`]. Nothing was contacted.
pub fn config(access: &Access, agent: &'static str) -> Result<Config, ConnectError> {
    let mut config = if let Some(config) = from_files(access)? {
        config
    } else {
        let mut config = in_cluster(|name| std::env::var(name).ok(), Path::new(MOUNT))?;
        config.proxy_url = environment_proxy(&config.cluster_url);
        config
    };
    if access.user.is_some() {
        config.auth_info.impersonate.clone_from(&access.user);
        config.auth_info.impersonate_groups = Some(access.groups.clone());
    }
    if let Some(proxy) = &config.proxy_url {
        usable(proxy).map_err(ConnectError::Proxy)?;
    }
    // Without a CA the library loads the system's, which an image may not have. No CA is needed here.
    let plain = config.cluster_url.scheme_str() == Some("http")
        && config.proxy_url.as_ref().and_then(Uri::scheme_str) != Some("https");
    if config.root_cert.is_none() && (plain || config.accept_invalid_certs) {
        config.root_cert = Some(Vec::new());
    }
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Ok(config)
}

/// `None` if there is no kubeconfig.
fn from_files(access: &Access) -> Result<Option<Config>, ConnectError> {
    let read = access.read().map_err(|(path, error)| file_error(&path, error))?;
    let Some((file, path)) = read else { return Ok(None) };
    let (mut config, own_proxy) = configuration(&file, access.context.as_deref())
        .map_err(|why| ConnectError::Unusable { path, why })?;
    if !own_proxy {
        config.proxy_url = environment_proxy(&config.cluster_url);
    }
    Ok(Some(config))
}

/// The proxy from the environment. An invalid value is ignored with a warning: it may be meant for other programs, and
/// the server may be reachable without a proxy.
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
    reason = "a foreign enum; any new variant means an unusable kubeconfig, too"
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

/// Reads the [`config`] and makes the clients, on a blocking thread: a kubeconfig may name a credential plugin, which
/// runs as a process.
///
/// # Errors
/// [`ConnectError`]. Nothing was contacted.
pub async fn connect(
    access: impl Into<Access>,
    agent: &'static str,
    rate: Rate,
    leadership: Leadership,
    rest: RestMetrics,
) -> anyhow::Result<Clients> {
    // An error means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = config(&access.into(), agent)?;
    let made = tokio::task::spawn_blocking(move || clients(&config, rate, leadership, &rest)).await;
    Ok(made.context("the task that makes the clients failed")??)
}

/// Makes the clients. Call it within a runtime, after installing a rustls provider as [`connect`] does. `leadership` is
/// checked before every write of [`Clients::api`].
///
/// # Errors
/// [`ConnectError::Setup`] or [`ConnectError::Token`]. Nothing was contacted.
pub fn clients(
    config: &Config,
    rate: Rate,
    leadership: Leadership,
    metrics: &RestMetrics,
) -> Result<Clients, ConnectError> {
    let mut config = config.clone();
    let token = token_file(&mut config)?.map(Arc::new);
    let host: Arc<str> = host(&config.cluster_url).into();
    let client = |silence| {
        stack::client(&config, silence).map_err(|why| ConnectError::Setup { server: host.to_string(), why })
    };
    let plain =
        Clients { watch: client(WATCH_WITHIN)?, api: client(ANSWER_WITHIN)?, lead: client(ANSWER_WITHIN)? };
    Ok(under_policy(plain, rate, leadership, |inner, policy| Traffic {
        inner,
        metrics: metrics.clone(),
        host: Arc::clone(&host),
        token: token.clone(),
        policy,
    }))
}

/// The same clients over one that reaches an API server already, such as one in this process.
#[must_use]
pub fn clients_over(server: &Client, rate: Rate, leadership: Leadership, metrics: &RestMetrics) -> Clients {
    let plain = Clients { watch: server.clone(), api: server.clone(), lead: server.clone() };
    under_policy(plain, rate, leadership, |inner, policy| Traffic {
        inner,
        metrics: metrics.clone(),
        host: "".into(),
        token: None,
        policy,
    })
}

/// Gives each client its policy.
fn under_policy(
    plain: Clients,
    rate: Rate,
    leadership: Leadership,
    traffic: impl Fn(Client, Option<RequestPolicy>) -> Traffic,
) -> Clients {
    let policy = RequestPolicy { bucket: Arc::new(Bucket::new(rate)), leadership };
    // Lists and watches need no leadership, and their callers back off by themselves.
    let unlimited = Rate { qps: 0.0, burst: 1 };
    let patient =
        RequestPolicy { bucket: Arc::new(Bucket::new(unlimited)), leadership: Leadership::always() };
    let client = |inner: Client, policy| {
        let namespace = inner.default_namespace().to_owned();
        Client::new(traffic(inner, policy), namespace)
    };
    Clients {
        watch: client(plain.watch, Some(patient)),
        api: client(plain.api, Some(policy)),
        lead: client(plain.lead, None),
    }
}

/// Takes the token file out of a configuration: we read it ourselves, since the library does not trim it. As in
/// client-go, a readable file has precedence over a token.
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

/// Host and port of a server, without a user and a password.
fn host(server: &Uri) -> &str {
    let authority = server.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
