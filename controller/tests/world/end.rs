//! What must be once faults have stopped and users are done.

use std::collections::BTreeSet;

use model::claim::CLAIM_FINALIZER;
use model::snapshot::RESTORING_FINALIZER;
use serde_json::Value;

use crate::laws::taken_of;
use crate::objects::{
    Kind, content_name, has_finalizer, is_deleting, is_ready, name, namespace, owner, text, uid,
};
use crate::storage::Storage;

/// What is not as it must be in the end.
pub fn unfinished(storage: &Storage) -> Vec<String> {
    let cluster = &storage.world.cluster;
    let all = |kind: Kind| cluster.objects(kind.resource());
    let mut wrong = Vec::new();
    for kind in [Kind::Snapshot, Kind::Group] {
        for user in all(kind) {
            let what = format!("{kind:?} {}/{}", namespace(&user), name(&user));
            let error = text(&user, "/status/error/message");
            if is_deleting(&user) {
                if !waits_for_a_group(storage, &user) && !is_copied_in_a_restore(&user) {
                    wrong.push(format!("{what} is still being deleted: {}", user["metadata"]));
                }
            } else if !is_ready(&user) && error.is_empty() {
                wrong.push(format!("{what} is neither ready nor says why: {}", user["status"]));
            } else if !is_ready(&user)
                && !is_robbed(storage, &user)
                && nothing_is_missing(storage, kind, &user)
            {
                wrong.push(format!("{what} lacks nothing, and says {error:?}"));
            }
        }
    }
    for claim in all(Kind::Claim) {
        if has_finalizer(&claim, CLAIM_FINALIZER)
            && taken_of(cluster, &claim).is_none()
            && !is_held_by_robbed(storage, &claim)
        {
            wrong.push(format!("Claim {}/{} is still protected", namespace(&claim), name(&claim)));
        }
    }
    for (kind, owners) in [(Kind::Content, Kind::Snapshot), (Kind::GroupContent, Kind::Group)] {
        for content in all(kind) {
            let of = owner(&content);
            let found = cluster.object(owners.resource(), text(of, "/namespace"), text(of, "/name"));
            let has_owner = found.is_some_and(|found| uid(&found) == text(of, "/uid"));
            let was_bound = !text(of, "/uid").is_empty();
            let is_kept = text(&content, "/spec/deletionPolicy") == "Retain";
            let is_given = content["spec"]["source"].get("snapshotHandle").is_some()
                || content["spec"]["source"].get("groupSnapshotHandles").is_some();
            if !has_owner
                && (is_deleting(&content) || (was_bound && !is_kept))
                && !storage.world.laws().is_unknowable(text(of, "/uid"))
                && !(is_given && !was_bound && !is_deleting(&content))
            {
                wrong.push(format!("{kind:?} {} is left without its owner: {content}", name(&content)));
            }
        }
    }
    wrong
}

/// Whether a snapshot was copied while a claim was restored from it: nobody restores from the copy, so that the provisioner
/// never takes its finalizer off. An event says so.
pub fn is_copied_in_a_restore(snapshot: &Value) -> bool {
    name(snapshot).starts_with("copy-of-") && has_finalizer(snapshot, RESTORING_FINALIZER)
}

/// Snapshots in the storage that no object names.
pub fn leaks(storage: &Storage) -> Vec<String> {
    let cluster = &storage.world.cluster;
    let mut named = BTreeSet::new();
    for kind in [Kind::Content, Kind::GroupContent] {
        for content in cluster.objects(kind.resource()) {
            collect(&content, &mut named);
        }
    }
    let shelves = storage.shelves();
    let laws = storage.world.laws();
    let retained = laws.retained.union(&laws.robbed);
    let snaps = shelves.snaps.values().map(|snap| (&snap.name, &snap.handle));
    let groups = shelves.groups.values().map(|group| (&group.name, &group.handle));
    let taken = snaps.chain(groups).filter(|(name, _)| {
        // What was there before, or is kept by its policy, may be there without an object.
        !name.is_empty() && !retained.clone().any(|uid| !uid.is_empty() && name.ends_with(uid.as_str()))
    });
    taken.map(|(_, handle)| handle).filter(|handle| !named.contains(*handle)).cloned().collect()
}

