//! Storage as directories: `volumes/<id>` and `snapshots/<id>` hold the files, `records/` says what they are.

mod error;
mod groups;
mod records;
mod snapshots;
mod volumes;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::error::StoreError;
use self::records::{Record, Shelf};
pub(super) use self::snapshots::{FIRST_TOKEN, Listing};
use super::script::Amnesia;

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
pub(super) struct VolumeRecord {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) capacity_bytes: i64,
    /// The snapshot that its data came from, else empty.
    pub(super) snapshot_id: String,
}

impl Record for VolumeRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The storage of one driver. Every change is on disk before it is answered.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    make_missing_volumes: bool,
    volumes: Shelf<VolumeRecord>,
    snapshots: Shelf<SnapshotRecord>,
    groups: Shelf<GroupRecord>,
}

impl Store {
    /// Takes up what is at `root`, and removes what a cut that was interrupted left behind.
    pub(super) fn open(root: &Path, make_missing_volumes: bool) -> Result<Store, StoreError> {
        for part in ["volumes", "snapshots"] {
            let path = root.join(part);
            fs::create_dir_all(&path).map_err(StoreError::io("make", &path))?;
        }
        let records = root.join("records");
        let mut store = Store {
            root: root.to_owned(),
            make_missing_volumes,
            volumes: Shelf::open(records.join("volumes"))?,
            snapshots: Shelf::open(records.join("snapshots"))?,
            groups: Shelf::open(records.join("groups"))?,
        };
        store.sweep()?;
        Ok(store)
    }

    /// Takes up what another driver has done to the same root since.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        self.volumes.refresh()?;
        self.snapshots.refresh()?;
        self.groups.refresh()
    }

    /// Does to the records what the script says.
    pub(super) fn forget(&mut self, amnesia: Amnesia) -> Result<(), StoreError> {
        let all = amnesia == Amnesia::All;
        let snapshots: Vec<_> = self.snapshots.iter().cloned().collect();
        for mut record in snapshots {
            record.name.clear();
            record.forgotten |= all;
            self.snapshots.put(record)?;
        }
        let groups: Vec<_> = self.groups.iter().cloned().collect();
        for mut record in groups {
            record.name.clear();
            record.forgotten |= all;
            self.groups.put(record)?;
        }
        Ok(())
    }

    /// The id, of a snapshot or a group, that this one is but for capitals; the same where there is none.
    pub(super) fn in_any_case(&self, id: &str) -> String {
        let ids = self.snapshots.iter().map(|record| &record.id);
        let mut ids = ids.chain(self.groups.iter().map(|record| &record.id));
        ids.find(|held| held.eq_ignore_ascii_case(id)).map_or_else(|| id.to_owned(), Clone::clone)
    }

    fn sweep(&mut self) -> Result<(), StoreError> {
        let orphans: Vec<String> = self
            .snapshots
            .iter()
            .filter(|record| !record.group_id.is_empty() && self.groups.get(&record.group_id).is_none())
            .map(|record| record.id.clone())
            .collect();
        for id in orphans {
            self.snapshots.remove(&id)?;
        }
        let directory = self.root.join("snapshots");
        for entry in fs::read_dir(&directory).map_err(StoreError::io("list", &directory))? {
            let entry = entry.map_err(StoreError::io("list", &directory))?;
            if entry.file_name().to_str().is_none_or(|id| self.snapshots.get(id).is_none()) {
                fs::remove_dir_all(entry.path()).map_err(StoreError::io("remove", &entry.path()))?;
            }
        }
        Ok(())
    }
}

/// Refuses an id that is empty or that is more than one step of a path.
fn usable(field: &'static str, value: &str) -> Result<(), StoreError> {
    if value.is_empty() || value == "." || value == ".." || value.contains(['/', '\0']) {
        return Err(StoreError::Unusable { field, value: value.to_owned() });
    }
    Ok(())
}
