//! What a snapshot waits for, in one word.

use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER, RESTORING_FINALIZER};
use serde::Serialize;

use super::look::Around;
use super::seen::{Content, Deletion, Snapshot};

/// What a snapshot waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Waits {
    /// For a source that is valid: it has none, or two.
    Source,
    /// For a class: the one that it names, or a default one.
    Class,
    /// For its claim, or for the claim's volume.
    Claim,
    /// For its content: it is to be made, to be bound, or to be deleted.
    Content,
    /// For the driver, through the sidecar.
    Driver,
    /// The snapshot is taken, and the driver says that it is not ready yet.
    Ready,
    /// For the group that it is a member of.
    Group,
    /// For a claim that is restored from it.
    Restore,
    /// For the snapshot-controller, which has all that it needs.
    Controller,
    /// For the owner of a finalizer that is not ours.
    Finalizer,
    /// What is needed to tell may not be read.
    #[serde(rename = "?")]
    Unknown,
}

impl Waits {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Class => "class",
            Self::Claim => "claim",
            Self::Content => "content",
            Self::Driver => "driver",
            Self::Ready => "ready",
            Self::Group => "group",
            Self::Restore => "restore",
            Self::Controller => "controller",
            Self::Finalizer => "finalizer",
            Self::Unknown => "?",
        }
    }
}

/// What a snapshot waits for; `None` if it is at rest. Derived from fields alone.
pub fn waits(snapshot: &Snapshot, around: &Around) -> Option<Waits> {
    if snapshot.is_deleting {
        return Some(deleted(snapshot, around));
    }
    if snapshot.ready == Some(true) && snapshot.bound.is_some() {
        return None;
    }
    let Some(contents) = &around.contents else { return Some(Waits::Unknown) };
    Some(match (&snapshot.claim, &snapshot.given, contents.get(&snapshot.content())) {
        (None, None, _) | (Some(_), Some(_), _) => Waits::Source,
        (_, _, Some(content)) if !is_of(content, snapshot) => Waits::Content,
        (_, _, Some(content)) => taken(content),
        (_, Some(_), None) => Waits::Content,
        (Some(_), None, None) if snapshot.is_member => Waits::Group,
        (Some(_), None, None) if snapshot.bound.is_some() => Waits::Content,
        (Some(claim), None, None) => to_be_taken(snapshot, claim, around),
    })
}

/// Whether a content is that of a snapshot, or may become it.
fn is_of(content: &Content, snapshot: &Snapshot) -> bool {
    let (namespace, name, uid) = &content.owner;
    *namespace == snapshot.namespace && *name == snapshot.name && (uid.is_empty() || *uid == snapshot.uid)
}

fn taken(content: &Content) -> Waits {
    match (content.ready, &content.handle) {
        (Some(true), _) => Waits::Controller,
        (_, Some(_)) => Waits::Ready,
        (_, None) if content.is_member => Waits::Group,
        (_, None) => Waits::Driver,
    }
}

/// There is no content yet.
fn to_be_taken(snapshot: &Snapshot, claim: &str, around: &Around) -> Waits {
    let Some(classes) = &around.classes else { return Waits::Unknown };
    let has_class = match &snapshot.class {
        Some(name) => classes.contains_key(name),
        // Which driver it is of stands in the volume, which is not read.
        None => classes.values().any(|is_default| *is_default),
    };
    let Some(claims) = &around.claims else { return Waits::Unknown };
    let is_bound = claims.is_bound(&snapshot.namespace, claim);
    match (has_class, is_bound) {
        (false, _) => Waits::Class,
        (true, false) => Waits::Claim,
        (true, true) => Waits::Controller,
    }
}

/// Its deletion was asked for.
fn deleted(snapshot: &Snapshot, around: &Around) -> Waits {
    let holds = |finalizer: &str| snapshot.finalizers.iter().any(|held| held == finalizer);
    if holds(RESTORING_FINALIZER) {
        return Waits::Restore;
    }
    if holds(IN_GROUP_FINALIZER) {
        return Waits::Group;
    }
    if holds(AS_SOURCE_FINALIZER) {
        let Some(claims) = &around.claims else { return Waits::Unknown };
        if claims.is_being_restored(&snapshot.key()) {
            return Waits::Restore;
        }
    }
    if holds(BOUND_FINALIZER) || holds(AS_SOURCE_FINALIZER) {
        let Some(contents) = &around.contents else { return Waits::Unknown };
        let content = contents.get(&snapshot.content()).filter(|content| is_of(content, snapshot));
        return match content.and_then(|content| content.deletion) {
            Some(Deletion { is_released: true, is_held: true }) => Waits::Driver,
            Some(Deletion { is_released: _, is_held: false }) => Waits::Finalizer,
            Some(Deletion { is_released: false, is_held: true }) | None => Waits::Controller,
        };
    }
    Waits::Finalizer
}
