//! The state that all requests share. It outlives the listener.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::watch;

use super::objects::{ObjectKey, ObjectStore};
use super::seed;
use crate::api::access::rbac::Tokens;
use crate::api::http::record::Request;
use crate::api::kinds::crd;
use crate::api::kinds::kind::Kind;
use crate::api::kinds::registry::Kinds;
use crate::api::object::{is_deleting, locked, meta};

/// The state that all requests share. It has no `Debug`, because it holds tokens and secrets.
pub(crate) struct State {
    pub(crate) store: ObjectStore,
    pub(crate) kinds: Kinds,
    pub(crate) tokens: Tokens,
    /// Changes when all watches have to end.
    pub(crate) watch_epoch: watch::Sender<u64>,
    answered: AtomicU64,
    log: Mutex<Vec<Request>>,
}

impl State {
    /// The state of a fresh cluster.
    pub(crate) fn new(history: usize) -> Self {
        let state = Self {
            store: ObjectStore::new(history),
            kinds: Kinds::new(),
            tokens: Tokens::default(),
            watch_epoch: watch::Sender::new(0),
            answered: AtomicU64::new(0),
            log: Mutex::new(Vec::new()),
        };
        seed::fresh_cluster(&state.store);
        state
    }

    /// Records a request for [`crate::api::Server::requests`].
    pub(crate) fn log(&self, request: Request) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        locked(&self.log).push(request);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        locked(&self.log).clone()
    }

    pub(crate) fn clear_requests(&self) {
        self.answered.store(0, Ordering::Relaxed);
        locked(&self.log).clear();
    }

    /// Removes an object without regard to its finalizers, as a DELETE does that came in before they were added.
    pub(crate) fn overtake(&self, resource: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        let key = (namespace.to_owned(), name.to_owned());
        let object = self.store.get(resource, &key).context("there is no such object")?;
        let removed = self.store.remove(resource, &key, &object);
        removed.map_err(|_| anyhow::anyhow!("somebody has just written {resource} {name}"))
    }

    /// Does what a controller would do after a write: it serves the kinds of a definition with their current schemas, and
    /// it gives a namespace its default account.
    pub(crate) fn wrote(&self, kind: &Kind, object: &Value) {
        if kind.kind == "Namespace" && !is_deleting(object) {
            seed::default_account(&self.store, meta(object, "name"));
        }
        if kind.kind != "CustomResourceDefinition" {
            return;
        }
        // A definition whose schemas do not compile has already been refused.
        if let Ok(kinds) = crd::kinds(object) {
            self.kinds.replace(meta(object, "name"), kinds);
        }
    }

    /// Does what a controller would do after a removal: it removes the objects of a removed definition, and it removes a
    /// namespace that is being deleted together with its last object.
    pub(crate) fn removed(&self, kind: &Kind, key: &ObjectKey) {
        if kind.kind == "CustomResourceDefinition" {
            self.kinds.replace(&key.1, Vec::new());
            self.purge(&key.1);
        }
        if !key.0.is_empty() {
            self.end_namespace(&key.0);
        }
    }

    /// Removes a namespace that is being deleted and has become empty.
    pub(crate) fn end_namespace(&self, name: &str) {
        let key = (String::new(), name.to_owned());
        let Some(namespace) = self.store.get("namespaces", &key) else {
            return;
        };
        if is_deleting(&namespace) && !self.store.is_used(name) {
            // If another client has written the namespace in between, the next removal tries again.
            let _ = self.store.remove("namespaces", &key, &namespace);
        }
    }

    /// Removes all objects of a resource, even those with finalizers, and ends its watches.
    fn purge(&self, resource: &str) {
        for object in self.store.list(resource, "", None, None).map(|(all, _)| all).unwrap_or_default() {
            let key = key_of(&object);
            // An object that was written in between is kept, but its kind is no longer served.
            let _ = self.store.remove(resource, &key, &object);
        }
        self.store.unsubscribe(resource);
    }
}

/// The key of an object.
pub(crate) fn key_of(object: &Value) -> ObjectKey {
    (meta(object, "namespace").to_owned(), meta(object, "name").to_owned())
}
