//! What storage keeps a record of: volumes, snapshots and groups of snapshots.

use serde::{Deserialize, Serialize};

use super::shelf::Record;

/// A snapshot that exists in storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// Its handle.
    pub id: String,
    /// The name that it was created under; empty for members of a group, and once the driver forgot it.
    pub name: String,
    /// The volume that it was cut from.
    pub source_volume_id: String,
    /// The sum of its file sizes.
    pub size_bytes: i64,
    /// When it was cut, in seconds since the epoch.
    pub created_seconds: i64,
    /// The nanoseconds of that second.
    pub created_nanos: i32,
    /// The group that it is a member of, else empty.
    pub group_id: String,
    /// Whether the driver no longer knows of it, although it is there.
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
    /// The name that it was created under; empty once the driver forgot it.
    pub name: String,
    /// The volumes, in the order they were asked for.
    pub source_volume_ids: Vec<String>,
    /// The members, in the order of their volumes.
    pub snapshot_ids: Vec<String>,
    /// When it was cut, in seconds since the epoch.
    pub created_seconds: i64,
    /// The nanoseconds of that second.
    pub created_nanos: i32,
    /// Whether the driver no longer knows of it, although it is there.
    pub forgotten: bool,
}

impl Record for GroupRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A volume that was made by a call; others are just directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::driver) struct VolumeRecord {
    pub(in crate::driver) id: String,
    pub(in crate::driver) name: String,
    pub(in crate::driver) capacity_bytes: i64,
    /// The snapshot that its data came from, else empty.
    pub(in crate::driver) snapshot_id: String,
}

impl Record for VolumeRecord {
    fn id(&self) -> &str {
        &self.id
    }
}
