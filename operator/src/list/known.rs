//! What is known of the cluster: what the rules look at, and what is only shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::Context;
use machinery::object::Object;
use machinery::queue::Key;
use machinery::watch::Sink;
use model::claim::Claim;
use model::class::SingleClass;
use model::content::SingleContent;
use model::facts::Content;
use model::snapshot::{Snapshot, VolumeSnapshot, group_owner};
use model::user::UserObject;
use serde_json::Value;
use snapshot_controller::caches::Caches;
use snapshot_controller::wake::{CachedKind, Feed, claim_of};

use super::seen::{Aside, Problem};
use super::waits::Waits;
use crate::fields::object;
use crate::unread::Unread;
use crate::why::{Finding, glance};

/// Kinds that could not be read: what depends on them cannot be told.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub struct Hidden {
    pub contents: bool,
    pub claims: bool,
    pub classes: bool,
    pub volumes: bool,
    pub groups: bool,
}

/// What is known.
pub struct Known {
    pub feed: Feed,
    /// By the keys of the snapshots that are listed.
    pub snapshots: BTreeMap<String, Aside>,
    /// The errors of contents, by their names.
    pub problems: HashMap<String, Problem>,
    pub hidden: Hidden,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Known {
    /// Nothing yet.
    ///
    /// # Errors
    /// A defect of the program.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            feed: Feed::alone().context("cannot look at anything")?,
            snapshots: BTreeMap::new(),
            problems: HashMap::new(),
            hidden: Hidden::default(),
            unread: Vec::new(),
        })
    }

    pub fn caches(&self) -> &Caches {
        &self.feed.caches
    }

    pub fn take<B: CachedKind>(&self, object: Object<B>) {
        Sink::<B>::seen(&self.feed, object);
    }

    pub fn take_snapshot(&mut self, all: Value) {
        let aside = Aside::read(&all);
        let snapshot: VolumeSnapshot = object(all);
        self.snapshots.insert(snapshot.key(), aside);
        self.take(snapshot);
    }

    /// Takes in a content; returns its name and its error, if it has one.
    pub fn take_content(&self, all: Value) -> Option<(String, Problem)> {
        let problem = Problem::read(&all);
        let content: Object<SingleContent> = object(all);
        let name = content.name().to_owned();
        self.take(content);
        Some((name, problem?))
    }

    pub fn is_listed(&self, key: &str) -> bool {
        self.snapshots.contains_key(key) || self.snapshot(key).is_some()
    }

    /// A snapshot is not there any more.
    pub fn forget(&mut self, key: &str) {
        self.snapshots.remove(key);
        if let Some(last) = self.snapshot(key) {
            Sink::<Snapshot>::gone(&self.feed, Object::clone(&last));
        }
    }

    /// The snapshots that are listed.
    pub fn listed(&self) -> impl Iterator<Item = Arc<VolumeSnapshot>> {
        self.snapshots.keys().filter_map(|key| self.snapshot(key))
    }

    /// A snapshot that is listed.
    pub fn snapshot(&self, key: &str) -> Option<Arc<VolumeSnapshot>> {
        self.caches().singles.users.get(key)
    }

    /// The volume that a snapshot is to be taken of, if its content is still to be made.
    pub fn volume_to_take(&self, snapshot: &VolumeSnapshot) -> Option<String> {
        let content = self.caches().singles.contents.get(&snapshot.user().content_name());
        let is_to_be_made = content.is_none() && !snapshot.is_deleting();
        let claim = self.caches().claims.get(&claim_of(snapshot).filter(|_| is_to_be_made)?)?;
        claim.body.volume.as_deref().map(str::to_owned)
    }

    /// Whether a snapshot may be part of a group.
    pub fn may_have_group(&self, snapshot: &VolumeSnapshot) -> bool {
        let content = self.caches().singles.contents.get(&snapshot.user().content_name());
        let has_handle = |content: &Object<SingleContent>| {
            content.facts().status.is_some_and(|status| status.group_handle.is_some())
        };
        group_owner(snapshot).is_some() || content.is_some_and(|content| has_handle(&content))
    }

    /// What a snapshot waits for; `None` if it is at rest. The verdict is that of `why`.
    pub fn waits(&self, snapshot: &VolumeSnapshot) -> Option<Waits> {
        let user = snapshot.user();
        if !user.is_deleting() && user.is_ready() && self.hidden.contents {
            // Its status is all that can be gone by.
            return None;
        }
        let finding =
            if self.is_hidden(snapshot) { Finding::CannotTell } else { glance(self.caches(), snapshot) };
        Waits::of(finding)
    }

    /// Whether the next step of a snapshot depends on what could not be read.
    fn is_hidden(&self, snapshot: &VolumeSnapshot) -> bool {
        let (hidden, user) = (self.hidden, snapshot.user());
        if !user.is_deleting() && user.is_ready() {
            return false;
        }
        if hidden.contents || (hidden.groups && self.may_have_group(snapshot)) {
            return true;
        }
        if user.is_deleting() {
            return hidden.claims;
        }
        let content = self.caches().singles.contents.get(&user.content_name());
        match content {
            Some(content) => hidden.classes && content.facts().handle().is_none(),
            None => user.is_dynamic && (hidden.classes || hidden.claims || hidden.volumes),
        }
    }
}

/// Whose line a change of an object may concern.
pub trait Concerns: CachedKind {
    /// The keys of snapshots.
    fn concerns(object: &Object<Self>, caches: &Caches) -> Vec<String>;
}

fn texts(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| (**key).to_owned()).collect()
}

impl Concerns for Snapshot {
    fn concerns(object: &Object<Self>, _caches: &Caches) -> Vec<String> {
        vec![object.key()]
    }
}

impl Concerns for SingleContent {
    fn concerns(object: &Object<Self>, caches: &Caches) -> Vec<String> {
        texts(&caches.singles.of_content.get(object.name()))
    }
}

impl Concerns for Claim {
    fn concerns(object: &Object<Self>, caches: &Caches) -> Vec<String> {
        let mut keys = texts(&caches.waiting_for_claim.get(&object.key()));
        keys.extend(object.body.restores.iter().map(|(namespace, name)| {
            format!("{}/{name}", namespace.as_deref().unwrap_or_else(|| object.namespace()))
        }));
        keys
    }
}

impl Concerns for SingleClass {
    fn concerns(object: &Object<Self>, caches: &Caches) -> Vec<String> {
        let waiting = &caches.singles.waiting_for_class;
        let mut keys = texts(&waiting.get(object.name()));
        // It may be a default class, or have ceased to be one.
        keys.extend(texts(&waiting.get("")));
        keys
    }
}
