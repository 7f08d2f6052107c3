//! A pass over a VolumeSnapshot.

use machinery::cluster::objects::Objects;
use machinery::cluster::write::WriteFailure;
use machinery::queue::Key;
use model::content::{SingleContent, VolumeSnapshotContent};
use model::snapshot::{Snapshot, VolumeSnapshot};

use super::user::Acted;
use super::work::Work;
use crate::caches::UserMemory;
use crate::decide::content;
use crate::decide::step::Step;
use crate::look::Look;
use machinery::queue::worker::PassEnd;

/// More than a lone snapshot needs.
const MOST_STEPS: usize = 12;

impl Acted for Snapshot {
    fn objects(work: &Work) -> &Objects<Self> {
        &work.snapshots
    }
    fn contents(work: &Work) -> &Objects<SingleContent> {
        &work.contents
    }
    async fn is_as_decided(_work: &Work, _snapshot: &VolumeSnapshot) -> Result<bool, WriteFailure> {
        Ok(true)
    }
    fn decide(work: &Work, snapshot: &VolumeSnapshot, memory: &mut UserMemory) -> Step {
        work.measure(snapshot);
        work.look().snapshot(snapshot, memory)
    }
    fn most_steps(_work: &Work, _snapshot: &VolumeSnapshot) -> usize {
        MOST_STEPS
    }
    fn decide_content(look: &Look<'_>, content: &VolumeSnapshotContent) -> content::Step {
        look.content(content)
    }
}

impl Work {
    /// One pass over the snapshot of a key.
    pub async fn snapshot_pass(&self, key: &Key) -> PassEnd {
        self.user_pass::<Snapshot>(key).await
    }
}
