//! The storage of one driver below its root directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::records::{GroupRecord, SnapshotRecord, VolumeRecord};
use super::shelf::Shelf;
use crate::driver::script::Amnesia;

/// The storage of one driver. Every change is on disk before the call is answered.
#[derive(Debug)]
pub(in crate::driver) struct StorageDir {
    pub(super) root: PathBuf,
    pub(super) make_missing_volumes: bool,
    pub(super) volumes: Shelf<VolumeRecord>,
    pub(super) snapshots: Shelf<SnapshotRecord>,
    pub(super) groups: Shelf<GroupRecord>,
}

impl StorageDir {
    /// Opens the storage at `root`, and removes what an interrupted snapshot has left behind.
    pub(in crate::driver) fn open(root: &Path, make_missing_volumes: bool) -> Result<StorageDir, StoreError> {
        for part in ["volumes", "snapshots"] {
            let path = root.join(part);
            fs::create_dir_all(&path).map_err(StoreError::io("make", &path))?;
        }
        let records = root.join("records");
        let mut store = StorageDir {
            root: root.to_owned(),
            make_missing_volumes,
            volumes: Shelf::open(records.join("volumes"))?,
            snapshots: Shelf::open(records.join("snapshots"))?,
            groups: Shelf::open(records.join("groups"))?,
        };
        store.sweep()?;
        Ok(store)
    }

    /// Reads all records again, since another driver may have changed them.
    pub(in crate::driver) fn refresh(&mut self) -> Result<(), StoreError> {
        self.volumes.refresh()?;
        self.snapshots.refresh()?;
        self.groups.refresh()
    }

    /// Forgets what the script says.
    pub(in crate::driver) fn forget(&mut self, amnesia: Amnesia) -> Result<(), StoreError> {
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

    /// The id of the snapshot or group that is equal to this one except for its case, or this one if there is none.
    pub(in crate::driver) fn in_any_case(&self, id: &str) -> String {
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

/// Refuses an id that is empty or not a single part of a path.
pub(super) fn usable(field: &'static str, value: &str) -> Result<(), StoreError> {
    if value.is_empty() || value == "." || value == ".." || value.contains(['/', '\0']) {
        return Err(StoreError::Unusable { field, value: value.to_owned() });
    }
    Ok(())
}