/// The names under which the driver has taken two snapshots, and whose owner lives: it may show the data of the one and have
/// those of the other. For an owner that was deleted nothing is left of either, or it is a leak.
pub fn taken_twice(storage: &Storage) -> Vec<String> {
    let cluster = &storage.world.cluster;
    let laws = storage.world.laws();
    let owners = [Kind::Snapshot, Kind::Group].map(|kind| cluster.objects(kind.resource()));
    let owners = owners.iter().flatten().filter(|owner| !laws.robbed.contains(uid(owner)));
    let uids: Vec<&str> = owners.map(|owner| uid(owner)).collect();
    let shelves = storage.shelves();
    let twice =
        shelves.cuts.iter().filter(|(name, count)| **count > 1 && uids.iter().any(|uid| name.ends_with(uid)));
    twice.map(|(name, _)| name.clone()).collect()
}

/// Whether a snapshot is a member of a group whose content was taken away by force: its storage went with that, and nobody
/// can make it ready.
fn is_robbed(storage: &Storage, snapshot: &Value) -> bool {
    let owners = snapshot.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let laws = storage.world.laws();
    owners.into_iter().flatten().any(|owner| laws.robbed.contains(text(owner, "/uid")))
}

/// Whether a claim is held by a snapshot that nobody can make ready.
fn is_held_by_robbed(storage: &Storage, claim: &Value) -> bool {
    let snapshots = storage.world.cluster.objects(Kind::Snapshot.resource());
    snapshots.iter().any(|snapshot| {
        namespace(snapshot) == namespace(claim)
            && text(snapshot, "/spec/source/persistentVolumeClaimName") == name(claim)
            && !is_ready(snapshot)
            && is_robbed(storage, snapshot)
    })
}

/// All texts in a value.
fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, texts)),
        Value::Object(all) => all.values().for_each(|value| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A member goes with its group only.
fn waits_for_a_group(storage: &Storage, user: &Value) -> bool {
    let groups = storage.world.cluster.objects(Kind::Group.resource());
    let owners = user.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owner = owners.into_iter().flatten().find(|owner| owner["kind"] == "VolumeGroupSnapshot");
    owner.is_some_and(|owner| {
        groups.iter().any(|group| uid(group) == text(owner, "/uid") && !is_deleting(group))
    })
}

/// Whether everything is there that an object of a user needs to become ready.
fn nothing_is_missing(storage: &Storage, kind: Kind, user: &Value) -> bool {
    let cluster = &storage.world.cluster;
    let (classes, contents) = if kind == Kind::Group {
        (Kind::GroupClass, Kind::GroupContent)
    } else {
        (Kind::Class, Kind::Content)
    };
    let content = cluster.object(contents.resource(), "", &content_name(user));
    if user["spec"]["source"].get("volumeSnapshotContentName").is_some()
        || user["spec"]["source"].get("volumeGroupSnapshotContentName").is_some()
    {
        return content.is_some_and(|content| {
            let of = owner(&content);
            text(of, "/name") == name(user)
                && text(of, "/namespace") == namespace(user)
                && ["", uid(user)].contains(&text(of, "/uid"))
                && !is_deleting(&content)
        });
    }
    let was_taken = user.pointer("/status/creationTime").is_some();
    if was_taken || user.pointer("/metadata/ownerReferences").is_some() {
        return content.is_some_and(|content| !is_deleting(&content)) && was_taken;
    }
    if content.is_some_and(|content| is_deleting(&content)) {
        return false;
    }
    let class = ["/spec/volumeSnapshotClassName", "/spec/volumeGroupSnapshotClassName"]
        .into_iter()
        .map(|pointer| text(user, pointer))
        .find(|name| !name.is_empty());
    let all = cluster.objects(classes.resource());
    let is_default = |class: &Value| {
        let all = class.pointer("/metadata/annotations").and_then(Value::as_object);
        all.is_some_and(|all| all.iter().any(|(key, on)| key.ends_with("is-default-class") && on == "true"))
    };
    let has_class = match class {
        Some(class) => all.iter().any(|found| name(found) == class),
        None => all.iter().filter(|class| is_default(class)).count() == 1,
    };
    let claims = cluster.objects(Kind::Claim.resource());
    let mut claims = claims.iter().filter(|claim| namespace(claim) == namespace(user)).filter(|claim| {
        let wanted = text(user, "/spec/source/persistentVolumeClaimName");
        if kind == Kind::Group { claim["metadata"]["labels"]["app"] == "db" } else { name(claim) == wanted }
    });
    let mut some = false;
    let sound = claims.all(|claim| {
        some = true;
        let volume = cluster.object(Kind::Volume.resource(), "", text(claim, "/spec/volumeName"));
        text(claim, "/status/phase") == "Bound"
            && !is_deleting(claim)
            && volume.is_some_and(|volume| text(&volume, "/spec/claimRef/uid") == uid(claim))
    });
    has_class && sound && some
}
