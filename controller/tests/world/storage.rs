//! The CSI driver: it takes one snapshot for one name, as the specification says, and is as bad as the weather.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost_types::Timestamp;
use sandbox::driver::proto as csi;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use crate::chance::{delay, strikes};
use crate::world::World;

/// How long a call may take.
const LONGEST: Duration = Duration::from_secs(20);
/// By these a driver promises that the call did nothing.
const DEFINITE: [Code; 4] =
    [Code::InvalidArgument, Code::FailedPrecondition, Code::PermissionDenied, Code::OutOfRange];
const INDEFINITE: [Code; 6] = [
    Code::Unavailable,
    Code::DeadlineExceeded,
    Code::Internal,
    Code::Unknown,
    Code::Aborted,
    Code::ResourceExhausted,
];

#[derive(Debug, Clone)]
pub struct Snap {
    pub handle: String,
    /// What it was taken as; "" for one that was there before.
    pub name: String,
    pub volume: String,
    /// The handle of its group, or "".
    pub group: String,
    ready_at: Instant,
    created: i64,
}

#[derive(Debug, Clone)]
pub struct GroupOfSnaps {
    pub handle: String,
    pub name: String,
    volumes: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Shelves {
    pub snaps: BTreeMap<String, Snap>,
    pub groups: BTreeMap<String, GroupOfSnaps>,
    /// How many snapshots were taken, by name.
    pub cuts: BTreeMap<String, u32>,
    handles: u32,
    /// What calls are at work on.
    busy: BTreeSet<String>,
}

pub struct Storage {
    pub world: Arc<World>,
    /// What becomes ready only after a while.
    pub is_slow: bool,
    shelves: Mutex<Shelves>,
}

impl Storage {
    pub fn new(world: &Arc<World>, is_slow: bool) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), is_slow, shelves: Mutex::default() })
    }

    pub fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A snapshot that was taken before anybody looked; its handle.
    pub fn old(&self, volume: &str) -> String {
        let ready_at = Instant::now();
        self.shelves().cut("", volume, "", ready_at, 1_700_000_000).handle
    }

    /// The same for a group.
    pub fn old_group(&self, volumes: &[String]) -> (String, Vec<String>) {
        let ready_at = Instant::now();
        let mut shelves = self.shelves();
        let group = shelves.cut_group("", volumes, ready_at, 1_700_000_000);
        let members = shelves.members(&group.handle).into_iter().map(|snap| snap.handle).collect();
        (group.handle, members)
    }

    /// One call; it goes on without its caller.
    pub async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        what: String,
        effect: impl FnOnce(&mut Shelves, Instant, i64) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let storage = Arc::clone(self);
        let done = tokio::spawn(async move { storage.carry(what, effect).await }).await;
        done.map_err(|failed| Status::internal(failed.to_string()))?
    }

    async fn carry<T>(
        &self,
        what: String,
        effect: impl FnOnce(&mut Shelves, Instant, i64) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let world = &self.world;
        let mut chance = world.chance.of(&what);
        let is_bad = world.is_bad();
        let longest = if is_bad && world.weather.calls > 0 { LONGEST } else { Duration::from_millis(100) };
        let (there, back) = (delay(&mut chance, longest), delay(&mut chance, longest));
        // As the specification asks, there is one call about a snapshot at a time, from its arrival on.
        let about = self.shelves().subject(&what);
        if !self.shelves().busy.insert(about.clone()) {
            return Err(Status::aborted("another call about it is at work"));
        }
        sleep(there).await;
        self.shelves().busy.remove(&about);
        let fault = is_bad && strikes(&mut chance, world.weather.calls);
        let fault = fault.then(|| chance.u32(0..4));
        if let Some(0 | 1) = fault {
            let (codes, which) = if fault == Some(0) { (&DEFINITE[..], 4) } else { (&INDEFINITE[..], 6) };
            let code = codes[chance.usize(0..which)];
            world.tell(format!("driver refuses {what} with {code:?}"));
            return Err(Status::new(code, "not now"));
        }
        let wait = if self.is_slow { Duration::from_secs(chance.u64(0..40)) } else { Duration::ZERO };
        let created = i64::try_from(world.elapsed().as_secs()).unwrap_or_default() + 1_767_225_600;
        let done = effect(&mut self.shelves(), Instant::now() + wait, created);
        let said = done.as_ref().map_or_else(|status| format!("{:?}", status.code()), |_| "ok".to_owned());
        world.tell(format!("driver {what} -> {said}"));
        if let Some(2 | 3) = fault {
            let code = INDEFINITE[chance.usize(0..6)];
            world.tell(format!("driver answers {what} with {code:?}"));
            return Err(Status::new(code, "it was done, though"));
        }
        sleep(back).await;
        done
    }
}

