//! Others who work in the cluster: a binder, a provisioner, somebody who writes claims all the time, and the garbage
//! collector.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use model::snapshot::RESTORING_FINALIZER;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::life::DRIVER;
use crate::objects::{Kind, finalizers, is_deleting, name, namespace, text, uid};
use crate::requests::{change, change_status, delete, make};
use crate::storage::Storage;
use crate::world::World;

/// What users write that is nobody's business.
pub const FOREIGN: &str = "example.org/theirs";

/// A binder: the claim, its volume, and the end of waiting.
pub async fn bind_claim(storage: Arc<Storage>, within: &'static str, claim: &'static str) {
    let world = &storage.world;
    let mut chance = world.chance.of(&format!("binding {within}/{claim}"));
    let volume = format!("volume-{within}-{claim}");
    let made = make(
        world,
        Kind::Claim,
        within,
        claim,
        json!({
            "metadata": {"labels": {"app": if claim == "data" { "web" } else { "db" }}, "annotations": {FOREIGN: "kept"},
                "finalizers": ["kubernetes.io/pvc-protection"]},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": volume},
        }),
    );
    let Some(made) = made else { return };
    sleep(Duration::from_millis(chance.u64(0..200))).await;
    // A claim that is made again gets the volume that its data is on.
    delete(world, Kind::Volume, "", &volume);
    make(
        world,
        Kind::Volume,
        "",
        &volume,
        json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "volumeMode": "Filesystem",
            "csi": {"driver": DRIVER, "volumeHandle": format!("handle-{within}-{claim}")},
            "claimRef": {"namespace": within, "name": claim, "uid": uid(&made)},
        }}),
    );
    sleep(Duration::from_millis(chance.u64(0..5_000))).await;
    change_status(world, Kind::Claim, within, claim, &json!({"phase": "Bound"}));
}

/// A provisioner: the claim is Pending, the snapshot is held, and then it is done.
pub async fn restore(storage: Arc<Storage>, within: &'static str, claim: String, from: String, by_ref: bool) {
    let world = &storage.world;
    let mut chance = world.chance.of(&format!("restoring {within}/{claim}"));
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": from});
    let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    spec[if by_ref { "dataSourceRef" } else { "dataSource" }] = source;
    make(world, Kind::Claim, within, &claim, json!({ "spec": spec }));
    sleep(Duration::from_millis(chance.u64(0..500))).await;
    let held = |object: &Value, on: bool| {
        let mut all: Vec<String> = finalizers(object).into_iter().map(str::to_owned).collect();
        all.retain(|finalizer| finalizer != RESTORING_FINALIZER);
        if on {
            all.push(RESTORING_FINALIZER.to_owned());
        }
        json!({"metadata": {"finalizers": all, "resourceVersion": text(object, "/metadata/resourceVersion")}})
    };
    let snapshot = |world: &World| world.cluster.object(Kind::Snapshot.resource(), within, &from);
    if let Some(found) = snapshot(world).filter(|found| !is_deleting(found)) {
        change(world, Kind::Snapshot, within, &from, &held(&found, true));
    }
    sleep(Duration::from_millis(chance.u64(0..20_000))).await;
    if let Some(found) = snapshot(world) {
        change(world, Kind::Snapshot, within, &from, &held(&found, false));
    }
    change(world, Kind::Claim, within, &claim, &json!({"spec": {"volumeName": format!("volume-{claim}")}}));
    change_status(world, Kind::Claim, within, &claim, &json!({"phase": "Bound"}));
}

/// Somebody who writes a claim all the time, as a whole.
pub async fn keep_writing(storage: Arc<Storage>, within: &'static str, claim: &'static str) {
    let world = &storage.world;
    let path = Kind::Claim.path(within, claim);
    let mut chance = world.chance.of(&format!("writing {within}/{claim}"));
    let (times, pause) = (chance.u32(1..200), chance.u64(10..200));
    for number in 0..times {
        sleep(Duration::from_millis(pause)).await;
        if let Some(found) = world.cluster.object(Kind::Claim.resource(), within, claim) {
            let mut changed = (*found).clone();
            changed["metadata"]["annotations"]["example.org/count"] = number.to_string().into();
            world.user(Method::PUT, &path, &changed);
        }
    }
}

/// The garbage collector: what is owned by a group that is gone is deleted.
pub async fn collect_garbage(world: Arc<World>) {
    loop {
        sleep(Duration::from_secs(10)).await;
        let groups = world.cluster.objects(Kind::Group.resource());
        for snapshot in world.cluster.objects(Kind::Snapshot.resource()) {
            let owners = snapshot.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            let is_gone = |owner: &Value| !groups.iter().any(|group| uid(group) == text(owner, "/uid"));
            if !is_deleting(&snapshot) && owners.is_some_and(|owners| owners.iter().all(is_gone)) {
                delete(&world, Kind::Snapshot, namespace(&snapshot), name(&snapshot));
            }
        }
    }
}
