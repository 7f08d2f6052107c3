//! What was read, reduced to what the checks need. A field of another type than it should have reads as absent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::fields::{each, owned, words};
use crate::unread::{Unread, Why};

/// Everything that was read.
#[derive(Debug)]
pub struct Seen {
    pub clock: Clock,
    /// By full name, those of lone snapshots first.
    pub definitions: Vec<(&'static str, Result<Definition, Unread>)>,
    /// The Leases of both programs.
    pub leases: Result<Vec<Lease>, Unread>,
    /// The names of the CSIDrivers.
    pub drivers: Result<Vec<String>, Unread>,
    pub classes: Result<Vec<Class>, Unread>,
    pub group_classes: Result<Vec<Class>, Unread>,
    /// Name and provisioner of each StorageClass.
    pub storage: Result<Vec<(String, String)>, Unread>,
    /// How many contents each driver has.
    pub contents: Result<BTreeMap<String, usize>, Unread>,
    /// The webhooks that may be asked, each kind by its resource.
    pub webhooks: Vec<(&'static str, Result<Vec<Webhook>, Unread>)>,
    pub policies: Result<Vec<Policy>, Unread>,
    /// Whether a service that one of them names has a ready endpoint, by its key.
    pub services: BTreeMap<String, Result<bool, Unread>>,
}

impl Seen {
    /// Whether the kinds of group snapshots are there.
    pub fn has_groups(&self) -> bool {
        let of_groups = self.definitions.iter().filter(|(name, _)| is_of_groups(name));
        of_groups.map(|(_, read)| read).any(|read| read.as_ref().is_ok_and(|definition| definition.serves_v1))
    }

    /// What could not be read.
    pub fn unread(&self) -> impl Iterator<Item = &Unread> {
        let definitions = self.definitions.iter().filter_map(|(_, read)| read.as_ref().err());
        let webhooks = self.webhooks.iter().filter_map(|(_, read)| read.as_ref().err());
        let others = [
            self.leases.as_ref().err(),
            self.drivers.as_ref().err(),
            self.classes.as_ref().err(),
            self.contents.as_ref().err(),
        ];
        definitions.chain(webhooks).chain(others.into_iter().flatten())
    }
}

/// Whether a definition is one of group snapshots.
pub fn is_of_groups(definition: &str) -> bool {
    definition.ends_with(".groupsnapshot.storage.k8s.io")
}

/// Whether it could not be read for want of the kind: then there is none of it.
pub fn is_not_served(unread: &Unread) -> bool {
    matches!(unread.why, Why::NotServed)
}

/// The time that Leases are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// That of the API server where it tells it, else ours.
    pub now: Timestamp,
    /// By how many seconds it may differ from the clock of whoever renews a Lease.
    pub slack: i64,
}

/// A CustomResourceDefinition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `None` if it is established; else why not.
    pub not_established: Option<String>,
    pub serves_v1: bool,
    pub served: Vec<String>,
    /// The version that new objects are stored in.
    pub stores: String,
    /// The versions that objects may be stored in.
    pub stored: Vec<String>,
    pub conversion: Option<Asked>,
}

/// A webhook, as the API server finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The key of a service, or `None` for a URL.
    pub service: Option<String>,
    pub has_ca: bool,
}

/// A Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub namespace: String,
    pub name: String,
    pub holder: Option<String>,
    pub renewed: Option<Timestamp>,
    pub seconds: i64,
}

/// A class of lone or group snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    pub name: String,
    pub driver: String,
    pub is_default: bool,
    /// It names a Secret.
    pub has_secret: bool,
}

/// A webhook of admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub configuration: String,
    pub name: String,
    pub asked: Asked,
    /// Our writes fail while it is away.
    pub must_answer: bool,
    pub rules: Vec<Rule>,
    /// It also matches other versions of what its rules name.
    pub is_equivalent: bool,
}

/// What a webhook or a policy is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    pub groups: Vec<String>,
    pub versions: Vec<String>,
    pub resources: Vec<String>,
    pub operations: Vec<String>,
}

