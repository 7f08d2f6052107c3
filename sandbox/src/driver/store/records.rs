//! The records of the storage: volumes, snapshots and groups of snapshots.

use serde::{Deserialize, Serialize};

use super::shelf::Record;

/// A snapshot that exists in storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// Its handle.
    pub id: String,
    /// The name that it was created with. Empty for a member of a group, and after the driver has forgotten it.
    pub name: String,
    /// The volume that it was taken of.
    pub source_volume_id: String,
    /// The total size of its files.
    pub size_bytes: i64,
    /// When it was taken, in seconds since the epoch.
    pub created_seconds: i64,
    /// The nanoseconds of that second.
    pub created_nanos: i32,
    /// The group that it is a member of; empty if there is none.
    pub group_id: String,
    /// Whether the driver has forgotten it, although it still exists.
    pub forgotten: bool,
}

impl Record for SnapshotRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A group of snapshots that exists in storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Its handle.
    pub id: String,
    /// The name that it was created with. Empty after the driver has forgotten it.
    pub name: String,
    /// The volumes in the order of the request.
    pub source_volume_ids: Vec<String>,
    /// The members in the order of their volumes.
    pub snapshot_ids: Vec<String>,
    /// When it was taken, in seconds since the epoch.
    pub created_seconds: i64,
    /// The nanoseconds of that second.
    pub created_nanos: i32,
    /// Whether the driver has forgotten it, although it still exists.
    pub forgotten: bool,
}

impl Record for GroupRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A volume that was created by a call. Other volumes are only directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::driver) struct VolumeRecord {
    pub(in crate::driver) id: String,
    pub(in crate::driver) name: String,
    pub(in crate::driver) capacity_bytes: i64,
    /// The snapshot that its data came from; empty if there is none.
    pub(in crate::driver) snapshot_id: String,
}

impl Record for VolumeRecord {
    fn id(&self) -> &str {
        &self.id
    }
}
