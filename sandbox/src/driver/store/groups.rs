//! Groups of snapshots, which are taken together and deleted together.

use std::collections::BTreeSet;

use super::error::StoreError;
use super::records::{GroupRecord, SnapshotRecord};
use super::root::{StorageDir, usable};
use crate::clock;

impl StorageDir {
    /// The group with this name, and whether it is new. If there is none, it is created.
    pub(in crate::driver) fn create_group(
        &mut self,
        name: &str,
        sources: &[String],
    ) -> Result<(GroupRecord, bool), StoreError> {
        if name.is_empty() {
            return Err(StoreError::Unusable { field: "name", value: String::new() });
        }
        if sources.is_empty() {
            return Err(StoreError::Unusable { field: "source_volume_ids", value: String::new() });
        }
        if let Some(record) = self.groups.iter().find(|record| record.name == name) {
            if as_set(&record.source_volume_ids) != as_set(sources) {
                return Err(StoreError::Taken { kind: "group snapshot", name: name.to_owned() });
            }
            return Ok((record.clone(), false));
        }
        let record = self.cut_group(name, sources)?;
        Ok((record, true))
    }

    /// The group and its members, if the given ids are theirs.
    pub(in crate::driver) fn known_group(
        &self,
        id: &str,
        snapshot_ids: &[String],
    ) -> Result<(GroupRecord, Vec<SnapshotRecord>), StoreError> {
        usable("group_snapshot_id", id)?;
        let record = self
            .groups
            .get(id)
            .filter(|record| !record.forgotten)
            .ok_or_else(|| StoreError::Missing { kind: "group snapshot", id: id.to_owned() })?;
        if as_set(&record.snapshot_ids) != as_set(snapshot_ids) {
            return Err(StoreError::Mismatch { group: id.to_owned() });
        }
        Ok((record.clone(), self.members(record)))
    }

    /// The members of an existing group.
    pub(in crate::driver) fn members(&self, group: &GroupRecord) -> Vec<SnapshotRecord> {
        group.snapshot_ids.iter().filter_map(|id| self.snapshots.get(id)).cloned().collect()
    }

    /// Removes a group with its members. It is no error if the driver does not know the group.
    pub(in crate::driver) fn delete_group(
        &mut self,
        id: &str,
        snapshot_ids: &[String],
    ) -> Result<(), StoreError> {
        let members = match self.known_group(id, snapshot_ids) {
            Err(StoreError::Missing { .. }) => return Ok(()),
            Err(error) => return Err(error),
            Ok((_, members)) => members,
        };
        // Members without their group are removed at the next start, so the group is removed first.
        self.groups.remove(id)?;
        for member in members {
            self.discard(&member.id)?;
        }
        Ok(())
    }

    fn cut_group(&mut self, name: &str, sources: &[String]) -> Result<GroupRecord, StoreError> {
        let created = clock::since_epoch();
        let id = format!("group-{}", uuid::Uuid::new_v4());
        let mut snapshot_ids = Vec::new();
        for source in sources {
            match self.cut("", source, &id) {
                Ok(member) => snapshot_ids.push(member.id),
                Err(error) => {
                    for id in &snapshot_ids {
                        self.discard(id)?;
                    }
                    return Err(error);
                }
            }
        }
        let record = GroupRecord {
            id,
            name: name.to_owned(),
            source_volume_ids: sources.to_vec(),
            snapshot_ids,
            created_seconds: i64::try_from(created.as_secs()).unwrap_or(i64::MAX),
            created_nanos: i32::try_from(created.subsec_nanos()).unwrap_or_default(),
            forgotten: false,
        };
        self.groups.put(record.clone())?;
        Ok(record)
    }
}

fn as_set(ids: &[String]) -> BTreeSet<&str> {
    ids.iter().map(String::as_str).collect()
}
