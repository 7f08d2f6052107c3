//! VolumeGroupSnapshotContent (groupsnapshot.storage.k8s.io/v1), reduced to the fields that we use.

use serde_json::Value;

use machinery::object::{Body, Fields, Object, Shared};

use crate::content::{OwnerRef, StatusError, policy};
use crate::facts::{
    ContentBody, Facts, Kind, Member, Membership, Meta, Policy, Source, StatusFacts, non_empty,
};

/// groupsnapshot.storage.k8s.io/v1 VolumeGroupSnapshotContent.
pub type VolumeGroupSnapshotContent = Object<GroupContent>;

/// The spec and status of a VolumeGroupSnapshotContent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupContent {
    pub(crate) driver: Shared,
    policy: Policy,
    pub(crate) volume_handles: Option<Vec<String>>,
    /// `spec.source.groupSnapshotHandles`: the handle of the group and the handles of its members.
    pub(crate) group_handles: Option<(String, Vec<String>)>,
    pub(crate) class_name: Option<Shared>,
    /// `spec.volumeGroupSnapshotRef`.
    pub owner: OwnerRef,
    /// `status`.
    pub status: Option<GroupStatus>,
}

/// The `status` of a VolumeGroupSnapshotContent, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupStatus {
    /// `volumeGroupSnapshotHandle`.
    pub group_handle: Option<String>,
    /// `readyToUse`.
    pub ready_to_use: Option<bool>,
    /// `creationTime` in nanoseconds since the epoch. The API has it as RFC 3339.
    pub creation_time: Option<i64>,
    /// `volumeSnapshotInfoList`.
    pub members: Vec<Member>,
    /// Whether `volumeSnapshotInfoList` is set, even to an empty list.
    pub has_members: bool,
    /// `error`.
    pub error: Option<StatusError>,
    /// Whether a field has an invalid value. The next write then replaces the whole status.
    pub nonsense: bool,
}

impl GroupStatus {
    fn read(value: Value) -> Self {
        let mut fields = Fields::of(value);
        let time: Option<jiff::Timestamp> = fields.take("creationTime");
        let members: Option<Vec<Value>> = fields.take("volumeSnapshotInfoList");
        Self {
            group_handle: fields.take("volumeGroupSnapshotHandle"),
            ready_to_use: fields.take("readyToUse"),
            creation_time: time.and_then(|time| i64::try_from(time.as_nanosecond()).ok()),
            has_members: members.is_some(),
            members: members.into_iter().flatten().map(member).collect(),
            error: fields.take("error").map(StatusError::read),
            nonsense: fields.nonsense,
        }
    }

    fn facts(&self) -> StatusFacts<'_> {
        StatusFacts {
            handle: non_empty(self.group_handle.as_ref()),
            ready: self.ready_to_use,
            creation_time: self.creation_time,
            has_size: false,
            group_handle: None,
            members: &self.members,
            error: self.error.as_ref().map(|error| error.message.as_deref()),
        }
    }
}

fn member(value: Value) -> Member {
    let mut fields = Fields::of(value);
    Member {
        volume: fields.take("volumeHandle").unwrap_or_default(),
        handle: fields.take("snapshotHandle").unwrap_or_default(),
        creation_time: fields.take("creationTime"),
        ready: fields.take("readyToUse"),
        size: fields.take("restoreSize"),
    }
}

impl Body for GroupContent {
    const GROUP: &'static str = "groupsnapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeGroupSnapshotContent";
    const PLURAL: &'static str = "volumegroupsnapshotcontents";

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let mut source = Fields::of(spec.take("source").unwrap_or_default());
        let group_handles = source.take("groupSnapshotHandles").map(|value: Value| {
            let mut given = Fields::of(value);
            (
                given.take("volumeGroupSnapshotHandle").unwrap_or_default(),
                given.take("volumeSnapshotHandles").unwrap_or_default(),
            )
        });
        Self {
            driver: spec.take_shared("driver").unwrap_or_default(),
            policy: policy(&mut spec),
            volume_handles: source.take("volumeHandles"),
            group_handles,
            class_name: spec.take_shared("volumeGroupSnapshotClassName"),
            owner: OwnerRef::read(spec.take("volumeGroupSnapshotRef")),
            status: fields.take("status").map(GroupStatus::read),
        }
    }

    fn keeps(annotation: &str) -> bool {
        let names = Kind::Group.names();
        [names.marker, names.released, names.secret_name, names.secret_namespace].contains(&annotation)
    }
}

impl ContentBody for GroupContent {
    fn facts(content: &Object<Self>) -> Facts<'_> {
        let body = &content.body;
        let given = body.group_handles.as_ref().filter(|(handle, _)| !handle.is_empty());
        let source = match (body.volume_handles.as_ref().filter(|all| !all.is_empty()), given) {
            (Some(volumes), None) => Source::Volumes(volumes),
            (Some(_), Some(_)) => Source::Both,
            (None, Some((handle, members))) => Source::Given(handle, members),
            (None, None) => Source::None,
        };
        Facts {
            kind: Kind::Group,
            name: content.name(),
            meta: Meta::of(&content.metadata, Kind::Group),
            driver: &body.driver,
            policy: body.policy,
            source,
            owner: body.owner.facts(),
            class_name: non_empty(body.class_name.as_ref()),
            member: Membership::Own,
            status: body.status.as_ref().map(GroupStatus::facts),
        }
    }
}
