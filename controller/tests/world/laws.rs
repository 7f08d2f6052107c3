//! What must hold at every write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use model::claim::CLAIM_FINALIZER;
use sandbox::api::{Cluster, Written};
use serde_json::Value;

use crate::backups::outlives_its_group;
use crate::objects::{
    Kind, content_name, finalizers, has_finalizer, is_deleting, is_of_member, is_ready, name, namespace,
    owner, text, uid,
};
use crate::world::USERS;

/// The names that are ours.
const OURS: &str = "snapshot.storage.k";

/// How long a request without an answer is reckoned with.
const RECKONED: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub struct Laws {
    /// What was broken, in order.
    pub broken: Vec<String>,
    /// Snapshots that may be left in the storage, as the sidecars told it.
    pub told: u32,
    /// The contents that were made for each uid of a snapshot or a group.
    made_for: BTreeMap<String, BTreeSet<String>>,
    /// The handle that was first recorded for each content of a member, by its name.
    handles: BTreeMap<String, String>,
    /// Names of contents that were ready at some time, each with the uid of its owner.
    ever_ready: BTreeSet<(String, String)>,
    /// Claims that a request freed which arrived after its sender's end: nobody who is left knows of it.
    freed_late: BTreeSet<String>,
    /// The uids of owners of contents with the policy Retain, which leave their snapshots in the storage.
    pub retained: BTreeSet<String>,
    /// The uids of owners whose contents were taken away by force, which leaves their snapshots in the storage.
    pub robbed: BTreeSet<String>,
    /// The uids of owners whose content was asked for by a request that was given up. It may come after the content was
    /// made by another one and has gone: by force, or because its owner is being deleted.
    pub given_up: BTreeSet<String>,
    /// The uids of owners that are gone, each with the name of the content that it had.
    gone: BTreeMap<String, String>,
    /// The uids of what a deletion has removed that overtook its finalizers, and when.
    pub overtaken: Vec<(String, Duration)>,
    /// The uids of owners whose content came into being, or was bound, when who had asked for it was no more.
    pub unknown: BTreeSet<String>,
    /// When controllers have ended: what they knew is lost.
    pub ends: Vec<Duration>,
    /// The uids of members that were taken from their group, to outlive it.
    pub outlives: BTreeSet<String>,
    /// Whether a user has stripped finalizers, so that laws about them are void.
    pub stripped: bool,
}

struct Deed<'a> {
    cluster: &'a Cluster,
    who: &'a str,
    method: &'a Method,
    kind: Kind,
    before: Option<&'a Value>,
    after: &'a Value,
    is_gone: bool,
}

impl Laws {
    /// Whether nobody could know that the content of a uid has to go: who knew has ended, and left no trace.
    pub fn is_unknowable(&self, uid: &str) -> bool {
        let lost = |at: &Duration| {
            let knows = at.saturating_sub(RECKONED)..*at + RECKONED * 3;
            self.ends.iter().any(|end| knows.contains(end))
        };
        self.unknown.contains(uid) || self.overtaken.iter().any(|(of, at)| of == uid && lost(at))
    }

    /// A user's object is gone.
    pub fn ends(&mut self, owner: &Value) {
        self.gone.insert(uid(owner).to_owned(), content_name(owner));
    }

    /// Whether a request that was given up may make a content again that was taken away by force, long after all that it
    /// needed was found right.
    fn comes_back(&self, content: &Value) -> bool {
        let of = text(owner(content), "/uid");
        self.robbed.contains(of) && self.given_up.contains(of)
    }

