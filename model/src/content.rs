//! VolumeSnapshotContent (snapshot.storage.k8s.io/v1), reduced to the fields that we use.

use serde_json::Value;

use machinery::object::{Body, Fields, Object, Shared};

use crate::facts::{
    ContentBody, Facts, Kind, Membership, Meta, Owner, Policy, Source, StatusFacts, non_empty,
};
use crate::names::{MANAGED_BY, MEMBER_OF_GROUP};

/// snapshot.storage.k8s.io/v1 VolumeSnapshotContent.
pub type VolumeSnapshotContent = Object<SingleContent>;

/// The spec and status of a VolumeSnapshotContent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SingleContent {
    /// `spec.driver`.
    pub driver: Shared,
    policy: Policy,
    /// `spec.source.volumeHandle`.
    pub volume_handle: Option<String>,
    /// `spec.source.snapshotHandle`.
    pub snapshot_handle: Option<Box<str>>,
    /// `spec.volumeSnapshotClassName`.
    pub class_name: Option<Shared>,
    /// `spec.volumeSnapshotRef`.
    pub owner: OwnerRef,
    /// `status`.
    pub status: Option<ContentStatus>,
}

/// A reference to the user's object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerRef {
    /// `namespace`.
    pub namespace: Shared,
    /// `name`.
    pub name: Box<str>,
    /// `uid`, `None` until the content is bound.
    pub uid: Option<Box<str>>,
}

/// The `status` of a VolumeSnapshotContent, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentStatus {
    /// `snapshotHandle`.
    pub snapshot_handle: Option<Box<str>>,
    /// `readyToUse`.
    pub ready_to_use: Option<bool>,
    /// `creationTime` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `restoreSize` in bytes.
    pub restore_size: Option<i64>,
    /// `volumeGroupSnapshotHandle`.
    pub group_handle: Option<Box<str>>,
    /// `error`.
    pub error: Option<StatusError>,
    /// Whether a field has an invalid value. The next write then replaces the whole status.
    pub nonsense: bool,
}

/// `status.error`. The message may be missing if another program wrote the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusError {
    /// `message`.
    pub message: Option<Box<str>>,
}

impl OwnerRef {
    pub(crate) fn read(value: Option<Value>) -> Self {
        let mut fields = Fields::of(value.unwrap_or_default());
        Self {
            namespace: fields.take_shared("namespace").unwrap_or_default(),
            name: fields.take("name").unwrap_or_default(),
            uid: fields.take("uid"),
        }
    }

    pub(crate) fn facts(&self) -> Owner<'_> {
        Owner { namespace: &self.namespace, name: &self.name, uid: non_empty(self.uid.as_ref()) }
    }
}

impl StatusError {
    pub(crate) fn read(value: Value) -> Self {
        Self { message: Fields::of(value).take("message") }
    }
}

impl ContentStatus {
    fn read(value: Value) -> Self {
        let mut fields = Fields::of(value);
        Self {
            snapshot_handle: fields.take("snapshotHandle"),
            ready_to_use: fields.take("readyToUse"),
            creation_time: fields.take("creationTime"),
            restore_size: fields.take("restoreSize"),
            group_handle: fields.take("volumeGroupSnapshotHandle"),
            error: fields.take("error").map(StatusError::read),
            nonsense: fields.nonsense,
        }
    }

    fn facts(&self) -> StatusFacts<'_> {
        StatusFacts {
            handle: non_empty(self.snapshot_handle.as_ref()),
            ready: self.ready_to_use,
            creation_time: self.creation_time,
            has_size: self.restore_size.is_some(),
            group_handle: non_empty(self.group_handle.as_ref()),
            members: &[],
            error: self.error.as_ref().map(|error| error.message.as_deref()),
        }
    }
}

impl Body for SingleContent {
    const GROUP: &'static str = "snapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeSnapshotContent";
    const PLURAL: &'static str = "volumesnapshotcontents";
    const KEEPS: &'static [&'static str] = &["labels"];

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let mut source = Fields::of(spec.take("source").unwrap_or_default());
        Self {
            driver: spec.take_shared("driver").unwrap_or_default(),
            policy: policy(&mut spec),
            volume_handle: source.take("volumeHandle"),
            snapshot_handle: source.take("snapshotHandle"),
            class_name: spec.take_shared("volumeSnapshotClassName"),
            owner: OwnerRef::read(spec.take("volumeSnapshotRef")),
            status: fields.take("status").map(ContentStatus::read),
        }
    }

    fn keeps(annotation: &str) -> bool {
        let names = Kind::Single.names();
        [names.marker, names.released, names.secret_name, names.secret_namespace, MEMBER_OF_GROUP]
            .contains(&annotation)
    }
    fn keeps_label(label: &str) -> bool {
        label == MANAGED_BY
    }
}

impl ContentBody for SingleContent {
    fn facts(content: &Object<Self>) -> Facts<'_> {
        let body = &content.body;
        let status = body.status.as_ref().map(ContentStatus::facts);
        let source = match (&body.volume_handle, non_empty(body.snapshot_handle.as_ref())) {
            (Some(volume), None) if !volume.is_empty() => Source::Volumes(std::slice::from_ref(volume)),
            (Some(volume), Some(_)) if !volume.is_empty() => Source::Both,
            (_, Some(handle)) => Source::Given(handle, &[]),
            (_, None) => Source::None,
        };
        let member = if status.is_some_and(|status| status.group_handle.is_some()) {
            Membership::Recorded
        } else if content.annotation(MEMBER_OF_GROUP).is_some() {
            Membership::Announced
        } else {
            Membership::Own
        };
        Facts {
            kind: Kind::Single,
            name: content.name(),
            meta: Meta::of(&content.metadata, Kind::Single),
            driver: &body.driver,
            policy: body.policy,
            source,
            owner: body.owner.facts(),
            class_name: non_empty(body.class_name.as_ref()),
            member,
            status,
        }
    }
}

/// Takes `deletionPolicy`.
pub(crate) fn policy(fields: &mut Fields) -> Policy {
    let is_delete = fields.take::<String>("deletionPolicy").is_some_and(|policy| policy == "Delete");
    if is_delete { Policy::Delete } else { Policy::Retain }
}
