//! The kinds of this world, and what a test reads of their objects.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Snapshot,
    Content,
    Class,
    Group,
    GroupContent,
    GroupClass,
    Claim,
    Volume,
    Event,
}

/// The resources, each with its kind.
pub const KINDS: [(&str, Kind); 9] = [
    ("volumesnapshots.snapshot.storage.k8s.io", Kind::Snapshot),
    ("volumesnapshotcontents.snapshot.storage.k8s.io", Kind::Content),
    ("volumesnapshotclasses.snapshot.storage.k8s.io", Kind::Class),
    ("volumegroupsnapshots.groupsnapshot.storage.k8s.io", Kind::Group),
    ("volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io", Kind::GroupContent),
    ("volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io", Kind::GroupClass),
    ("persistentvolumeclaims", Kind::Claim),
    ("persistentvolumes", Kind::Volume),
    ("events", Kind::Event),
];

impl Kind {
    pub fn resource(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(resource, _)| resource)
    }

    fn group_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Snapshot => ("snapshot.storage.k8s.io", "VolumeSnapshot"),
            Self::Content => ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
            Self::Class => ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
            Self::Group => ("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshot"),
            Self::GroupContent => ("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotContent"),
            Self::GroupClass => ("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotClass"),
            Self::Claim => ("", "PersistentVolumeClaim"),
            Self::Volume => ("", "PersistentVolume"),
            Self::Event => ("", "Event"),
        }
    }

    pub fn name(self) -> &'static str {
        self.group_and_name().1
    }

    pub fn api_version(self) -> String {
        match self.group_and_name().0 {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    fn is_namespaced(self) -> bool {
        matches!(self, Self::Snapshot | Self::Group | Self::Claim | Self::Event)
    }

    /// The path of the collection, or of the object if there is a name.
    pub fn path(self, namespace: &str, name: &str) -> String {
        let root = match self.group_and_name().0 {
            "" => "/api/v1".to_owned(),
            group => format!("/apis/{group}/v1"),
        };
        let within = if self.is_namespaced() { format!("/namespaces/{namespace}") } else { String::new() };
        let plural = self.resource().split('.').next().unwrap_or_default();
        let object = if name.is_empty() { String::new() } else { format!("/{name}") };
        format!("{root}{within}/{plural}{object}")
    }
}

/// The resource of a path that lists or watches all of it.
pub fn by_path(path: &str) -> Option<&'static str> {
    let plural = path.rsplit('/').next()?;
    KINDS.iter().map(|(resource, _)| *resource).find(|resource| resource.split('.').next() == Some(plural))
}

pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

pub fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

pub fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    finalizers(object).contains(&finalizer)
}

pub fn is_ready(object: &Value) -> bool {
    object.pointer("/status/readyToUse") == Some(&Value::Bool(true))
}

/// Whether a snapshot is a member of a group.
pub fn is_member(snapshot: &Value) -> bool {
    let owners = snapshot.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| owner["kind"] == "VolumeGroupSnapshot")
}

/// Whether a content is marked as not needed any more.
pub fn is_released(content: &Value) -> bool {
    [model::facts::Kind::Single, model::facts::Kind::Group]
        .iter()
        .any(|kind| content["metadata"]["annotations"][kind.names().released].is_string())
}

/// Whether a content is that of a member of a group.
pub fn is_of_member(content: &Value) -> bool {
    content["metadata"]["annotations"][model::names::MEMBER_OF_GROUP].is_string()
}

/// The reference of a content to its owner.
pub fn owner(content: &Value) -> &Value {
    const NOTHING: &Value = &Value::Null;
    let spec = &content["spec"];
    spec.get("volumeSnapshotRef").or_else(|| spec.get("volumeGroupSnapshotRef")).unwrap_or(NOTHING)
}

/// The name of the content that a snapshot or group has or is going to have.
pub fn content_name(user: &Value) -> String {
    let given = [
        "/spec/source/volumeSnapshotContentName",
        "/spec/source/volumeGroupSnapshotContentName",
        "/status/boundVolumeSnapshotContentName",
        "/status/boundVolumeGroupSnapshotContentName",
    ];
    match given.into_iter().map(|pointer| text(user, pointer)).find(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None if is_member(user) => model::names::content_of_member(name(user)),
        None if text(user, "/kind") == "VolumeGroupSnapshot" => format!("groupsnapcontent-{}", uid(user)),
        None => format!("snapcontent-{}", uid(user)),
    }
}
