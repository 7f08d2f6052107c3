//! The Kubernetes objects that the demonstration and the benchmark make.

pub(crate) mod kinds;

use serde_json::{Value, json};

pub(crate) use self::kinds::{Kind, SIDECAR_NAMESPACE};
use self::kinds::{RBAC, SNAPSHOTS};

/// The sidecar's service account, and the name of its roles.
pub(crate) const SIDECAR: &str = "csi-snapshotter";

/// The class of every snapshot here.
pub(crate) const CLASS: &str = "hostdir-snapshots";

const GROUP_SNAPSHOTS: &str = "groupsnapshot.storage.k8s.io";
/// Keeps a content until the sidecar is done with it.
pub(crate) const PROTECTION: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";

/// Set by the snapshot-controller when the user deleted the snapshot of a content.
pub(crate) const BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";

/// The rights that the charts of drivers grant to the sidecar, and no more: what is made here in the order in
/// which it can be made.
pub(crate) fn sidecar_account() -> Vec<(Kind, Value)> {
    let subjects = json!([{"kind": "ServiceAccount", "name": SIDECAR, "namespace": SIDECAR_NAMESPACE}]);
    let role_ref = |kind: &str| json!({"apiGroup": RBAC, "kind": kind, "name": SIDECAR});
    let rule = |group: &str, resources: &[&str], verbs: &str| {
        let verbs: Vec<_> = verbs.split(' ').collect();
        json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
    };
    let look = "get list watch";
    let everywhere = json!([
        rule("", &["events"], "list watch create update patch"),
        rule("", &["secrets"], "get list"),
        rule(SNAPSHOTS, &["volumesnapshotclasses"], look),
        rule(SNAPSHOTS, &["volumesnapshotcontents"], "get list watch update patch"),
        rule(SNAPSHOTS, &["volumesnapshotcontents/status"], "update patch"),
        rule(GROUP_SNAPSHOTS, &["volumegroupsnapshotclasses"], look),
        rule(GROUP_SNAPSHOTS, &["volumegroupsnapshotcontents"], "get list watch update patch"),
        rule(GROUP_SNAPSHOTS, &["volumegroupsnapshotcontents/status"], "update patch"),
    ]);
    let leases = json!([rule("coordination.k8s.io", &["leases"], "get watch list delete update create")]);
    let made = |kind: Kind, body: Value| (kind, kind.named(SIDECAR, body));
    vec![
        (kinds::NAMESPACE, kinds::NAMESPACE.named(SIDECAR_NAMESPACE, json!({}))),
        made(kinds::SERVICE_ACCOUNT, json!({})),
        made(kinds::CLUSTER_ROLE, json!({"rules": everywhere})),
        made(kinds::CLUSTER_ROLE_BINDING, json!({"subjects": subjects, "roleRef": role_ref("ClusterRole")})),
        made(kinds::ROLE, json!({"rules": leases})),
        made(kinds::ROLE_BINDING, json!({"subjects": subjects, "roleRef": role_ref("Role")})),
    ]
}

/// The class that all snapshots of `driver` here are of.
pub(crate) fn class(driver: &str) -> Value {
    kinds::CLASS.named(CLASS, json!({"driver": driver, "deletionPolicy": "Delete"}))
}

/// A content as the snapshot-controller makes it for a snapshot with this name and uid.
pub(crate) fn content(driver: &str, volume: &str, snapshot: &str, uid: &str) -> Value {
    let body = json!({
        "metadata": {"finalizers": [PROTECTION]},
        "spec": {
            "driver": driver,
            "deletionPolicy": "Delete",
            "source": {"volumeHandle": volume},
            "sourceVolumeMode": "Filesystem",
            "volumeSnapshotClassName": CLASS,
            "volumeSnapshotRef": {
                "apiVersion": format!("{SNAPSHOTS}/v1"),
                "kind": "VolumeSnapshot",
                "namespace": "default",
                "name": snapshot,
                "uid": uid,
            },
        },
    });
    kinds::CONTENT.named(&content_name(uid), body)
}

/// The name of the content that belongs to the snapshot with this uid.
pub(crate) fn content_name(uid: &str) -> String {
    format!("snapcontent-{uid}")
}
