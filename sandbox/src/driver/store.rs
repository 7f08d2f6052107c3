//! The storage: `volumes/<id>` and `snapshots/<id>` have the files, and `records/` describes them.

mod error;
mod groups;
mod node;
mod records;
mod root;
mod shelf;
mod snapshots;
mod volumes;

pub(super) use self::error::StoreError;
pub(super) use self::records::VolumeRecord;
pub use self::records::{GroupRecord, SnapshotRecord};
pub(super) use self::root::StorageDir;
pub(super) use self::snapshots::{FIRST_TOKEN, Listing};
pub(super) use self::volumes::Capacity;
