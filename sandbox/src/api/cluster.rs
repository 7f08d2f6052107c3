//! The API server without a connection, for a simulation that has both ends in one thread.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::access::rbac::User;
use super::failure::ApiFailure;
use super::http::answer::ApiAnswer;
use super::http::request::{Call, Query};
use super::http::route;
use super::kinds::crd;
use super::kinds::registry::Kinds;
use super::object::meta;
use super::store::objects::Effect;
use super::store::state::State;

/// A cluster in memory. Every request is answered at once, as if a user sent it who may do everything. Watches are not
/// answered: see [`Cluster::written`].
pub struct Cluster(Arc<State>);

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// The kinds that a cluster serves. To read their definitions takes long, so several clusters can share them.
#[derive(Debug)]
pub struct SharedKinds(Arc<Kinds>);

/// What a write did to an object.
#[derive(Debug, Clone)]
pub struct Written {
    /// The version that the write has given the object.
    pub version: u64,
    /// The state before, `None` if the write created it.
    pub before: Option<Arc<Value>>,
    /// The state after it; of an object that the write removed, the last one.
    pub object: Arc<Value>,
    /// Whether the write removed it.
    pub is_gone: bool,
}

impl SharedKinds {
    /// The built-in kinds and the six of `deploy/crds`.
    ///
    /// # Errors
    /// If a CRD is not valid.
    pub fn with_snapshots() -> anyhow::Result<Self> {
        let kinds = Kinds::new();
        for crd in crate::crds::all()? {
            let served = crd::kinds(&crd).map_err(|why| anyhow::anyhow!("{why:?}"))?;
            kinds.replace(meta(&crd, "name"), served);
        }
        Ok(Self(Arc::new(kinds)))
    }
}

impl Cluster {
    /// A fresh cluster with these kinds.
    #[must_use]
    pub fn new(kinds: &SharedKinds, watch_history: usize) -> Self {
        let state = State::new(watch_history);
        state.kinds.take_from(&kinds.0);
        Self(Arc::new(state))
    }

    /// Answers a request: the status and the body.
    #[must_use]
    pub fn answer(&self, request: http::Request<Bytes>) -> (u16, Bytes) {
        let (parts, body) = request.into_parts();
        let call = Call {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
            user: User::admin(),
        };
        let answer = route::answer(&self.0, call).unwrap_or_else(|refusal| ApiAnswer::failure(&refusal));
        // The stream of a watch is not there at once.
        let body = answer.body.collect().now_or_never().and_then(Result::ok);
        match body {
            Some(body) => (answer.code, body.to_bytes()),
            None => (500, ApiFailure::internal("no watches here").to_json().to_string().into()),
        }
    }

    /// The same as [`Server::overtake`](super::server::Server::overtake).
    ///
    /// # Errors
    /// If there is no such object.
    pub fn overtake(&self, resource: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        self.0.overtake(resource, namespace, name)
    }

    /// The version of the last write.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.store.version()
    }

    /// The writes to a resource such as `persistentvolumeclaims` or `widgets.example.org` after a version, in order;
    /// `None` if they are forgotten.
    #[must_use]
    pub fn written(&self, resource: &str, after: u64) -> Option<Vec<Written>> {
        let (changes, _) = self.0.store.since(resource, after).ok()?;
        let written = changes.iter().map(|change| Written {
            version: change.version,
            before: change.before.clone(),
            object: Arc::clone(&change.object),
            is_gone: change.effect == Effect::Deleted,
        });
        Some(written.collect())
    }

    /// The objects of a resource, in order.
    #[must_use]
    pub fn objects(&self, resource: &str) -> Vec<Arc<Value>> {
        self.0.store.list(resource, "", None, None).map(|(objects, _)| objects).unwrap_or_default()
    }

    /// An object of a resource; the namespace is "" where there is none.
    #[must_use]
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.0.store.get(resource, &(namespace.to_owned(), name.to_owned()))
    }
}
