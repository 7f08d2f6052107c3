//! Reads the objects of a chain, by name wherever there is one, into the tree and into the caches that the rules look at.

use std::sync::Arc;

use anyhow::Context;
use machinery::cluster::pages::Which;
use machinery::cluster::plain::Resource;
use machinery::object::{Body, Object};
use machinery::watch::Sink;
use serde_json::Value;
use snapshot_controller::wake::{CachedKind, Feed};

use super::node::at;
use crate::check::programs::{CONTROLLER, LEASES, lease_of};
use crate::check::seen::{Clock, Lease};
use crate::fields::text;
use crate::session::Session;
use crate::unread::{Unread, Why};

const EVENTS: Resource = Resource { group: "", version: "v1", plural: "events" };
/// Where the snapshot-controller keeps its Lease unless a flag says otherwise.
const HOME: &str = "kube-system";
/// Events that are shown of an object.
const MOST_EVENTS: usize = 3;
/// By how many seconds our clock may differ from that of whoever renews a Lease.
const SLACK: i64 = 15;

/// An object as it was read.
#[derive(Debug)]
pub struct Seen<B: Body> {
    /// As the rules see it.
    pub object: Arc<Object<B>>,
    /// Everything.
    pub all: Value,
}

/// Reads, and remembers what was read.
pub struct Reader<'s> {
    session: &'s Session,
    feed: Feed,
}

impl<'s> Reader<'s> {
    pub fn new(session: &'s Session) -> anyhow::Result<Self> {
        Ok(Self { session, feed: Feed::alone().context("cannot look at anything")? })
    }

    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Reads an object by its key, into the caches, too.
    pub async fn get<B: CachedKind>(&self, key: &str) -> Result<Seen<B>, Unread> {
        let all = self.session.get_plain(&Resource::of::<B>(), key).await?;
        Ok(self.take(all))
    }

    /// Reads the objects of a namespace, or of the cluster.
    pub async fn list<B: CachedKind>(&self, which: &Which<'_>) -> Result<Vec<Seen<B>>, Unread> {
        let add = |all: &mut Vec<Value>, object| all.push(object);
        let all = self.session.list_plain(&Resource::of::<B>(), which, add).await?;
        Ok(all.into_iter().map(|object| self.take(object)).collect())
    }

    fn take<B: CachedKind>(&self, all: Value) -> Seen<B> {
        // Objects are read leniently: every JSON object is one.
        let object: Object<B> = serde_json::from_value(all.clone()).unwrap_or_else(|_| empty());
        Sink::<B>::seen(&self.feed, object.clone());
        Seen { object: Arc::new(object), all }
    }

    /// The last events about an object, the newest first.
    pub async fn events(&self, object: &Value) -> Result<Vec<Value>, Unread> {
        let uid = text(object, "/metadata/uid").unwrap_or_default();
        // The events about an object of the cluster are in this namespace.
        let namespace = text(object, "/metadata/namespace").unwrap_or("default");
        let fields = format!("involvedObject.uid={uid}");
        let which = Which { namespace: Some(namespace), fields: &fields, ..Which::default() };
        let add = |all: &mut Vec<Value>, event: Value| {
            // A server may not know the selector.
            if text(&event, "/involvedObject/uid") == Some(uid) {
                all.push(event);
            }
        };
        let mut events = self.session.list_plain(&EVENTS, &which, add).await?;
        // Their times are whole seconds.
        let version = |event: &Value| text(event, "/metadata/resourceVersion")?.parse::<u64>().ok();
        events.sort_by_key(|event| std::cmp::Reverse((at(event), version(event))));
        events.truncate(MOST_EVENTS);
        Ok(events)
    }

    pub fn clock(&self) -> Clock {
        Clock { now: self.session.now, slack: SLACK }
    }

    /// The Leases of the snapshot-controller: the one in its usual place, or those of its name elsewhere.
    pub async fn controller_leases(&self) -> Result<Vec<Lease>, Unread> {
        match self.session.get_plain(&LEASES, &format!("{HOME}/{CONTROLLER}")).await {
            Ok(lease) => Ok(vec![Lease::read(&lease)]),
            Err(Unread { why: Why::Missing, .. }) => self.leases(CONTROLLER).await,
            Err(unread) => Err(unread),
        }
    }

    /// The Leases of the sidecar of a driver, on this node where each has its own. Nobody knows its namespace.
    pub async fn sidecar_leases(&self, driver: &str, node: Option<&str>) -> Result<Vec<Lease>, Unread> {
        self.leases(&sidecar_lease(driver, node)).await
    }

    /// The Leases of a name in all namespaces.
    async fn leases(&self, name: &str) -> Result<Vec<Lease>, Unread> {
        let fields = format!("metadata.name={name}");
        let which = Which { fields: &fields, ..Which::default() };
        let add = |all: &mut Vec<Lease>, object: Value| all.push(Lease::read(&object));
        let mut leases = self.session.list_plain(&LEASES, &which, add).await?;
        // A server may not know the selector.
        leases.retain(|lease| lease.name == name);
        Ok(leases)
    }
}

/// The name of the Lease of a driver's sidecar.
pub fn sidecar_lease(driver: &str, node: Option<&str>) -> String {
    node.map_or_else(|| lease_of(driver), |node| format!("{}-{node}", lease_of(driver)))
}

fn empty<B: Body>() -> Object<B> {
    let metadata = machinery::object::Metadata::default();
    Object { metadata, body: B::read(&mut machinery::object::Fields::of(Value::Null)) }
}
