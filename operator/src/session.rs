//! One cluster, as one user: every read of the program goes through here.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use machinery::clock;
use machinery::cluster::access::Access;
use machinery::cluster::client::connect;
use machinery::cluster::error::{ApiError, Failure, Request};
use machinery::cluster::limit::Rate;
use machinery::cluster::objects::Objects;
use machinery::cluster::pages::Which;
use machinery::cluster::plain::{self, Resource};
use machinery::leadership::Leadership;
use machinery::metrics::BaseMetrics;
use machinery::object::{Body, Object};
use serde_json::Value;

use crate::arguments::Connection;
use crate::text::paint::Paint;
use crate::unread::Unread;

/// How the API server's logs name us.
const AGENT: &str = concat!("kubectl-snapshots/", env!("CARGO_PKG_VERSION"));
/// A person waits for the answer, and the API server protects itself.
const UNLIMITED: Rate = Rate { qps: 0.0, burst: 1 };

/// A cluster that can be read.
#[derive(Clone)]
pub struct Session {
    /// The client, which sends no write.
    pub client: Client,
    /// For watches, which are quiet for longer than a read may be.
    pub watch: Client,
    /// The namespace that was asked for, else that of the context.
    pub namespace: String,
    /// The time that ages are counted to.
    pub now: Timestamp,
    /// How to colour the answer.
    pub paint: Paint,
    timeout: Option<Duration>,
}

impl Session {
    /// Finds the cluster. Nothing is contacted yet.
    ///
    /// # Errors
    /// There is no usable kubeconfig.
    pub async fn open(connection: &Connection) -> anyhow::Result<Self> {
        let env = |name: &str| std::env::var_os(name);
        let mut access = Access::like_kubectl(connection.kubeconfig.clone(), env);
        access.context.clone_from(&connection.context);
        access.user.clone_from(&connection.user);
        access.groups.clone_from(&connection.groups);
        let rest = BaseMetrics::new()?.rest;
        let clients = connect(access, AGENT, UNLIMITED, Leadership::always(), rest).await?;
        // As for kubectl, an empty name is none.
        let named = [connection.namespace.as_deref(), Some(clients.api.default_namespace()), Some("default")];
        let namespace =
            named.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default().to_owned();
        Ok(Self {
            namespace,
            client: clients.api,
            watch: clients.watch,
            now: clock::now(),
            paint: Paint::of_stdout(env),
            timeout: Some(connection.request_timeout).filter(|timeout| !timeout.is_zero()),
        })
    }

    /// A cluster that a client reaches already, such as one in this process.
    #[must_use]
    pub fn over(client: Client, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            watch: client.clone(),
            client,
            now: clock::now(),
            paint: Paint::PLAIN,
            timeout: None,
        }
    }

    /// Reads an object of a kind that the model knows, by its key.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn get<B: Body>(&self, key: &str) -> Result<Object<B>, Unread> {
        self.within("get", &Resource::of::<B>(), key, Objects::new(self.client.clone()).get(key)).await
    }

    /// Reads the objects of a namespace.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn list<B: Body>(&self, namespace: &str, labels: &str) -> Result<Vec<Object<B>>, Unread> {
        let objects = Objects::new(self.client.clone());
        let list = objects.list(namespace, labels);
        self.within("list", &Resource::of::<B>(), namespace, list).await
    }

    /// Reads objects of a kind that the model knows in pages, each into what `add` makes of it.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn fold<B: Body, T: Default>(
        &self,
        which: &Which<'_>,
        add: impl FnMut(&mut T, Object<B>),
    ) -> Result<T, Unread> {
        let objects = Objects::new(self.client.clone());
        let list = objects.fold_which(which, add);
        self.within("list", &Resource::of::<B>(), which.namespace.unwrap_or_default(), list).await
    }

    /// Reads any object as plain JSON, by its key.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn get_plain(&self, resource: &Resource, key: &str) -> Result<Value, Unread> {
        let (namespace, name) = match key.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, key),
        };
        self.within("get", resource, key, plain::get(&self.client, resource, namespace, name)).await
    }

    /// Reads any objects as plain JSON, in pages, each into what `add` makes of it.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn list_plain<T: Default>(
        &self,
        resource: &Resource,
        which: &Which<'_>,
        add: impl FnMut(&mut T, Value),
    ) -> Result<T, Unread> {
        let list = plain::list(&self.client, resource, which, add);
        self.within("list", resource, which.namespace.unwrap_or_default(), list).await
    }

    /// Asks for a review, which is never stored.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn review(&self, resource: &Resource, question: &Value) -> Result<Value, Unread> {
        self.within("create", resource, "", plain::review(&self.client, resource, question)).await
    }

    /// Bounds a read, and judges why it failed.
    async fn within<T>(
        &self,
        verb: &'static str,
        resource: &Resource,
        key: &str,
        read: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, Unread> {
        let request = Request { verb, resource: resource.full_name(), name: key.to_owned() };
        let judge = |failure| Unread::of(&ApiError { request: request.clone(), failure });
        let read = async { read.await.map_err(|error| judge(error.failure)) };
        let Some(timeout) = self.timeout else { return read.await };
        tokio::time::timeout(timeout, read).await.unwrap_or_else(|_| {
            let why = format!("no answer within {timeout:?}, which --request-timeout allows");
            Err(judge(Failure::Unavailable(why.into())))
        })
    }
}
