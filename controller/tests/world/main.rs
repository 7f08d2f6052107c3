//! A simulated world around the real programs: two replicas of the controller and two of the sidecar, an API server, a
//! driver, and users, all in one thread with a clock that jumps.
//!
//! ```text
//!  users ─────────────────────► world ──► laws, at every write
//!  controller ─┐                 │  ▲
//!              ├─► net, watching ┘  └── the sandbox's API server
//!  sidecar ────┘
//!     └──────────► driver ──► storage
//!  the plugin ──► foresight: it asks about everything, and what it foretells is compared with what is decided
//! ```
//! A seed decides everything: `WORLD_SEED=7 WORLD_CONFIG=Group` lives one life again, and shows its story.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod backups;
mod chance;
mod driver;
mod end;
mod foresight;
mod haste;
mod laws;
mod life;
mod net;
mod objects;
mod others;
mod processes;
mod requests;
mod storage;
mod users;
mod watching;
mod world;

use std::sync::atomic::Ordering;
use std::time::Instant;

use foresight::{ACTIVE, COMPARED};
use life::{Config, live};
use sandbox::api::SharedKinds;

/// Lives of each kind in an ordinary test run.
const LIVES: u64 = 16;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn lives_of(config: Config) {
    // The clock of all processes begins before the first of them.
    let _ = machinery::clock::uptime();
    let kinds = SharedKinds::with_snapshots().unwrap();
    let only = std::env::var("WORLD_CONFIG").ok();
    if only.is_some_and(|only| only != format!("{config:?}")) {
        return;
    }
    let first = number("WORLD_SEED");
    let count = if first.is_some() { 1 } else { number("WORLD_LIVES").unwrap_or(LIVES) };
    let from = first.or_else(|| number("WORLD_FROM")).unwrap_or_default();
    let (begun, mut writes, mut failed) = (Instant::now(), 0, Vec::new());
    for seed in from..from + count {
        if number("WORLD_LOUD").is_some() {
            println!("{config:?} {seed}");
        }
        let lived = live(&kinds, config, seed);
        writes += lived.writes;
        if !lived.wrong.is_empty() {
            println!("{config:?} {seed}: {:#?}", lived.wrong);
            failed.push((seed, lived.story.clone()));
        }
        if first.is_some() {
            println!("{}", lived.story.join("\n"));
        }
        if failed.len() >= 20 {
            break;
        }
    }
    let [compared, active] = [&COMPARED, &ACTIVE].map(|count| count.load(Ordering::Relaxed));
    assert!(
        compared > 100 * count && active > 2 * count,
        "{compared} decisions compared, {active} of them steps"
    );
    println!("{compared} decisions compared in this process so far, {active} of them steps");
    println!("{config:?}: {count} lives, {writes} writes, {:?}", begun.elapsed());
    if let Some((seed, story)) = failed.first() {
        if first.is_none() && number("WORLD_LIVES").is_none() {
            println!("{}", story.join("\n"));
        }
        panic!("{} lives went wrong; again: WORLD_CONFIG={config:?} WORLD_SEED={seed}", failed.len());
    }
}

#[test]
fn lone_snapshots_end_ready_or_gone_and_stay_so() {
    lives_of(Config::Single);
}

#[test]
fn groups_end_ready_or_gone_and_stay_so() {
    lives_of(Config::Group);
}

#[test]
fn imported_snapshots_end_ready_or_gone_and_stay_so() {
    lives_of(Config::Import);
}

#[test]
fn all_together_they_end_ready_or_gone_and_stay_so() {
    lives_of(Config::Mixed);
}

#[test]
fn nothing_crashes_where_users_strip_finalizers() {
    lives_of(Config::Stripping);
}