impl Shelves {
    /// The name of what a call is about, or its handle.
    fn subject(&self, what: &str) -> String {
        let given = what.rsplit(' ').next().unwrap_or_default();
        let snap = self.snaps.get(given).map(|snap| &snap.name);
        let name = snap.or(self.groups.get(given).map(|group| &group.name));
        name.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| given.to_owned())
    }

    fn handle(&mut self, prefix: &str) -> String {
        self.handles += 1;
        format!("{prefix}{}", self.handles)
    }

    fn cut(&mut self, name: &str, volume: &str, group: &str, ready_at: Instant, created: i64) -> Snap {
        let handle = self.handle("snap-");
        let snap = Snap {
            handle: handle.clone(),
            name: name.to_owned(),
            volume: volume.to_owned(),
            group: group.to_owned(),
            ready_at,
            created,
        };
        self.snaps.insert(handle, snap.clone());
        snap
    }

    fn cut_group(&mut self, name: &str, volumes: &[String], ready_at: Instant, created: i64) -> GroupOfSnaps {
        let handle = self.handle("group-");
        let group = GroupOfSnaps { handle: handle.clone(), name: name.to_owned(), volumes: volumes.to_vec() };
        for volume in volumes {
            self.cut("", volume, &handle, ready_at, created);
        }
        self.groups.insert(handle, group.clone());
        group
    }

    pub fn members(&self, group: &str) -> Vec<Snap> {
        self.snaps.values().filter(|snap| snap.group == group).cloned().collect()
    }

    pub fn create(
        &mut self,
        name: &str,
        volume: &str,
        ready_at: Instant,
        created: i64,
    ) -> Result<csi::Snapshot, Status> {
        if let Some(there) = self.snaps.values().find(|snap| snap.name == name) {
            return if there.volume == volume {
                Ok(shown(there))
            } else {
                Err(Status::already_exists("of another volume"))
            };
        }
        *self.cuts.entry(name.to_owned()).or_default() += 1;
        Ok(shown(&self.cut(name, volume, "", ready_at, created)))
    }

    pub fn delete(&mut self, handle: &str) -> Result<(), Status> {
        if self.snaps.get(handle).is_some_and(|snap| !snap.group.is_empty()) {
            return Err(Status::failed_precondition("it is part of a group"));
        }
        self.snaps.remove(handle);
        Ok(())
    }

    pub fn get(&self, handle: &str) -> Result<csi::Snapshot, Status> {
        self.snaps.get(handle).map(shown).ok_or_else(|| Status::not_found("no such snapshot"))
    }

    pub fn create_group(
        &mut self,
        name: &str,
        volumes: &[String],
        ready_at: Instant,
        created: i64,
    ) -> Result<csi::VolumeGroupSnapshot, Status> {
        if let Some(there) = self.groups.values().find(|group| group.name == name).cloned() {
            return if there.volumes == volumes {
                Ok(self.shown_group(&there))
            } else {
                Err(Status::already_exists("of other volumes"))
            };
        }
        *self.cuts.entry(name.to_owned()).or_default() += 1;
        let group = self.cut_group(name, volumes, ready_at, created);
        Ok(self.shown_group(&group))
    }

    pub fn delete_group(&mut self, handle: &str, members: &[String]) -> Result<(), Status> {
        if self.groups.contains_key(handle) {
            let mut there: Vec<_> = self.members(handle).into_iter().map(|snap| snap.handle).collect();
            let mut given = members.to_vec();
            there.sort();
            given.sort();
            if there != given {
                return Err(Status::invalid_argument("these are not its members"));
            }
        }
        self.groups.remove(handle);
        self.snaps.retain(|_, snap| snap.group != handle);
        Ok(())
    }

    pub fn get_group(&self, handle: &str) -> Result<csi::VolumeGroupSnapshot, Status> {
        let group = self.groups.get(handle).ok_or_else(|| Status::not_found("no such group"))?;
        Ok(self.shown_group(group))
    }

    fn shown_group(&self, group: &GroupOfSnaps) -> csi::VolumeGroupSnapshot {
        let members = self.members(&group.handle);
        let ready = members.iter().all(|snap| snap.ready_at <= Instant::now());
        csi::VolumeGroupSnapshot {
            group_snapshot_id: group.handle.clone(),
            creation_time: members.first().map(|snap| Timestamp { seconds: snap.created, nanos: 0 }),
            ready_to_use: ready,
            snapshots: members.iter().map(shown).collect(),
        }
    }
}

fn shown(snap: &Snap) -> csi::Snapshot {
    csi::Snapshot {
        size_bytes: 1 << 30,
        snapshot_id: snap.handle.clone(),
        source_volume_id: snap.volume.clone(),
        creation_time: Some(Timestamp { seconds: snap.created, nanos: 0 }),
        ready_to_use: snap.ready_at <= Instant::now(),
        group_snapshot_id: snap.group.clone(),
    }
}
