//! What the driver's list says, kept compactly.

use std::collections::HashMap;

use jiff::Timestamp;
use model::facts::Kind;
use model::reply::TakenSnapshot;

use super::contents::{Age, MOST_SHOWN, Named};
use super::digest::Digests;

/// Instead of the digest of a volume that the driver does not tell.
pub(super) const NO_VOLUME: u64 = 0;

/// A listed snapshot that the first reading does not name, in 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stray {
    pub digest: u64,
    pub volume: u64,
    /// Bytes, 0 if the driver does not tell.
    pub size: i64,
}

/// The list, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Storage {
    /// Entries, each as often as it came.
    pub entries: u64,
    /// Entries that are too young to be judged.
    pub young: u64,
    pub strays: Vec<Stray>,
    /// The first strays in full.
    pub shown: HashMap<u64, TakenSnapshot>,
}

impl Storage {
    /// Takes an entry. Of a snapshot that a content names, only that is kept.
    pub fn see(&mut self, digests: &Digests, named: &mut Named, age: Age, snapshot: TakenSnapshot) {
        self.entries += 1;
        let digest = digests.of(Kind::Single, &snapshot.handle);
        if named.list(digest) {
            return;
        }
        if !age.is_old(taken_at(&snapshot)) {
            self.young += 1;
            return;
        }
        let volume = Some(&snapshot.source_volume).filter(|volume| !volume.is_empty());
        let volume = volume.map_or(NO_VOLUME, |volume| digests.of_volume(volume));
        self.strays.push(Stray { digest, volume, size: snapshot.size.unwrap_or(0) });
        if self.shown.len() < MOST_SHOWN {
            self.shown.insert(digest, snapshot);
        }
    }
}

/// When a snapshot was taken, if the driver tells a time that exists.
pub(super) fn taken_at(snapshot: &TakenSnapshot) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(snapshot.creation_time?)).ok()
}
