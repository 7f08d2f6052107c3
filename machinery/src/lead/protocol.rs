//! The election protocol: what to do with a Lease as last observed. Pure; time is an argument.
//!
//! The protocol is client-go's, so that its replicas and ours can share one Lease. The times in the Lease are never
//! compared with our clock: a candidate notes *when it observed a change of the spec*, and counts the lease duration
//! from there. So clocks that differ by an hour do no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// This replica's identity, and what it writes to the Lease.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Written to `holderIdentity`; unique to this process.
    pub identity: String,
    /// `leaseDurationSeconds`, also assumed for a holder whose Lease has no usable duration.
    pub lease_duration: Duration,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Labels to set on the Lease; labels set by others stay.
    pub labels: BTreeMap<String, String>,
}

/// The Lease as last read or written, and when its spec was first observed.
#[derive(Debug, Clone)]
pub struct ObservedLease {
    lease: Value,
    since: Instant,
    gone: bool,
}

/// What a candidate has to do with a Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseAction {
    /// Replace it with this Lease, which makes us the holder or renews the lease.
    Put(Value),
    /// Leave it: another replica holds it.
    Respect {
        /// `holderIdentity`.
        holder: String,
        /// When the lease expires unless it is renewed.
        expires: Instant,
    },
}

impl ObservedLease {
    /// A Lease that is observed for the first time.
    #[must_use]
    pub fn new(lease: Value, now: Instant) -> Self {
        Self { lease, since: now, gone: false }
    }

    /// A later observation. Only a changed spec restarts the lease duration.
    #[must_use]
    pub fn next(self, lease: Value, now: Instant) -> Self {
        let since = if self.lease.get("spec") == lease.get("spec") { self.since } else { now };
        Self { lease, since, gone: false }
    }

    /// Notes that the Lease was deleted. The lease duration restarts once, since it may have been renewed just before.
    pub(crate) fn mark_deleted(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.gone, true) {
            self.since = now;
        }
    }

    /// `spec.holderIdentity`; `None` if the Lease is free.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.spec("holderIdentity")?.as_str().filter(|holder| !holder.is_empty())
    }

    /// `metadata.resourceVersion`, "" if missing.
    #[must_use]
    pub fn version(&self) -> &str {
        self.lease.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
    }

    fn spec(&self, field: &str) -> Option<&Value> {
        self.lease.get("spec")?.get(field)
    }
}

impl Candidate {
    /// The Lease to create if there is none.
    pub(crate) fn first(&self, wall: Timestamp) -> Value {
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
        });
        self.write(&mut lease, &self.terms(wall, Some(wall), 0));
        lease
    }

    /// What to do with the observed Lease. The monotonic `now` decides; `wall` is only written to the Lease.
    #[must_use]
    pub fn next_action(&self, observed: &ObservedLease, now: Instant, wall: Timestamp) -> LeaseAction {
        let transitions = whole(observed.spec("leaseTransitions")).clamp(0, i32::MAX.into());
        let ours = observed.holder() == Some(&self.identity);
        if let Some(holder) = observed.holder()
            && !ours
        {
            let expires = self.expiry(observed);
            if now < expires {
                return LeaseAction::Respect { holder: holder.to_owned(), expires };
            }
        }
        let terms = if ours {
            self.terms(unlike(observed.spec("renewTime"), wall), None, transitions)
        } else {
            self.terms(wall, Some(wall), (transitions + 1).min(i32::MAX.into()))
        };
        let mut lease = observed.lease.clone();
        self.write(&mut lease, &terms);
        LeaseAction::Put(lease)
    }

    /// The Lease as we release it, like client-go: no holder and a duration of one second. `None` if we do not hold it.
    #[must_use]
    pub fn release(&self, observed: &ObservedLease, wall: Timestamp) -> Option<Value> {
        if observed.holder() != Some(&self.identity) {
            return None;
        }
        let mut lease = observed.lease.clone();
        let terms = json!({
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "acquireTime": micro(wall),
            "renewTime": micro(wall),
            "leaseTransitions": whole(observed.spec("leaseTransitions")).clamp(0, i32::MAX.into()),
        });
        self.write(&mut lease, &terms);
        Some(lease)
    }

    /// When the lease expires. Without a usable duration ours is assumed: none could make two leaders, an endless one
    /// would leave no leader.
    fn expiry(&self, observed: &ObservedLease) -> Instant {
        let seconds = u32::try_from(whole(observed.spec("leaseDurationSeconds"))).unwrap_or(0);
        let assumed = if seconds == 0 { self.lease_duration } else { Duration::from_secs(seconds.into()) };
        observed.since + assumed
    }

    fn terms(&self, wall: Timestamp, acquired: Option<Timestamp>, transitions: i64) -> Value {
        let mut terms = json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": whole_seconds(self.lease_duration),
            "renewTime": micro(wall),
            "leaseTransitions": transitions,
        });
        if let Some(acquired) = acquired {
            terms["acquireTime"] = micro(acquired);
        }
        terms
    }

    /// Sets the terms and our labels. Other fields stay, since a PUT would remove them.
    fn write(&self, lease: &mut Value, terms: &Value) {
        let spec = object(lease, "spec");
        for (field, value) in terms.as_object().into_iter().flatten() {
            spec.insert(field.clone(), value.clone());
        }
        if spec.get("acquireTime").is_none_or(Value::is_null) {
            spec.insert("acquireTime".to_owned(), terms["renewTime"].clone());
        }
        if !self.labels.is_empty() {
            let mut metadata = Value::Object(std::mem::take(object(lease, "metadata")));
            let labels = object(&mut metadata, "labels");
            for (key, value) in &self.labels {
                labels.insert(key.clone(), value.as_str().into());
            }
            lease["metadata"] = metadata;
        }
    }
}

/// The object at a field; whatever else is there is replaced by an empty one.
fn object<'a>(parent: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    if !parent.is_object() {
        *parent = Value::Object(Map::new());
    }
    let place = &mut parent[field];
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("made an object above")
        }
    }
}

/// Rounds up: the Lease must never give other replicas less time than we use ourselves.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn whole(field: Option<&Value>) -> i64 {
    field.and_then(Value::as_i64).unwrap_or(0)
}

/// A time other than the written one, even if our clock was set back: replicas take an unchanged spec for a lease that
/// was not renewed.
fn unlike(written: Option<&Value>, wall: Timestamp) -> Timestamp {
    if written == Some(&micro(wall)) {
        return wall.checked_add(SignedDuration::from_micros(1)).unwrap_or(wall);
    }
    wall
}

/// Formats with six fractional digits, always: an API server answers 400 to a Lease time without a fraction.
fn micro(time: Timestamp) -> Value {
    serde_json::to_value(MicroTime(time)).unwrap_or_default()
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