    /// Which laws a write breaks.
    pub fn check(
        &mut self,
        cluster: &Cluster,
        (who, is_late): (&str, bool),
        (method, kind): (&Method, Kind),
        written: &Written,
    ) -> Vec<String> {
        let deed = Deed {
            cluster,
            who,
            method,
            kind,
            before: written.before.as_deref(),
            after: &written.object,
            is_gone: written.is_gone,
        };
        if matches!(kind, Kind::Content | Kind::GroupContent) && is_ready(deed.after) {
            self.ever_ready.insert((name(deed.after).to_owned(), text(owner(deed.after), "/uid").to_owned()));
        }
        if text(deed.after, "/spec/deletionPolicy") == "Retain" {
            self.retained.insert(text(owner(deed.after), "/uid").to_owned());
        }
        if kind == Kind::Claim {
            let key = format!("{}/{}", namespace(deed.after), name(deed.after));
            if has_finalizer(deed.after, CLAIM_FINALIZER) || who == USERS {
                self.freed_late.remove(&key);
            } else if is_late {
                self.freed_late.insert(key);
            }
        }
        if matches!(kind, Kind::Snapshot | Kind::Group) && deed.is_gone {
            self.ends(deed.after);
        }
        if kind == Kind::Event {
            if text(deed.after, "/reason").ends_with("MayBeOrphaned") {
                self.told += 1;
            }
            return deed.no_raw_races().into_iter().collect();
        }
        if who == USERS {
            return Vec::new();
        }
        if is_late && deed.binds() && deed.owner().is_none_or(|owner| is_deleting(&owner)) {
            self.unknown.insert(text(owner(deed.after), "/uid").to_owned());
        }
        let mut broken = Vec::new();
        broken.extend(deed.nothing_foreign_is_lost());
        broken.extend(deed.no_raw_races());
        if !self.stripped {
            broken.extend(deed.content_is_deleted_rightly(&self.gone));
            broken.extend(deed.owner_is_held());
            broken
                .extend(deed.claims_are_protected(&self.freed_late).filter(|_| !self.comes_back(deed.after)));
            broken.extend(deed.claim_is_freed_rightly().filter(|_| !is_late));
        }
        if self.outlives.contains(uid(deed.after)) {
            broken.extend(outlives_its_group(method, kind, deed.after));
        }
        broken.extend(self.one_content(&deed));
        broken.extend(self.one_handle(&deed));
        broken.extend(self.ready_only_with_its_content(&deed));
        broken.into_iter().map(|why| format!("{who} {method} {kind:?} {}: {why}", name(deed.after))).collect()
    }

    /// One snapshot has one content name for ever, and it is not taken again. The content of a member takes nothing: its
    /// group makes it once more, of what was taken.
    fn one_content(&mut self, deed: &Deed<'_>) -> Option<String> {
        if !matches!(deed.kind, Kind::Content | Kind::GroupContent) || *deed.method != Method::POST {
            return None;
        }
        let of = text(owner(deed.after), "/uid");
        let made = self.made_for.entry(of.to_owned()).or_default();
        let is_first = made.insert(name(deed.after).to_owned());
        if made.len() > 1 {
            return Some(format!("another content is made for the same uid {of}: {made:?}"));
        }
        let owners = if deed.kind == Kind::Content { Kind::Snapshot } else { Kind::Group };
        let of = owner(deed.after);
        let found = deed.find(owners, text(of, "/namespace"), text(of, "/name"));
        let was_taken = found.is_some_and(|found| {
            uid(&found) == text(of, "/uid")
                && (is_ready(&found) || found["status"]["creationTime"].is_string())
        });
        (!is_first && was_taken && !is_of_member(deed.after) && !self.given_up.contains(text(of, "/uid")))
            .then(|| "it is made again for what was taken".to_owned())
    }

    /// A member stands for one snapshot of the storage for ever, however often its content is made.
    fn one_handle(&mut self, deed: &Deed<'_>) -> Option<String> {
        let handle = text(deed.after, "/status/snapshotHandle");
        if deed.kind != Kind::Content || !is_of_member(deed.after) || handle.is_empty() {
            return None;
        }
        let first = self.handles.entry(name(deed.after).to_owned()).or_insert_with(|| handle.to_owned());
        (first != handle).then(|| format!("it has the handle {handle}, and had {first}"))
    }

    fn ready_only_with_its_content(&self, deed: &Deed<'_>) -> Option<String> {
        if !matches!(deed.kind, Kind::Snapshot | Kind::Group) || !is_ready(deed.after) {
            return None;
        }
        if deed.before.is_some_and(is_ready) {
            return None;
        }
        let content = (content_name(deed.after), uid(deed.after).to_owned());
        (!self.ever_ready.contains(&content)).then(|| format!("it is ready, and {content:?} never was"))
    }
}

