//! A running API server, as a test or the sandbox program uses it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::access::rbac::User;
use super::http::record::Request;
use super::http::request::{Call, Query};
use super::http::tls::Identity;
use super::http::{listener, route};
use super::kinds::kind::Kind;
use super::object::{locked, meta, text};
use super::store::state::State;

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on; port 0 means any free port.
    pub listen: SocketAddr,
    /// Whether the six snapshot CRDs are installed from the start.
    pub install_crds: bool,
    /// How many writes of each kind are kept for watches; a watch from an older version is answered with 410.
    pub watch_history: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), install_crds: true, watch_history: 10_000 }
    }
}

/// A running server. Dropping it stops it. Its objects exist as long as it does, even while it does not listen.
pub struct Server {
    state: Arc<State>,
    identity: Identity,
    address: SocketAddr,
    admin: String,
    listening: Mutex<Option<Listening>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

struct Listening {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    /// Starts a server with the namespaces and roles of a fresh cluster.
    ///
    /// # Errors
    /// If the address is in use, or a CRD is not valid.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let identity = Identity::new()?;
        let state = Arc::new(State::new(options.watch_history));
        let admin = state.tokens.issue(User::admin());
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("listening on {}: give another address or port 0", options.listen))?;
        let address = listener.local_addr().context("asking for the own address")?;
        let server = Self { state, identity, address, admin, listening: Mutex::new(None) };
        if options.install_crds {
            for crd in crate::crds::all()? {
                server.install(&crd)?;
            }
        }
        server.listen(listener);
        Ok(server)
    }

    /// Adds a CRD as `kubectl create` would.
    ///
    /// # Errors
    /// If it is not a valid definition, or there is already one of its name.
    pub fn install(&self, crd: &Value) -> anyhow::Result<()> {
        self.create(crd)
    }

    /// Removes an object without regard to its finalizers, as a DELETE does that came in before they were added: the API
    /// server looks for finalizers first, and removes the object after its webhooks.
    ///
    /// # Errors
    /// If there is no such object, or somebody writes it at this moment. `resource` is the plural and the group.
    pub fn overtake(&self, resource: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        self.state.overtake(resource, namespace, name)
    }

    /// Creates an object of any kind as `kubectl create` would.
    ///
    /// # Errors
    /// If its kind is not served, it is not valid, or there is already one of its name.
    pub fn create(&self, object: &Value) -> anyhow::Result<()> {
        let (version, kind, name) =
            (text(object, "/apiVersion"), text(object, "/kind"), meta(object, "name"));
        let kinds = self.state.kinds.all();
        let is_meant = |served: &&Arc<Kind>| served.api_version() == version && served.kind == kind;
        let served = kinds.iter().find(is_meant);
        let served = served.with_context(|| format!("no kind {kind} of {version} is served"))?;
        let prefix = if served.group.is_empty() { "api" } else { "apis" };
        let within = match meta(object, "namespace") {
            namespace if served.namespaced => format!("/namespaces/{namespace}"),
            _ => String::new(),
        };
        let call = Call {
            method: http::Method::POST,
            path: format!("/{prefix}/{version}{within}/{}", served.plural),
            query: Query::default(),
            headers: http::HeaderMap::new(),
            body: object.to_string().into(),
            user: User::admin(),
        };
        route::answer(&self.state, call).map(|_| ()).with_context(|| format!("creating the {kind} {name}"))
    }

    /// `https://address:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address that the server listens on. [`Server::resume`] keeps its port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the server's certificate authority, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.identity.ca_pem
    }

    /// The kubeconfig, as YAML, of a user who may do everything.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> String {
        self.kubeconfig_for(&self.admin)
    }

    /// The kubeconfig, as YAML, for a bearer token such as a `TokenRequest` returns.
    #[must_use]
    pub fn kubeconfig_for(&self, token: &str) -> String {
        let ca = BASE64_STANDARD.encode(self.ca_pem());
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: sandbox\n  cluster:\n    server: {url}\n    \
             certificate-authority-data: {ca}\nusers:\n- name: sandbox\n  user:\n    token: {token}\ncontexts:\n\
             - name: sandbox\n  context:\n    cluster: sandbox\n    user: sandbox\n    namespace: default\n\
             current-context: sandbox\n"
        )
    }

    /// The kubeconfig, as YAML, of a service account.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> anyhow::Result<String> {
        let found = self.state.store.get("serviceaccounts", &(namespace.into(), account.into()));
        let found = found.with_context(|| format!("no service account {account} in {namespace}"))?;
        let user = User::service_account(namespace, account, meta(&found, "uid"));
        Ok(self.kubeconfig_for(&self.state.tokens.issue(user)))
    }

    /// Stops listening and closes every connection, as if the process had died. The objects are kept.
    pub async fn stop_listening(&self) {
        let listening = locked(&self.listening).take();
        if let Some(mut listening) = listening {
            listening.stop.cancel();
            // A cancelled task ends by itself, and the only error would be that it panicked.
            let _ = (&mut listening.task).await;
        }
    }

    /// Listens again on the same port. Does nothing if the server already listens.
    ///
    /// # Errors
    /// If another process has taken the port.
    pub async fn resume(&self) -> anyhow::Result<()> {
        if locked(&self.listening).is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address)
            .await
            .with_context(|| format!("listening again on {}", self.address))?;
        self.listen(listener);
        Ok(())
    }

    fn listen(&self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let serving = listener::serve(Arc::clone(&self.state), self.identity.clone(), listener, stop.clone());
        let task = tokio::spawn(serving);
        *locked(&self.listening) = Some(Listening { stop, task });
    }

    /// Ends every open watch, as a server does when its timeout is reached.
    pub fn drop_watches(&self) {
        self.state.watch_epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Forgets the history of all kinds: watches from earlier versions are answered with 410.
    pub fn compact(&self) {
        self.state.store.compact();
    }

    /// The requests that have been answered since the start or the last [`Server::clear_requests`], in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests()
    }

    /// The number of these requests.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.state.answered()
    }

    /// Forgets the requests that have been answered.
    pub fn clear_requests(&self) {
        self.state.clear_requests();
    }

    /// Stops the server. The listener and all connections are closed when this returns.
    pub async fn stop(self) {
        self.stop_listening().await;
    }
}
