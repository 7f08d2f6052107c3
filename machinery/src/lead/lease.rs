//! The Lease of an election on an API server.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::coordination::v1::Lease as ApiLease;
use kube::api::{GetParams, PostParams, WatchParams};
use kube::core::{Request as Builder, WatchEvent};
use kube::{Client, Resource};
use serde_json::Value;
use tokio::time::sleep;

use super::elector::Leases;
use crate::cluster::error::{ApiError, Request};
use crate::cluster::request::{json, segment};

/// How long the server keeps one watch open.
const WATCH_SECONDS: u32 = 60;
/// The pause before a watch that ended is begun anew; doubled each time while watches tell nothing.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One Lease by namespace and name. Its client should be used for nothing else: whatever delays other requests must
/// not cost the lead.
#[derive(Clone)]
pub struct Lease {
    client: Client,
    namespace: String,
    name: String,
}

impl Lease {
    /// The Lease `namespace`/`name`, which need not exist.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self { client, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn request(&self, verb: &'static str) -> Request {
        Request { verb, resource: "leases".to_owned(), name: format!("{}/{}", self.namespace, self.name) }
    }

    fn builder(&self) -> Builder {
        Builder::new(ApiLease::url_path(&(), Some(&segment(&self.namespace))))
    }

    /// Watches from `version`, or from now without one, which tells the present state first.
    async fn watch(&self, version: &str) -> Repeat {
        let one =
            WatchParams::default().timeout(WATCH_SECONDS).fields(&format!("metadata.name={}", self.name));
        let mut told = Repeat::Nothing;
        let Ok(request) = self.builder().watch(&one, version) else { return told };
        let Ok(events) = self.client.request_events::<Value>(request).await else { return told };
        let mut events = pin!(events);
        while let Ok(Some(event)) = events.try_next().await {
            match event {
                WatchEvent::Added(lease) | WatchEvent::Modified(lease) => {
                    let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
                    if holder.is_none_or(str::is_empty) {
                        return Repeat::Freed;
                    }
                    told = Repeat::Held;
                }
                WatchEvent::Deleted(_) => return Repeat::Freed,
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => break,
            }
        }
        told
    }
}

/// What a watch told before it ended.
enum Repeat {
    Freed,
    Held,
    Nothing,
}

impl Leases for Lease {
    async fn get(&self) -> Result<Value, ApiError> {
        let get = self.builder().get(&segment(&self.name), &GetParams::default());
        json(&self.client, &self.request("get"), get).await
    }

    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        let create = self.builder().create(&PostParams::default(), lease.to_string().into_bytes());
        json(&self.client, &self.request("create"), create).await
    }

    async fn replace(&self, lease: &Value) -> Result<Value, ApiError> {
        let (name, params) = (segment(&self.name), PostParams::default());
        let replace = self.builder().replace(&name, &params, lease.to_string().into_bytes());
        json(&self.client, &self.request("update"), replace).await
    }

    /// A watch that ends or fails is begun anew, from the state at that time.
    async fn freed(&self, version: &str) {
        let (mut version, mut pause) = (version, PAUSE);
        loop {
            match self.watch(version).await {
                Repeat::Freed => return,
                Repeat::Held => pause = PAUSE,
                Repeat::Nothing => {}
            }
            sleep(pause).await;
            version = "";
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