/// A ValidatingAdmissionPolicy that is bound so that it denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub name: String,
    pub rules: Vec<Rule>,
    pub is_equivalent: bool,
}

pub fn name(object: &Value) -> String {
    owned(object, "/metadata/name").unwrap_or_default()
}

fn is_true(object: &Value, field: &str) -> bool {
    object.get(field) == Some(&Value::Bool(true))
}

impl Asked {
    /// Reads a `clientConfig`.
    pub fn read(config: &Value) -> Self {
        let service = config.get("service").filter(|service| service.is_object()).map(|service| {
            let text_at = |place| owned(service, place).unwrap_or_default();
            format!("{}/{}", text_at("/namespace"), text_at("/name"))
        });
        Self { service, has_ca: owned(config, "/caBundle").is_some() }
    }
}

impl Definition {
    pub fn read(object: &Value) -> Self {
        let condition = each(object, "/status/conditions")
            .find(|condition| owned(condition, "/type").as_deref() == Some("Established"));
        let not_established = match condition {
            Some(condition) if owned(condition, "/status").as_deref() == Some("True") => None,
            Some(condition) => Some(owned(condition, "/message").unwrap_or_default()),
            None => Some("it has no such condition".to_owned()),
        };
        let versions: Vec<&Value> = each(object, "/spec/versions").collect();
        let names = |which: &str| -> Vec<String> {
            versions
                .iter()
                .filter(|version| is_true(version, which))
                .filter_map(|it| owned(it, "/name"))
                .collect()
        };
        let conversion =
            (owned(object, "/spec/conversion/strategy").as_deref() == Some("Webhook")).then(|| {
                Asked::read(object.pointer("/spec/conversion/webhook/clientConfig").unwrap_or(&Value::Null))
            });
        let served = names("served");
        Self {
            not_established,
            serves_v1: served.iter().any(|version| version == "v1"),
            served,
            stores: names("storage").into_iter().next().unwrap_or_default(),
            stored: words(object, "/status/storedVersions"),
            conversion,
        }
    }
}

impl Lease {
    pub fn read(object: &Value) -> Self {
        Self {
            namespace: owned(object, "/metadata/namespace").unwrap_or_default(),
            name: name(object),
            holder: owned(object, "/spec/holderIdentity"),
            renewed: owned(object, "/spec/renewTime").and_then(|time| time.parse().ok()),
            seconds: object.pointer("/spec/leaseDurationSeconds").and_then(Value::as_i64).unwrap_or_default(),
        }
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether its holder renewed it in time.
    pub fn is_held(&self, clock: Clock) -> bool {
        let age = |time: Timestamp| clock.now.as_second().saturating_sub(time.as_second());
        self.holder.is_some() && self.renewed.is_some_and(|time| age(time) <= self.seconds + clock.slack)
    }
}

impl Rule {
    fn read(object: &Value) -> Self {
        Self {
            groups: words(object, "/apiGroups"),
            versions: words(object, "/apiVersions"),
            resources: words(object, "/resources"),
            operations: words(object, "/operations"),
        }
    }
}

impl Webhook {
    /// The webhooks of a configuration.
    pub fn read(configuration: &Value) -> Vec<Self> {
        let read = |webhook: &Value| Self {
            configuration: name(configuration),
            name: owned(webhook, "/name").unwrap_or_default(),
            asked: Asked::read(webhook.get("clientConfig").unwrap_or(&Value::Null)),
            must_answer: owned(webhook, "/failurePolicy").as_deref() != Some("Ignore"),
            rules: each(webhook, "/rules").map(Rule::read).collect(),
            is_equivalent: owned(webhook, "/matchPolicy").as_deref() != Some("Exact"),
        };
        each(configuration, "/webhooks").map(read).collect()
    }
}

impl Policy {
    pub fn read(object: &Value) -> Self {
        Self {
            name: name(object),
            rules: each(object, "/spec/matchConstraints/resourceRules").map(Rule::read).collect(),
            is_equivalent: owned(object, "/spec/matchConstraints/matchPolicy").as_deref() != Some("Exact"),
        }
    }
}
