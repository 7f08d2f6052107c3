//! A running server: started, asked about what it was sent, stopped and resumed.

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

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether the six snapshot CRDs are there from the start.
    pub install_crds: bool,
    /// How many writes of each kind a watch can go back; older versions are answered with 410.
    pub watch_history: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), install_crds: true, watch_history: 10_000 }
    }
}

/// A running server; dropping it stops it. Its objects live as long as it does, also while it does not listen.
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
    /// When the address is taken, or a CRD does not fit.
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
    /// When it is not a valid definition, or one of its name is there.
    pub fn install(&self, crd: &Value) -> anyhow::Result<()> {
        self.create(crd)
    }

    /// Creates an object of any kind as `kubectl create` would.
    ///
    /// # Errors
    /// When its kind is not served, it is not valid, or one of its name is there.
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

    /// The address that is listened on; the port stays the same over [`Server::resume`].
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that signed the server's, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.identity.ca_pem
    }

    /// A kubeconfig, as YAML, of a user who may do everything.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> String {
        self.kubeconfig_for(&self.admin)
    }

    /// A kubeconfig, as YAML, for a bearer token such as a `TokenRequest` gives.
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

    /// A kubeconfig, as YAML, of a service account.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> anyhow::Result<String> {
        let found = self.state.store.get("serviceaccounts", &(namespace.into(), account.into()));
        let found = found.with_context(|| format!("no service account {account} in {namespace}"))?;
        let user = User::service_account(namespace, account, meta(&found, "uid"));
        Ok(self.kubeconfig_for(&self.state.tokens.issue(user)))
    }

    /// Stops listening and cuts every connection, as when the process dies. The objects stay.
    pub async fn stop_listening(&self) {
        let listening = locked(&self.listening).take();
        if let Some(mut listening) = listening {
            listening.stop.cancel();
            // The task ends by itself once it is cancelled; only a panic in it would be an error.
            let _ = (&mut listening.task).await;
        }
    }

    /// Listens again on the same port; nothing to do where the server listens already.
    ///
    /// # Errors
    /// When the port has been taken by another process meanwhile.
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

    /// Ends every watch that is open, as a server does at its timeout.
    pub fn drop_watches(&self) {
        self.state.watch_epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Forgets the history of all kinds: versions from before are answered with 410.
    pub fn compact(&self) {
        self.state.store.compact();
    }

    /// The requests answered since the start or the last [`Server::clear_requests`], in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests()
    }

    /// How many they are, without copying them.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.state.answered()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state.clear_requests();
    }

    /// Stops for good: the listener and all connections are closed when this returns.
    pub async fn stop(self) {
        self.stop_listening().await;
    }
}
