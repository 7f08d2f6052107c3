//! VolumeSnapshotClass and VolumeGroupSnapshotClass, reduced to the fields that we use.

use std::collections::BTreeMap;

use jiff::Timestamp;
use machinery::object::{Body, Fields, Object};

use crate::content::policy;
use crate::facts::{Kind, Policy};

/// Annotations that mark the default class of a driver; each kind keeps its own alone.
const DEFAULT_CLASS: [&str; 2] = [Kind::Single.default_class(), Kind::Group.default_class()];

/// The fields of a class. Both kinds have the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// `driver`.
    pub driver: String,
    /// `parameters`, including the reserved ones.
    pub parameters: BTreeMap<String, String>,
    /// `deletionPolicy`, which contents made from the class get.
    pub policy: Policy,
    /// Whether it is marked as the default class of its driver.
    pub is_default: bool,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether the class was changed after its creation: `metadata.generation` is above 1.
    pub edited: bool,
}

impl Class {
    fn read(fields: &mut Fields) -> Self {
        Self {
            driver: fields.take("driver").unwrap_or_default(),
            parameters: fields.take("parameters").unwrap_or_default(),
            policy: policy(fields),
            is_default: false,
            created: None,
            edited: false,
        }
    }

    /// The class of an object, with the age and generation from its metadata.
    #[must_use]
    pub fn of<C: AsRef<Self>>(object: &Object<C>) -> Self {
        Self {
            is_default: DEFAULT_CLASS.iter().any(|key| object.annotation(key) == Some("true")),
            created: object.metadata.created(),
            edited: object.metadata.is_edited,
            ..object.body.as_ref().clone()
        }
    }
}

/// Body of a VolumeSnapshotClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleClass(pub Class);

/// Body of a VolumeGroupSnapshotClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupClass(pub Class);

/// snapshot.storage.k8s.io/v1 VolumeSnapshotClass.
pub type VolumeSnapshotClass = Object<SingleClass>;

/// groupsnapshot.storage.k8s.io/v1 VolumeGroupSnapshotClass.
pub type VolumeGroupSnapshotClass = Object<GroupClass>;

impl Body for SingleClass {
    const GROUP: &'static str = "snapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeSnapshotClass";
    const PLURAL: &'static str = "volumesnapshotclasses";

    fn read(fields: &mut Fields) -> Self {
        Self(Class::read(fields))
    }
    fn keeps(annotation: &str) -> bool {
        annotation == Kind::Single.default_class()
    }
}

impl Body for GroupClass {
    const GROUP: &'static str = "groupsnapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeGroupSnapshotClass";
    const PLURAL: &'static str = "volumegroupsnapshotclasses";

    fn read(fields: &mut Fields) -> Self {
        Self(Class::read(fields))
    }
    fn keeps(annotation: &str) -> bool {
        annotation == Kind::Group.default_class()
    }
}

impl AsRef<Class> for SingleClass {
    fn as_ref(&self) -> &Class {
        &self.0
    }
}

impl AsRef<Class> for GroupClass {
    fn as_ref(&self) -> &Class {
        &self.0
    }
}