impl Deed<'_> {
    fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<std::sync::Arc<Value>> {
        self.cluster.object(kind.resource(), namespace, name)
    }

    /// The owner of a content, if it is there.
    fn owner(&self) -> Option<std::sync::Arc<Value>> {
        let owners = match self.kind {
            Kind::Content => Kind::Snapshot,
            Kind::GroupContent => Kind::Group,
            Kind::Snapshot
            | Kind::Class
            | Kind::Group
            | Kind::GroupClass
            | Kind::Claim
            | Kind::Volume
            | Kind::Event => return None,
        };
        let of = owner(self.after);
        let found = self.find(owners, text(of, "/namespace"), text(of, "/name"));
        found.filter(|found| uid(found) == text(of, "/uid"))
    }

    /// Whether a content is made for an owner, or gets its uid.
    fn binds(&self) -> bool {
        let before = self.before.map(|before| text(owner(before), "/uid")).unwrap_or_default();
        matches!(self.kind, Kind::Content | Kind::GroupContent) && before != text(owner(self.after), "/uid")
    }

    /// What a content is made for cannot go without being noticed.
    fn owner_is_held(&self) -> Option<String> {
        if *self.method != Method::POST || self.before.is_some() || is_of_member(self.after) {
            return None;
        }
        let owner = self.owner().filter(|owner| !is_deleting(owner))?;
        let is_held = finalizers(&owner).iter().any(|finalizer| finalizer.contains("snapshot.storage.k"));
        (!is_held).then(|| format!("{} has no finalizer yet", name(&owner)))
    }

    /// A content is deleted only if its owner is being deleted or was, both point to each other, and its policy is Delete.
    fn content_is_deleted_rightly(&self, gone: &BTreeMap<String, String>) -> Option<String> {
        if !matches!(self.kind, Kind::Content | Kind::GroupContent) || *self.method != Method::DELETE {
            return None;
        }
        if text(self.after, "/spec/deletionPolicy") != "Delete" {
            return Some("its policy is not Delete".to_owned());
        }
        let uid_of = text(owner(self.after), "/uid");
        let Some(found) = self.owner() else {
            let had = gone.get(uid_of);
            return had.is_none_or(|had| had != name(self.after)).then(|| "its owner is missing".to_owned());
        };
        (content_name(&found) != name(self.after) || !is_deleting(&found))
            .then(|| format!("its owner does not want it deleted: {found}"))
    }

    /// The claims that a new content is taken of have the finalizer.
    fn claims_are_protected(&self, freed_late: &BTreeSet<String>) -> Option<String> {
        if *self.method != Method::POST || self.before.is_some() {
            return None;
        }
        let source = &self.after["spec"]["source"];
        let handles: Vec<&str> = match self.kind {
            Kind::Content if !is_of_member(self.after) => {
                source["volumeHandle"].as_str().into_iter().collect()
            }
            Kind::GroupContent => {
                source["volumeHandles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
            }
            Kind::Content
            | Kind::Snapshot
            | Kind::Class
            | Kind::Group
            | Kind::GroupClass
            | Kind::Claim
            | Kind::Volume
            | Kind::Event => return None,
        };
        let of = text(owner(self.after), "/namespace");
        let owners = if self.kind == Kind::Content { Kind::Snapshot } else { Kind::Group };
        let lives = self.find(owners, of, text(owner(self.after), "/name"));
        if lives.is_none_or(|owner| is_deleting(&owner)) {
            // What is being deleted holds no claim, even if it is taken in the end.
            return None;
        }
        let bare = claims_of(self.cluster, of, &handles).into_iter();
        let is_excused =
            |claim: &Value| freed_late.contains(&format!("{}/{}", namespace(claim), name(claim)));
        let bare = bare.filter(|claim| !has_finalizer(claim, CLAIM_FINALIZER) && !is_excused(claim));
        let bare: Vec<_> = bare.collect();
        bare.first().map(|claim| format!("the claim {} is not protected", name(claim)))
    }

    /// A claim is not freed while a content that is not taken yet names its volume, and its owner lives.
    fn claim_is_freed_rightly(&self) -> Option<String> {
        let freed = self.kind == Kind::Claim
            && self.before.is_some_and(|before| has_finalizer(before, CLAIM_FINALIZER))
            && (self.is_gone || !has_finalizer(self.after, CLAIM_FINALIZER));
        if !freed {
            return None;
        }
        taken_of(self.cluster, self.after)
            .map(|content| format!("it is freed, and {content} is being taken of it"))
    }

    fn nothing_foreign_is_lost(&self) -> Option<String> {
        let before = self.before.filter(|_| !self.is_gone)?;
        let map =
            |object: &Value, field: &str| object["metadata"][field].as_object().cloned().unwrap_or_default();
        for field in ["labels", "annotations"] {
            let (old, new) = (map(before, field), map(self.after, field));
            let lost = old.iter().find(|(key, value)| !key.contains(OURS) && new.get(*key) != Some(value));
            if let Some((key, _)) = lost {
                return Some(format!("the {field} {key} are lost or changed"));
            }
        }
        let kept = finalizers(self.after);
        let ours = |finalizer: &str| {
            finalizer.starts_with("snapshot.storage.kubernetes.io/")
                || finalizer.starts_with("groupsnapshot.storage.kubernetes.io/")
        };
        if let Some(lost) = finalizers(before).into_iter().find(|f| !ours(f) && !kept.contains(f)) {
            return Some(format!("the finalizer {lost} is lost"));
        }
        let spec = |object: &Value| {
            let mut spec = object["spec"].clone();
            for ours in ["volumeSnapshotClassName", "volumeGroupSnapshotClassName"] {
                if let Some(spec) = spec.as_object_mut() {
                    spec.remove(ours);
                }
            }
            for reference in ["volumeSnapshotRef", "volumeGroupSnapshotRef"] {
                if let Some(reference) = spec.get_mut(reference).and_then(Value::as_object_mut) {
                    reference.remove("uid");
                }
            }
            spec
        };
        if spec(before) != spec(self.after) {
            return Some(format!("the spec is changed: {before} {}", self.after));
        }
        (self.kind == Kind::Claim && before["status"] != self.after["status"])
            .then(|| "the status of a claim is changed".to_owned())
    }

    /// Nobody is told of a lost race.
    fn no_raw_races(&self) -> Option<String> {
        let texts = [text(self.after, "/message"), text(self.after, "/status/error/message")];
        let raw = texts.into_iter().find(|text| text.contains("object has been modified"))?;
        Some(format!("{} shows a lost race: {raw}", self.who))
    }
}

