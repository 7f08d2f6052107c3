//! One life of a world: a seed, bad weather, users, and in the end peace.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use sandbox::api::SharedKinds;
use serde_json::json;
use tokio::time::sleep;

use crate::end::{leaks, taken_twice, unfinished};
use crate::foresight::{foretell, owed};
use crate::others::collect_garbage;
use crate::processes::{Program, keep};
use crate::storage::Storage;
use crate::users::{Script, What};
use crate::world::{Weather, World};

pub const DRIVER: &str = "world.csi.test";
/// How long everything may take once faults have stopped.
const PATIENCE: Duration = Duration::from_mins(20);
/// How long nothing is written afterwards.
pub const QUIET: Duration = Duration::from_hours(1);

/// What users mostly do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Config {
    Single,
    Group,
    Import,
    Mixed,
    /// All of it, and users strip finalizers.
    Stripping,
}

impl Config {
    pub fn what(self, random: &mut Rng) -> What {
        match self {
            Self::Single => What::Single,
            Self::Group => What::Group,
            Self::Import => What::Import,
            Self::Mixed | Self::Stripping => {
                [What::Single, What::Group, What::Import][random.usize(0..3)].take()
            }
        }
    }

    pub fn strips(self) -> bool {
        self == Self::Stripping
    }
}

impl What {
    fn take(&self) -> Self {
        match self {
            Self::Single => Self::Single,
            Self::Group => Self::Group,
            Self::Import => Self::Import,
        }
    }
}

/// How a life went.
pub struct Lived {
    pub story: Vec<String>,
    /// What was wrong, if anything was.
    pub wrong: Vec<String>,
    /// Writes of the programs.
    pub writes: u64,
}

/// Lives one life.
pub fn live(kinds: &SharedKinds, config: Config, seed: u64) -> Lived {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    fastrand::seed(seed);
    runtime.block_on(async {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        sandbox::api::clock::start_at(start);
        machinery::clock::testing::start_at(start);
        let mut random = Rng::with_seed(seed);
        let bad = |random: &mut Rng| [0, 10, 50, 200][random.usize(0..4)];
        let weather = Weather {
            requests: bad(&mut random),
            calls: bad(&mut random),
            watches: random.bool(),
            ends: random.u8(0..3) > 0,
        };
        let world = World::new(kinds, seed, weather);
        world.tell(format!("---- {config:?} {seed}: {weather:?}"));
        let wrong = events(&world, &mut random, config).await;
        Lived { story: world.story(), wrong, writes: world.writes.load(Ordering::Relaxed) }
    })
}

async fn events(world: &Arc<World>, random: &mut Rng, config: Config) -> Vec<String> {
    for name in ["a", "b"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        world.user(Method::POST, "/api/v1/namespaces", &namespace);
    }
    let storage = Storage::new(world, random.bool());
    let programs = [Program::Controller, Program::Sidecar];
    let _programs: Vec<_> = programs
        .into_iter()
        .map(|program| {
            tokio_util::task::AbortOnDropHandle::new(tokio::spawn(keep(program, Arc::clone(&storage))))
        })
        .collect();
    let asks = tokio::spawn(foretell(Arc::clone(world)));
    let _asks = tokio_util::task::AbortOnDropHandle::new(asks);
    let _collector =
        tokio_util::task::AbortOnDropHandle::new(tokio::spawn(collect_garbage(Arc::clone(world))));
    let script = Script::new(random, config);
    script.play(Arc::clone(&storage)).await;
    world.clear_up();
    let mut waited = Duration::ZERO;
    loop {
        sleep(Duration::from_mins(1)).await;
        waited += Duration::from_mins(1);
        if !world.laws().broken.is_empty() {
            break;
        }
        let left = unfinished(&storage);
        if left.is_empty() {
            break;
        }
        if waited > PATIENCE {
            world.laws().broken.extend(left);
            break;
        }
    }
    if world.laws().broken.is_empty() && !config.strips() {
        // The last of the events.
        sleep(Duration::from_mins(2)).await;
        peace(&storage).await;
    }
    let mut laws = world.laws();
    if config.strips() {
        laws.broken.retain(|why| why.contains("ended by itself"));
    }
    std::mem::take(&mut laws.broken)
}

/// Nothing is written any more, and nothing was lost.
async fn peace(storage: &Arc<Storage>) {
    let world = &storage.world;
    world.tell("---- peace");
    let before = world.writes.load(Ordering::Relaxed);
    sleep(QUIET).await;
    let more = world.writes.load(Ordering::Relaxed) - before;
    if more > 0 {
        world.breaks(format!("{more} writes in peace"));
    }
    for why in unfinished(storage).into_iter().chain(owed(world).await) {
        world.breaks(why);
    }
    let (leaks, told) = (leaks(storage), world.laws().told);
    if leaks.len() > usize::try_from(told).unwrap_or_default() {
        world.breaks(format!("{leaks:?} are in the storage, and nobody knows ({told} told)"));
    }
    let twice = taken_twice(storage);
    if !twice.is_empty() && told == 0 {
        world.breaks(format!("{twice:?} were taken twice"));
    }
}
