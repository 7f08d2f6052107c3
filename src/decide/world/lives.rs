//! Whole lives at random, far beyond the bounds of the search; and what a life costs.

use super::search::{end_of, starts};
use super::*;

fn quiet(unready_for: u32) -> World {
    let mut state = WorldState::new(dynamic(), &[], 0);
    state.storage.unready_for = unready_for;
    World::new(state, Choices::new(ChoiceSource::Tape(Vec::new())))
}

#[test]
fn at_random_with_many_faults_lag_and_every_user_nothing_is_lost_in_silence_and_everything_ends() {
    for seed in 0..20_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let starts = starts();
        let mut start = starts[random.usize(0..starts.len())].clone();
        let mut users = Action::ALL.to_vec();
        if random.bool() {
            start = start.with_secret(Some("s"), Some("n"));
            users.extend(Action::WITH_THE_SECRET);
        }
        users.retain(|_| random.bool());
        let mut state = WorldState::new(start.clone(), &users, random.u32(0..12));
        state.storage.unready_for = random.u32(0..4);
        let per_cent = random.u32(0..70);
        let world = World::new(state, Choices::new(ChoiceSource::Chance(random.fork(), per_cent)));
        for _ in 0..30 {
            if random.bool() {
                world.change(WorldState::catch_up);
            }
            if random.u32(0..8) == 0 {
                world.change(WorldState::deliver_late);
            }
            world.pass();
        }
        let state = world.state();
        for delete in [false, true] {
            if let Err(why) = end_of(state.clone(), delete) {
                panic!("seed {seed}, {start:?}: {why}");
            }
        }
    }
}

#[test]
fn a_fresh_snapshot_costs_three_writes_and_one_call() {
    let mut world = quiet(0);
    assert!(world.settle());
    assert_eq!(world.inner().1.taken().len(), 4);
    assert_eq!(world.state().storage.handles, 1);
}

#[test]
fn following_an_unready_snapshot_writes_nothing_until_it_is_ready() {
    let mut world = quiet(3);
    assert!(matches!(world.pass().unwrap().then, Then::After(_)));
    let before = world.inner().1.taken().len();
    assert!(matches!(world.pass().unwrap().then, Then::After(_)));
    assert_eq!(world.inner().1.taken().len(), before + 1, "the call alone");
    assert!(world.settle());
    assert_eq!(world.inner().1.taken().len(), before + 4, "two more calls, one write");
}

#[test]
fn what_is_settled_is_not_written_again() {
    let mut world = quiet(0);
    assert!(world.settle());
    let before = world.inner().1.taken().len();
    assert!(world.settle());
    assert_eq!(world.inner().1.taken().len(), before);
}
