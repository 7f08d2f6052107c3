//! Annotations, finalizers, parameters and reasons: the exact names that other programs read and write too.

use crate::facts::Kind;

/// Label that names the node whose sidecar looks after a content; the snapshot-controller writes it,
/// `--node-deployment` selects by it.
pub const MANAGED_BY: &str = "snapshot.storage.kubernetes.io/managed-by";

/// Annotation of a content that is a member of a group snapshot: the snapshot-controller writes it, and it
/// means that the group's call cuts this snapshot, not one of our own.
pub const MEMBER_OF_GROUP: &str = "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle";

/// Prefix of class parameters that are for us and never go to the driver.
pub const RESERVED_PARAMETER_PREFIX: &str = "csi.storage.k8s.io/";

/// The reserved parameters that a class may carry; any other is refused.
pub const RESERVED_PARAMETERS: [&str; 8] = [
    "csi.storage.k8s.io/snapshotter-secret-name",
    "csi.storage.k8s.io/snapshotter-secret-namespace",
    "csi.storage.k8s.io/snapshotter-list-secret-name",
    "csi.storage.k8s.io/snapshotter-list-secret-namespace",
    "csi.storage.k8s.io/group-snapshotter-secret-name",
    "csi.storage.k8s.io/group-snapshotter-secret-namespace",
    "csi.storage.k8s.io/group-snapshotter-get-secret-name",
    "csi.storage.k8s.io/group-snapshotter-get-secret-namespace",
];

/// The names that differ between the two kinds.
#[derive(Debug)]
pub struct Names {
    /// Holds a content until its storage is cleaned up. The snapshot-controller adds it, we remove it.
    pub finalizer: &'static str,
    /// "A snapshot may be on its way": ours alone to write. It is on the object before any create call.
    pub marker: &'static str,
    /// Field of status that holds the driver's handle.
    pub handle: &'static str,
    /// "Nobody needs this any more": the snapshot-controller writes it, we read it.
    pub released: &'static str,
    /// Name of the Secret for create and delete; the snapshot-controller writes it from the class.
    pub secret_name: &'static str,
    /// Namespace of that Secret.
    pub secret_namespace: &'static str,
    /// Class parameters that name the Secret for polling a given handle: (name, namespace).
    pub poll_secret: (&'static str, &'static str),
    /// The one template that their values may hold: the content's name.
    pub poll_secret_template: &'static str,
    /// Event reason of a first creation that failed.
    pub creation_failed: &'static str,
    /// Event reason of any later failure.
    pub update_failed: &'static str,
    /// Event reason of a deletion that failed.
    pub delete_failed: &'static str,
    /// Event reason of a deletion given up with the storage in doubt; ours, no other program has it.
    pub may_be_orphaned: &'static str,
    /// Extra-metadata parameters: name and namespace of the user's object, name of the content.
    pub metadata: [&'static str; 3],
}

const SINGLE: Names = Names {
    finalizer: "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection",
    marker: "snapshot.storage.kubernetes.io/volumesnapshot-being-created",
    handle: "snapshotHandle",
    released: "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted",
    secret_name: "snapshot.storage.kubernetes.io/deletion-secret-name",
    secret_namespace: "snapshot.storage.kubernetes.io/deletion-secret-namespace",
    poll_secret: (
        "csi.storage.k8s.io/snapshotter-list-secret-name",
        "csi.storage.k8s.io/snapshotter-list-secret-namespace",
    ),
    poll_secret_template: "${volumesnapshotcontent.name}",
    creation_failed: "SnapshotCreationFailed",
    update_failed: "SnapshotContentCheckandUpdateFailed",
    delete_failed: "SnapshotDeleteError",
    may_be_orphaned: "SnapshotMayBeOrphaned",
    metadata: [
        "csi.storage.k8s.io/volumesnapshot/name",
        "csi.storage.k8s.io/volumesnapshot/namespace",
        "csi.storage.k8s.io/volumesnapshotcontent/name",
    ],
};

const GROUP: Names = Names {
    finalizer: "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection",
    marker: "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-created",
    handle: "volumeGroupSnapshotHandle",
    released: "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted",
    secret_name: "groupsnapshot.storage.kubernetes.io/deletion-secret-name",
    secret_namespace: "groupsnapshot.storage.kubernetes.io/deletion-secret-namespace",
    poll_secret: (
        "csi.storage.k8s.io/group-snapshotter-get-secret-name",
        "csi.storage.k8s.io/group-snapshotter-get-secret-namespace",
    ),
    poll_secret_template: "${volumegroupsnapshotcontent.name}",
    creation_failed: "GroupSnapshotCreationFailed",
    update_failed: "GroupSnapshotContentCheckandUpdateFailed",
    delete_failed: "GroupSnapshotDeleteError",
    may_be_orphaned: "GroupSnapshotMayBeOrphaned",
    metadata: [
        "csi.storage.k8s.io/volumegroupsnapshot/name",
        "csi.storage.k8s.io/volumegroupsnapshot/namespace",
        "csi.storage.k8s.io/volumegroupsnapshotcontent/name",
    ],
};

impl Kind {
    /// The names this kind goes by.
    #[must_use]
    pub const fn names(self) -> &'static Names {
        match self {
            Self::Single => &SINGLE,
            Self::Group => &GROUP,
        }
    }
}
