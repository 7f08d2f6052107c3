//! Takes, finds, lists and removes single snapshots.

use std::fs;
use std::path::PathBuf;

use super::error::StoreError;
use super::records::SnapshotRecord;
use super::root::StorageDir;
use crate::clock;
use crate::driver::tree;

/// The prefix of every token, by which a token of another driver is recognised.
const TOKEN: &str = "after:";

/// The token of the first page.
pub(in crate::driver) const FIRST_TOKEN: &str = TOKEN;

/// The filters of `ListSnapshots`. An empty field is no filter.
pub(in crate::driver) struct Listing<'a> {
    pub(in crate::driver) snapshot_id: &'a str,
    pub(in crate::driver) source_volume_id: &'a str,
    pub(in crate::driver) token: &'a str,
    /// Zero means all entries.
    pub(in crate::driver) max_entries: usize,
}

impl StorageDir {
    /// All snapshots in the order of their ids, including those that the driver has forgotten.
    pub(in crate::driver) fn all_snapshots(&self) -> Vec<SnapshotRecord> {
        self.snapshots.iter().cloned().collect()
    }

    /// The snapshot with this name, and whether it is new. If there is none, it is taken.
    pub(in crate::driver) fn create_snapshot(
        &mut self,
        name: &str,
        source: &str,
    ) -> Result<(SnapshotRecord, bool), StoreError> {
        if name.is_empty() {
            return Err(StoreError::Unusable { field: "name", value: String::new() });
        }
        self.volume_path(source)?;
        if let Some(record) = self.snapshots.iter().find(|record| record.name == name) {
            if record.source_volume_id != source {
                return Err(StoreError::Taken { kind: "snapshot", name: name.to_owned() });
            }
            return Ok((record.clone(), false));
        }
        let record = self.cut(name, source, "")?;
        Ok((record, true))
    }

    /// Loses the snapshot with this name and its data, if `doomed` is true of its id.
    pub(in crate::driver) fn lose(
        &mut self,
        name: &str,
        doomed: impl FnOnce(&str) -> bool,
    ) -> Result<(), StoreError> {
        let found = self.snapshots.iter().find(|record| record.name == name);
        let Some(id) = found.map(|record| record.id.clone()).filter(|id| doomed(id)) else { return Ok(()) };
        self.discard(&id)
    }

    /// Copies the volume's files and records the copy.
    pub(super) fn cut(
        &mut self,
        name: &str,
        source: &str,
        group_id: &str,
    ) -> Result<SnapshotRecord, StoreError> {
        let volume =
            if self.make_missing_volumes { self.make_volume(source) } else { self.known_volume(source) }?;
        let id = format!("snap-{}", uuid::Uuid::new_v4());
        let path = self.snapshot_path(&id);
        let bytes = tree::copy(&volume, &path).map_err(StoreError::io("fill", &path))?;
        let created = clock::since_epoch();
        let record = SnapshotRecord {
            id,
            name: name.to_owned(),
            source_volume_id: source.to_owned(),
            size_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            created_seconds: i64::try_from(created.as_secs()).unwrap_or(i64::MAX),
            created_nanos: i32::try_from(created.subsec_nanos()).unwrap_or_default(),
            group_id: group_id.to_owned(),
            forgotten: false,
        };
        self.snapshots.put(record.clone())?;
        Ok(record)
    }

    /// Removes a snapshot. It is no error if the driver does not know it.
    pub(in crate::driver) fn delete_snapshot(&mut self, id: &str) -> Result<(), StoreError> {
        if id.is_empty() {
            return Err(StoreError::Unusable { field: "snapshot_id", value: String::new() });
        }
        // This driver would never have returned such a handle, so there is no snapshot to delete.
        match self.known_snapshot(id) {
            Err(_) => Ok(()),
            Ok(record) if !record.group_id.is_empty() => {
                Err(StoreError::Member { id: id.to_owned(), group: record.group_id.clone() })
            }
            Ok(_) => self.discard(id),
        }
    }

    /// A snapshot that the driver knows.
    pub(in crate::driver) fn known_snapshot(&self, id: &str) -> Result<&SnapshotRecord, StoreError> {
        let record = self.snapshots.get(id).filter(|record| !record.forgotten);
        record.ok_or_else(|| StoreError::Missing { kind: "snapshot", id: id.to_owned() })
    }

    /// One page of the snapshots that the driver knows, and the token of the next page, which is empty for the last page.
    pub(in crate::driver) fn list(
        &self,
        listing: &Listing<'_>,
    ) -> Result<(Vec<SnapshotRecord>, String), StoreError> {
        let after = match listing.token {
            "" => "",
            token => {
                token.strip_prefix(TOKEN).ok_or_else(|| StoreError::Token { token: token.to_owned() })?
            }
        };
        let wanted = |given: &str, held: &str| given.is_empty() || given == held;
        let mut found = self
            .snapshots
            .iter()
            .filter(|record| !record.forgotten && record.id.as_str() > after)
            .filter(|record| wanted(listing.snapshot_id, &record.id))
            .filter(|record| wanted(listing.source_volume_id, &record.source_volume_id));
        if listing.max_entries == 0 {
            return Ok((found.cloned().collect(), String::new()));
        }
        let page: Vec<_> = found.by_ref().take(listing.max_entries).cloned().collect();
        let more = found.next().is_some();
        let last = page.last().filter(|_| more).map(|record| format!("{TOKEN}{}", record.id));
        Ok((page, last.unwrap_or_default()))
    }

    /// Removes the record and the data. The record is removed first, so that the next start removes what an interruption
    /// has left.
    pub(super) fn discard(&mut self, id: &str) -> Result<(), StoreError> {
        self.snapshots.remove(id)?;
        let path = self.snapshot_path(id);
        fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))
    }

    pub(super) fn snapshot_path(&self, id: &str) -> PathBuf {
        self.root.join("snapshots").join(id)
    }
}
