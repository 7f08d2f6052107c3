//! The volumes: every directory below `volumes/` is one.

use std::fs;
use std::path::PathBuf;

use super::error::StoreError;
use super::records::VolumeRecord;
use super::root::{StorageDir, usable};
use crate::driver::tree;

/// The capacity that is asked for, in bytes. Zero means that nothing is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::driver) struct Capacity {
    pub(in crate::driver) least: i64,
    pub(in crate::driver) most: i64,
}

impl Capacity {
    fn fits(self, bytes: i64) -> bool {
        self.least <= bytes && (self.most == 0 || bytes <= self.most)
    }
}

impl StorageDir {
    /// The directory of a volume's files, even if the volume does not exist.
    pub(in crate::driver) fn volume_path(&self, id: &str) -> Result<PathBuf, StoreError> {
        // Real drivers often use paths as ids. Here each id is one directory.
        let name = id.replace('%', "%25").replace('/', "%2F");
        usable("volume_id", &name)?;
        Ok(self.root.join("volumes").join(name))
    }

    /// Creates an empty volume with this id unless there is one.
    pub(in crate::driver) fn make_volume(&self, id: &str) -> Result<PathBuf, StoreError> {
        let path = self.volume_path(id)?;
        fs::create_dir_all(&path).map_err(StoreError::io("make", &path))?;
        Ok(path)
    }

    /// The directory of a volume that exists.
    pub(in crate::driver) fn known_volume(&self, id: &str) -> Result<PathBuf, StoreError> {
        let path = self.volume_path(id)?;
        if path.is_dir() { Ok(path) } else { Err(StoreError::Missing { kind: "volume", id: id.to_owned() }) }
    }

    /// The volume with this name. If there is none, it is created, from a snapshot unless `snapshot_id` is empty.
    pub(in crate::driver) fn create_volume(
        &mut self,
        name: &str,
        snapshot_id: &str,
        capacity: Capacity,
    ) -> Result<VolumeRecord, StoreError> {
        usable("name", name)?;
        if let Some(record) = self.volumes.iter().find(|record| record.name == name) {
            if record.snapshot_id != snapshot_id {
                return Err(StoreError::Taken { kind: "volume", name: name.to_owned() });
            }
            if !capacity.fits(record.capacity_bytes) {
                return Err(StoreError::OtherCapacity { name: name.to_owned() });
            }
            return Ok(record.clone());
        }
        let id = format!("vol-{}", uuid::Uuid::new_v4());
        let path = self.volume_path(&id)?;
        let mut capacity_bytes = capacity.least;
        if snapshot_id.is_empty() {
            fs::create_dir(&path).map_err(StoreError::io("make", &path))?;
        } else {
            let snapshot = self.known_snapshot(snapshot_id)?;
            capacity_bytes = capacity_bytes.max(snapshot.size_bytes);
            tree::copy(&self.snapshot_path(snapshot_id), &path).map_err(StoreError::io("fill", &path))?;
        }
        let record =
            VolumeRecord { id, name: name.to_owned(), capacity_bytes, snapshot_id: snapshot_id.to_owned() };
        self.volumes.put(record.clone())?;
        Ok(record)
    }

    /// Removes a volume and its data. It is no error if there is none.
    pub(in crate::driver) fn delete_volume(&mut self, id: &str) -> Result<(), StoreError> {
        let path = self.volume_path(id)?;
        if path.exists() {
            fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
        }
        self.volumes.remove(id)
    }
}
