//! The names that other programs use too: annotations, finalizers, parameters and event reasons.

use std::borrow::Cow;
use std::fmt::Write as _;

use ring::digest::{Context, SHA256};

use crate::facts::Kind;

/// Label with the node whose sidecar works on a content. The snapshot-controller writes it, and `--node-deployment`
/// selects by it.
pub const MANAGED_BY: &str = "snapshot.storage.kubernetes.io/managed-by";

/// Annotation of a content that is a member of a group snapshot. The snapshot-controller writes it. The snapshot is
/// then taken by the group's call, so we never create it.
pub const MEMBER_OF_GROUP: &str = "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle";

/// Prefix of class parameters that are for the sidecar and are never sent to the driver.
pub const RESERVED_PARAMETER_PREFIX: &str = "csi.storage.k8s.io/";

/// The reserved parameters that a class may have. Any other is an error.
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
    /// Finalizer that keeps a content until its storage is cleaned up. The snapshot-controller adds it, and we remove
    /// it.
    pub finalizer: &'static str,
    /// Annotation that says that a create call may be in flight. Only we write it, before any create call.
    pub marker: &'static str,
    /// Field of status with the driver's handle.
    pub handle: &'static str,
    /// Annotation that allows the deletion. The snapshot-controller writes it.
    pub released: &'static str,
    /// Annotation with the name of the Secret for create and delete. The snapshot-controller writes it from the class.
    pub secret_name: &'static str,
    /// Annotation with the namespace of that Secret.
    pub secret_namespace: &'static str,
    /// Class parameters with the name and namespace of the Secret for looking up a given handle.
    pub poll_secret: (&'static str, &'static str),
    /// The only template that these two may contain: the content's name.
    pub poll_secret_template: &'static str,
    /// A failed first creation.
    pub creation_failed: Failure,
    /// Any later failure.
    pub update_failed: Failure,
    /// A failed deletion.
    pub delete_failed: Failure,
    /// Event reason of a snapshot that may be left in the storage. The reference does not have it.
    pub may_be_orphaned: &'static str,
    /// Parameters of `--extra-create-metadata`: name and namespace of the user's object, name of the content.
    pub metadata: [&'static str; 3],
}

/// How a failure is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The reason of its event.
    pub reason: &'static str,
    /// How its message begins, in status and in the event.
    pub opening: &'static str,
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
    creation_failed: Failure { reason: "SnapshotCreationFailed", opening: "Failed to create snapshot: " },
    update_failed: Failure {
        reason: "SnapshotContentCheckandUpdateFailed",
        opening: "Failed to check and update snapshot content: ",
    },
    delete_failed: Failure { reason: "SnapshotDeleteError", opening: "Failed to delete snapshot: " },
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
    creation_failed: Failure {
        reason: "GroupSnapshotCreationFailed",
        opening: "Failed to create group snapshot: ",
    },
    update_failed: Failure {
        reason: "GroupSnapshotContentCheckandUpdateFailed",
        opening: "Failed to check and update group snapshot content: ",
    },
    delete_failed: Failure {
        reason: "GroupSnapshotDeleteError",
        opening: "Failed to delete group snapshot: ",
    },
    may_be_orphaned: "GroupSnapshotMayBeOrphaned",
    metadata: [
        "csi.storage.k8s.io/volumegroupsnapshot/name",
        "csi.storage.k8s.io/volumegroupsnapshot/namespace",
        "csi.storage.k8s.io/volumegroupsnapshotcontent/name",
    ],
};

impl Kind {
    /// What something of the single kind is called for this one. The names of the group kinds, of their fields and of
    /// their reasons are those of the single ones with `Group` before the first `Snapshot`.
    #[must_use]
    pub fn word(self, single: &str) -> Cow<'_, str> {
        match self {
            Self::Single => Cow::Borrowed(single),
            Self::Group => Cow::Owned(single.replacen("Snapshot", "GroupSnapshot", 1)),
        }
    }

    /// What users call one of their objects.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Single => "snapshot",
            Self::Group => "group snapshot",
        }
    }

    /// Annotation that marks the default class of a driver.
    #[must_use]
    pub const fn default_class(self) -> &'static str {
        match self {
            Self::Single => "snapshot.storage.kubernetes.io/is-default-class",
            Self::Group => "groupsnapshot.storage.kubernetes.io/is-default-class",
        }
    }

    /// `apiVersion` of its objects.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Single => "snapshot.storage.k8s.io/v1",
            Self::Group => "groupsnapshot.storage.k8s.io/v1",
        }
    }

    /// The name of the content that is made for a user's object with this uid.
    #[must_use]
    pub fn content_of(self, uid: &str) -> String {
        match self {
            Self::Single => format!("{CONTENT_PREFIX}{uid}"),
            Self::Group => format!("groupsnapcontent-{uid}"),
        }
    }

    /// The names of this kind.
    #[must_use]
    pub const fn names(self) -> &'static Names {
        match self {
            Self::Single => &SINGLE,
            Self::Group => &GROUP,
        }
    }
}

const CONTENT_PREFIX: &str = "snapcontent-";
const MEMBER_PREFIX: &str = "snapshot-";

/// The name of the member of a group that is taken of a volume: the same at every look, and another for a group that is
/// made anew under its name.
#[must_use]
pub fn member(group_uid: &str, volume_handle: &str) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(group_uid.as_bytes());
    digest.update(volume_handle.as_bytes());
    digest.finish().as_ref().iter().fold(MEMBER_PREFIX.to_owned(), |mut name, byte| {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The name of the content of a member.
#[must_use]
pub fn content_of_member(member: &str) -> String {
    format!("{CONTENT_PREFIX}{}", member.strip_prefix(MEMBER_PREFIX).unwrap_or(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_by_the_hash_of_their_group_and_volume() {
        let name = member("uid", "handle");
        assert_eq!(name, "snapshot-4888fb23f417fea4ae44a3aedae303f90011f242a3d3eaa6b006f7277dec6042");
        assert_eq!(content_of_member(&name), name.replace("snapshot-", "snapcontent-"));
    }

    #[test]
    fn the_words_of_groups_follow_from_those_of_single_snapshots() {
        for (single, group) in [
            ("GetSnapshotClassFailed", "GetGroupSnapshotClassFailed"),
            ("boundVolumeSnapshotContentName", "boundVolumeGroupSnapshotContentName"),
            ("SnapshotContentMissing", "GroupSnapshotContentMissing"),
        ] {
            assert_eq!((Kind::Single.word(single), Kind::Group.word(single)), (single.into(), group.into()));
        }
    }
}
