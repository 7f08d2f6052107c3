//! What an election owes next, from the Lease as last seen; pure, time is an argument.
//!
//! The protocol is client-go's, so that its replicas and ours may share one Lease. Its heart: the times in the
//! record are never compared with a clock of ours. A candidate notes *when it saw the record change*, and counts
//! the record's own duration from there; clocks that differ by an hour do no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Who we are in the election, and the terms we write.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Written to `holderIdentity`; unique to this process.
    pub identity: String,
    /// `leaseDurationSeconds`, and how long a holder that gives no usable duration is believed.
    pub lease_duration: Duration,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Labels kept on the Lease besides those of others.
    pub labels: BTreeMap<String, String>,
}

/// The Lease as last read or written, and when it was first seen to say what it says.
#[derive(Debug, Clone)]
pub struct Sight {
    lease: Value,
    since: Instant,
    gone: bool,
}

/// What a candidate may do about a Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Owed {
    /// Put this Lease: it makes us the holder, or keeps us so.
    Put(Value),
    /// Leave it: somebody holds it, at least until `expires` unless renewed.
    Respect {
        /// The holder.
        holder: String,
        /// When its lease runs out, should nothing change.
        expires: Instant,
    },
}

impl Sight {
    /// A Lease, seen for the first time.
    #[must_use]
    pub fn new(lease: Value, now: Instant) -> Self {
        Self { lease, since: now, gone: false }
    }

    /// A later sight of the Lease. Only a spec that differs restarts the holder's time.
    #[must_use]
    pub fn next(self, lease: Value, now: Instant) -> Self {
        let since = if self.lease.get("spec") == lease.get("spec") { self.since } else { now };
        Self { lease, since, gone: false }
    }

    /// The Lease was deleted. Its holder may have renewed it right before, and goes on until it notices: its time
    /// starts again, once.
    pub fn vanish(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.gone, true) {
            self.since = now;
        }
    }

    /// The holder; `None` for a Lease that is free, or that names no holder in any readable way.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.spec("holderIdentity")?.as_str().filter(|holder| !holder.is_empty())
    }

    /// `metadata.resourceVersion`, "" if there is none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.lease.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
    }

    fn spec(&self, field: &str) -> Option<&Value> {
        self.lease.get("spec")?.get(field)
    }
}

impl Candidate {
    /// The Lease to create where there is none.
    #[must_use]
    pub fn first(&self, wall: Timestamp) -> Value {
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
        });
        self.write(&mut lease, &self.terms(wall, Some(wall), 0));
        lease
    }

    /// What is owed on a Lease as seen. `now` is monotonic and decides; `wall` is only written down.
    #[must_use]
    pub fn owed(&self, sight: &Sight, now: Instant, wall: Timestamp) -> Owed {
        let transitions = whole(sight.spec("leaseTransitions")).clamp(0, i32::MAX.into());
        let ours = sight.holder() == Some(&self.identity);
        if let Some(holder) = sight.holder()
            && !ours
        {
            let expires = self.expiry(sight);
            if now < expires {
                return Owed::Respect { holder: holder.to_owned(), expires };
            }
        }
        let terms = if ours {
            self.terms(unlike(sight.spec("renewTime"), wall), None, transitions)
        } else {
            self.terms(wall, Some(wall), (transitions + 1).min(i32::MAX.into()))
        };
        let mut lease = sight.lease.clone();
        self.write(&mut lease, &terms);
        Owed::Put(lease)
    }

    /// The Lease as we leave it for the next: no holder, a duration of one second, transitions kept.
    /// `None` if it is not ours to give.
    #[must_use]
    pub fn release(&self, sight: &Sight, wall: Timestamp) -> Option<Value> {
        if sight.holder() != Some(&self.identity) {
            return None;
        }
        let mut lease = sight.lease.clone();
        let terms = json!({
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "acquireTime": micro(wall),
            "renewTime": micro(wall),
            "leaseTransitions": whole(sight.spec("leaseTransitions")).clamp(0, i32::MAX.into()),
        });
        self.write(&mut lease, &terms);
        Some(lease)
    }

    /// A record without a usable duration is believed for as long as one of ours would be: taking it over at
    /// once could make two leaders, never taking it over would leave none.
    fn expiry(&self, sight: &Sight) -> Instant {
        let seconds = u32::try_from(whole(sight.spec("leaseDurationSeconds"))).unwrap_or(0);
        let believed = if seconds == 0 { self.lease_duration } else { Duration::from_secs(seconds.into()) };
        sight.since + believed
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

    /// Sets the terms and our labels; every other field stays as it was read.
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

/// The map at a field, made there if something else or nothing is.
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

/// Rounded up: a record must never promise others less time than we take ourselves.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn whole(field: Option<&Value>) -> i64 {
    field.and_then(Value::as_i64).unwrap_or(0)
}

/// A time that the record does not hold yet: others take a record that stays the same for one not renewed, even if
/// our clock was set back to the very microsecond.
fn unlike(written: Option<&Value>, wall: Timestamp) -> Timestamp {
    if written == Some(&micro(wall)) {
        return wall.checked_add(SignedDuration::from_micros(1)).unwrap_or(wall);
    }
    wall
}

/// With six digits of fraction, always: an API server answers 400 to a Lease time that has none.
fn micro(time: Timestamp) -> Value {
    serde_json::to_value(MicroTime(time)).unwrap_or_default()
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
