//! Handles in eight bytes, so that a million of them can be compared.

use std::hash::{BuildHasher, RandomState};

use model::facts::Kind;

/// Makes digests of handles and volumes. Two texts that differ only in case have one digest, because some drivers list
/// an id in another case than they created it. Each audit has a key of its own.
#[derive(Debug, Default)]
pub(super) struct Digests(RandomState);

impl Digests {
    /// The digest of a handle. The handles of groups are apart from those of snapshots.
    pub fn of(&self, kind: Kind, handle: &str) -> u64 {
        self.0.hash_one((kind, handle.to_lowercase()))
    }

    /// The digest of a volume's id up to its first `/`, since some drivers list no more of it.
    pub fn of_volume(&self, volume: &str) -> u64 {
        self.0.hash_one(volume.split('/').next().map(str::to_lowercase))
    }
}