/// The bound claims of a namespace that hold these volumes.
pub fn claims_of(cluster: &Cluster, of: &str, handles: &[&str]) -> Vec<std::sync::Arc<Value>> {
    let volumes = cluster.objects(Kind::Volume.resource());
    let named: Vec<&str> = volumes
        .iter()
        .filter(|volume| handles.contains(&text(volume, "/spec/csi/volumeHandle")))
        .map(|volume| name(volume))
        .collect();
    let claims = cluster.objects(Kind::Claim.resource()).into_iter();
    claims
        .filter(|claim| namespace(claim) == of && named.contains(&text(claim, "/spec/volumeName")))
        .collect()
}

/// The name of a content that is being taken of a claim: it has no handle yet, and its owner lives and wants it.
pub fn taken_of(cluster: &Cluster, claim: &Value) -> Option<String> {
    let volume = cluster.object(Kind::Volume.resource(), "", text(claim, "/spec/volumeName"))?;
    let handle = text(&volume, "/spec/csi/volumeHandle");
    for (kind, owners) in [(Kind::Content, Kind::Snapshot), (Kind::GroupContent, Kind::Group)] {
        for content in cluster.objects(kind.resource()) {
            let source = &content["spec"]["source"];
            let many = source["volumeHandles"].as_array();
            let names = source["volumeHandle"] == handle
                || many.is_some_and(|all| all.iter().any(|one| one == handle));
            let of = owner(&content);
            if !names
                || is_of_member(&content)
                || is_deleting(&content)
                || text(of, "/namespace") != namespace(claim)
            {
                continue;
            }
            let owner = cluster.object(owners.resource(), text(of, "/namespace"), text(of, "/name"));
            let waits = owner.is_some_and(|owner| {
                uid(&owner) == text(of, "/uid") && !is_deleting(&owner) && !is_ready(&owner)
            });
            if waits && !is_ready(&content) {
                return Some(name(&content).to_owned());
            }
        }
    }
    None
}
