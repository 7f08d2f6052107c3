//! Whole lives of objects in the simulated world, with faults at every moment.

use super::*;

fn every_start() -> Vec<Model> {
    let mut starts = Vec::new();
    for base in [dynamic(), pre_provisioned(), dynamic().group(), pre_provisioned().group()] {
        for policy in [Policy::Delete, Policy::Retain] {
            starts.push(Model { policy, ..base.clone() });
        }
    }
    starts
}

/// What must hold at the end of every story that ends with a deletion.
fn assert_gone_without_a_trace<F: Fates + Send>(world: &World<F>, start: &Model, story: &str) {
    let state = world.state();
    assert_eq!(state.history.last(), Some(&None), "{story}: the object is still there");
    assert!(state.cuts <= 1, "{story}: cut {} times", state.cuts);
    match start.policy {
        Policy::Delete => assert!(state.storage.is_none() || state.orphaned, "{story}: leaked"),
        Policy::Retain => assert_eq!(state.deletes, 0, "{story}: deleted what should stay"),
    }
}

const FATES: [Fate; 4] = [Fate::FailsBefore, Fate::FailsAfter, Fate::CrashBefore, Fate::CrashAfter];

#[test]
fn one_fault_at_any_effect_of_a_whole_life_neither_leaks_nor_cuts_twice() {
    for start in every_start() {
        for fate in FATES {
            for unready_for in [0, 2] {
                for at in 1.. {
                    let story = format!("{fate:?} at effect {at}, unready for {unready_for}, {start:?}");
                    let world = World::new(start.clone(), OneFault { at, fate, count: 0 }, unready_for);
                    for _ in 0..12 {
                        world.pass(0);
                    }
                    world.delete();
                    for _ in 0..12 {
                        world.pass(0);
                    }
                    assert_gone_without_a_trace(&world, &start, &story);
                    if world.state().fates.count < at {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_deletion_that_arrives_after_any_effect_of_a_creation_with_a_fault_leaves_nothing() {
    for start in every_start() {
        for fate in FATES {
            for at in 1..8 {
                for passes in 0..4 {
                    let story = format!("{fate:?} at effect {at}, deleted after {passes} passes, {start:?}");
                    let world = World::new(start.clone(), OneFault { at, fate, count: 0 }, 1);
                    for _ in 0..passes {
                        world.pass(0);
                    }
                    world.delete();
                    for _ in 0..20 {
                        world.pass(0);
                    }
                    assert_gone_without_a_trace(&world, &start, &story);
                }
            }
        }
    }
}

#[test]
fn under_random_faults_lag_and_deletions_nothing_leaks_and_everything_ends() {
    for seed in 0..20_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let starts = every_start();
        let start = starts[random.usize(0..starts.len())].clone();
        let per_cent = random.u32(0..60);
        let fates = Chance { random: random.fork(), per_cent };
        let world = World::new(start.clone(), fates, random.u32(0..4));
        let story = format!("seed {seed}, {start:?}");
        let delete_at = random.usize(0..30);
        for round in 0..30 {
            if round == delete_at {
                world.delete();
            }
            world.pass(random.usize(0..4));
        }
        world.state().fates.per_cent = 0;
        if random.bool() {
            world.delete();
        }
        world.settle();
        let last = world.state().history.last().cloned().flatten();
        match last {
            None => assert_gone_without_a_trace(&world, &start, &story),
            Some(model) => {
                assert!(model.facts().is_ready() && !model.meta.marked, "{story}: {model:?}");
                assert!(model.status.as_ref().is_some_and(|status| status.error.is_none()), "{story}");
            }
        }
        let writes = world.state().writes;
        world.settle();
        assert_eq!(world.state().writes, writes, "{story}: wrote to what was settled");
    }
}

#[test]
fn a_fresh_snapshot_costs_three_writes_and_one_cut() {
    let world = World::new(dynamic(), OneFault { at: 0, fate: Fate::Works, count: 0 }, 0);
    world.settle();
    let state = world.state();
    assert_eq!((state.writes, state.cuts, state.fates.count), (3, 1, 4));
}

#[test]
fn following_an_unready_snapshot_writes_nothing_until_it_is_ready() {
    let world = World::new(dynamic(), OneFault { at: 0, fate: Fate::Works, count: 0 }, 3);
    assert!(matches!(world.pass(0).unwrap().then, Then::After(_)));
    let written = world.state().writes;
    assert!(matches!(world.pass(0).unwrap().then, Then::After(_)));
    assert_eq!(world.state().writes, written);
    world.settle();
    assert_eq!(world.state().writes, written + 1);
}
