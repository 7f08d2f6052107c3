//! Makes answers malformed in the ways that real drivers do.

use prost_types::Timestamp;

use super::fault::Malformed;
use super::proto as csi;
use super::store::FIRST_TOKEN;

/// More than the 4 MiB that a gRPC client takes by default.
const OVERSIZED: usize = 5 << 20;

/// About 300,000 years in seconds, which is too much for nanoseconds in 64 bits.
const ABSURD_SECONDS: i64 = 10_000_000_000_000;

/// The year 1 as a Unix time, which a Go program sends if it has never set a time.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// The last second of the year 9999.
const LAST_SECONDS: i64 = 253_402_300_799;

/// An answer that can be made malformed.
pub(super) trait Deform: Default + Send + 'static {
    /// The field with the id or the name of the subject.
    fn handle(&mut self) -> Option<&mut String> {
        None
    }

    /// The snapshots in the answer.
    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        Vec::new()
    }

    /// The creation time of a group.
    fn creation_time(&mut self) -> Option<&mut Option<Timestamp>> {
        None
    }

    /// The members of the group in the answer.
    fn members(&mut self) -> &mut [csi::Snapshot] {
        &mut []
    }

    /// The token of the next page.
    fn next_token(&mut self) -> Option<&mut String> {
        None
    }

    /// Removes everything from the answer.
    fn empty(&mut self) {
        *self = Self::default();
    }

    /// Makes it malformed.
    fn deform(&mut self, how: Malformed) {
        match how {
            Malformed::Empty => self.empty(),
            Malformed::NoId => {
                if let Some(handle) = self.handle() {
                    handle.clear();
                }
            }
            Malformed::Oversized => {
                for snapshot in self.snapshots() {
                    snapshot.source_volume_id = "x".repeat(OVERSIZED);
                }
            }
            Malformed::OtherSource => {
                for snapshot in self.snapshots() {
                    snapshot.source_volume_id.push_str("-other");
                }
            }
            Malformed::NegativeSize => self.snapshots().into_iter().for_each(|held| held.size_bytes = -1),
            Malformed::NoSize => self.snapshots().into_iter().for_each(|held| held.size_bytes = 0),
            Malformed::NoMemberIds => self.members().iter_mut().for_each(|held| held.snapshot_id.clear()),
            Malformed::SameToken => {
                if let Some(token) = self.next_token() {
                    FIRST_TOKEN.clone_into(token);
                }
            }
            Malformed::GoZeroTime => set_times(self, Some(Timestamp { seconds: GO_ZERO_SECONDS, nanos: 0 })),
            Malformed::EndOfTime => set_times(self, Some(Timestamp { seconds: LAST_SECONDS, nanos: 0 })),
            Malformed::AbsurdSeconds => {
                set_times(self, Some(Timestamp { seconds: ABSURD_SECONDS, nanos: 0 }));
            }
            Malformed::AbsurdNanos => set_times(self, Some(Timestamp { seconds: 1, nanos: i32::MIN })),
            Malformed::NoCreationTime => set_times(self, None),
        }
    }
}

fn set_times<T: Deform>(message: &mut T, time: Option<Timestamp>) {
    if let Some(held) = message.creation_time() {
        *held = time;
    }
    for snapshot in message.snapshots() {
        snapshot.creation_time = time;
    }
}

impl Deform for csi::GetPluginInfoResponse {
    fn handle(&mut self) -> Option<&mut String> {
        Some(&mut self.name)
    }
}

impl Deform for csi::GetPluginCapabilitiesResponse {}
impl Deform for csi::ProbeResponse {}
impl Deform for csi::ControllerGetCapabilitiesResponse {}
impl Deform for csi::GroupControllerGetCapabilitiesResponse {}
impl Deform for csi::DeleteVolumeResponse {}
impl Deform for csi::DeleteSnapshotResponse {}
impl Deform for csi::DeleteVolumeGroupSnapshotResponse {}
impl Deform for csi::ValidateVolumeCapabilitiesResponse {}
impl Deform for csi::NodeStageVolumeResponse {}
impl Deform for csi::NodeUnstageVolumeResponse {}
impl Deform for csi::NodePublishVolumeResponse {}
impl Deform for csi::NodeUnpublishVolumeResponse {}
impl Deform for csi::NodeGetCapabilitiesResponse {}
impl Deform for csi::NodeGetInfoResponse {}

impl Deform for csi::CreateVolumeResponse {
    fn handle(&mut self) -> Option<&mut String> {
        self.volume.as_mut().map(|volume| &mut volume.volume_id)
    }
}

impl Deform for csi::CreateSnapshotResponse {
    fn handle(&mut self) -> Option<&mut String> {
        self.snapshot.as_mut().map(|snapshot| &mut snapshot.snapshot_id)
    }

    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        self.snapshot.as_mut().into_iter().collect()
    }
}

impl Deform for csi::GetSnapshotResponse {
    fn handle(&mut self) -> Option<&mut String> {
        self.snapshot.as_mut().map(|snapshot| &mut snapshot.snapshot_id)
    }

    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        self.snapshot.as_mut().into_iter().collect()
    }
}

impl Deform for csi::ListSnapshotsResponse {
    fn handle(&mut self) -> Option<&mut String> {
        let first = self.entries.first_mut()?.snapshot.as_mut();
        first.map(|snapshot| &mut snapshot.snapshot_id)
    }

    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        self.entries.iter_mut().filter_map(|entry| entry.snapshot.as_mut()).collect()
    }

    fn next_token(&mut self) -> Option<&mut String> {
        Some(&mut self.next_token)
    }

    /// Entries without a snapshot. A list without entries would be a valid answer.
    fn empty(&mut self) {
        for entry in &mut self.entries {
            entry.snapshot = None;
        }
    }
}

impl Deform for csi::CreateVolumeGroupSnapshotResponse {
    fn handle(&mut self) -> Option<&mut String> {
        self.group_snapshot.as_mut().map(|group| &mut group.group_snapshot_id)
    }

    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        self.group_snapshot.iter_mut().flat_map(|group| &mut group.snapshots).collect()
    }

    fn members(&mut self) -> &mut [csi::Snapshot] {
        self.group_snapshot.as_mut().map_or(&mut [], |group| &mut group.snapshots)
    }

    fn creation_time(&mut self) -> Option<&mut Option<Timestamp>> {
        self.group_snapshot.as_mut().map(|group| &mut group.creation_time)
    }
}

impl Deform for csi::GetVolumeGroupSnapshotResponse {
    fn handle(&mut self) -> Option<&mut String> {
        self.group_snapshot.as_mut().map(|group| &mut group.group_snapshot_id)
    }

    fn snapshots(&mut self) -> Vec<&mut csi::Snapshot> {
        self.group_snapshot.iter_mut().flat_map(|group| &mut group.snapshots).collect()
    }

    fn members(&mut self) -> &mut [csi::Snapshot] {
        self.group_snapshot.as_mut().map_or(&mut [], |group| &mut group.snapshots)
    }

    fn creation_time(&mut self) -> Option<&mut Option<Timestamp>> {
        self.group_snapshot.as_mut().map(|group| &mut group.creation_time)
    }
}
