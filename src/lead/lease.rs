//! The Lease of an election on an API server.

use std::future;
use std::pin::pin;

use futures_util::TryStreamExt;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::Value;

use super::elector::Leases;
use crate::cluster::error::{ApiError, Request};
use crate::cluster::request::{Payload, json, segment};

/// How long the server keeps one watch open; a follower asks anew more often than that.
const WATCH_SECONDS: u32 = 60;

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

    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", segment(&self.namespace))
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), segment(&self.name))
    }

    /// Whether a change that frees the Lease came in before the watch ended.
    async fn watch(&self, version: &str) -> Option<()> {
        let query = format!(
            "{}?watch=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}&fieldSelector=metadata.name%3D{}",
            self.collection(),
            segment(version),
            segment(&self.name)
        );
        let request = http::Request::get(query).body(Vec::new()).ok()?;
        let mut events = pin!(self.client.request_events::<Value>(request).await.ok()?);
        while let Ok(Some(event)) = events.try_next().await {
            match event {
                WatchEvent::Added(lease) | WatchEvent::Modified(lease) => {
                    let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
                    if holder.is_none_or(str::is_empty) {
                        return Some(());
                    }
                }
                WatchEvent::Deleted(_) => return Some(()),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => return None,
            }
        }
        None
    }
}

impl Leases for Lease {
    async fn get(&self) -> Result<Value, ApiError> {
        json(&self.client, &self.request("get"), &self.path(), Payload::Nothing).await
    }

    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        let body = lease.to_string();
        let body = Payload::Object(body.as_bytes());
        json(&self.client, &self.request("create"), &self.collection(), body).await
    }

    async fn replace(&self, lease: &Value) -> Result<Value, ApiError> {
        let body = lease.to_string();
        let body = Payload::Object(body.as_bytes());
        json(&self.client, &self.request("update"), &self.path(), body).await
    }

    /// A watch that fails stays silent: the follower's own pace goes on.
    async fn freed(&self, version: &str) {
        if self.watch(version).await.is_none() {
            future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
