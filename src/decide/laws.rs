//! The laws, over every combination of the facts that rules look at.

use std::time::Duration;

use super::fixtures::{
    CLASS, From, Model, ModelError, ModelStatus, StepEnd, Surroundings, around, clocks, dynamic, follow_up,
};
use super::*;
use model::facts::{Kind, Membership, Policy};
use model::reply::{Answer, TakenGroup, TakenSnapshot};

const BOTH: [bool; 2] = [false, true];

/// Every combination: kind, driver, source, class, policy, membership, the metadata facts, secret, status.
fn every_model(mut visit: impl FnMut(&Model)) {
    for kind in [Kind::Single, Kind::Group] {
        let memberships: &[Membership] = match kind {
            Kind::Single => &[Membership::Own, Membership::Announced, Membership::Recorded],
            Kind::Group => &[Membership::Own],
        };
        for driver in [dynamic().driver, "other"] {
            for source in [From::Nothing, From::Both, From::Volume, From::Handle] {
                for class_name in [None, Some(CLASS), Some("foreign"), Some("gone")] {
                    for policy in [Policy::Delete, Policy::Retain] {
                        for &member in memberships {
                            let base =
                                Model { kind, driver, policy, source, class_name, member, ..dynamic() };
                            every_metadata(&base, &mut visit);
                        }
                    }
                }
            }
        }
    }
}

fn every_metadata(base: &Model, visit: &mut impl FnMut(&Model)) {
    for bits in 0..32_u8 {
        let bit = |n: u8| bits & (1 << n) != 0;
        for secret in [(None, None), (Some("s"), Some("n")), (Some("s"), Some(""))] {
            let mut model = base.clone();
            model.bound = bit(0);
            model.meta.deleting = bit(1);
            model.meta.released = bit(2);
            model.meta.marked = bit(3);
            model.meta.held = bit(4);
            model.meta.secret = secret;
            every_status(model, visit);
        }
    }
}

fn every_status(mut model: Model, visit: &mut impl FnMut(&Model)) {
    if model.member != Membership::Recorded {
        visit(&model);
    }
    for handle in BOTH {
        for ready in [None, Some(false), Some(true)] {
            for error in BOTH {
                model.status = Some(ModelStatus {
                    handle: handle.then(|| "h".to_owned()),
                    ready,
                    group_handle: (model.member == Membership::Recorded).then(|| "group-1".to_owned()),
                    error: error.then(|| ModelError { message: Some("old".to_owned()) }),
                    ..ModelStatus::default()
                });
                visit(&model);
            }
        }
    }
}

fn surroundings() -> Vec<Surroundings> {
    let mut all = Vec::new();
    for can_find in BOTH {
        for in_flight in [InFlight::Unknown, InFlight::Nothing, InFlight::Open] {
            for deleted in BOTH {
                let mut one = around();
                let foreign = model::class::Class { driver: "other".into(), ..Default::default() };
                one.classes.insert("foreign", foreign);
                one.driver.can_find = can_find;
                let missing_since = Some(Duration::ZERO);
                one.memory = Memory { in_flight, deleted, missing_since, ..Memory::default() };
                all.push(one);
            }
        }
    }
    all
}

/// What a perfect driver and API server make of a step.
fn ideal(model: &mut Model, around: &mut Surroundings, step: &Step) -> Then {
    let ended = match step {
        Step::Call(DriverCall::Create(_) | DriverCall::Poll(_)) => StepEnd::Answered(answer(model)),
        Step::Call(DriverCall::Delete(_)) => StepEnd::Deleted,
        Step::Rest(_) | Step::Report(_) | Step::Record(_) | Step::Write(_) => StepEnd::Nothing,
    };
    let after = follow_up(&model.seen(around), ended, SecretSent::Unnamed, clocks());
    around.memory = after.memory;
    if after.status != StatusChange::default() {
        model.apply(&after.status);
    }
    around.memory = acknowledged(&model.seen(around));
    if let Step::Write(what) = step {
        match what {
            MetadataWrite::Mark => model.meta.marked = true,
            MetadataWrite::Unmark => model.meta.marked = false,
            MetadataWrite::DropFinalizer => model.meta.held = false,
        }
    }
    if after.unmark {
        model.meta.marked = false;
    }
    after.then
}

fn answer(model: &Model) -> Answer {
    let known = model.facts().handle().map(str::to_owned);
    let handle =
        known.unwrap_or_else(|| if model.source == From::Handle { "given-1".into() } else { "h".into() });
    match model.kind {
        Kind::Single => Answer::Single(TakenSnapshot {
            handle,
            source_volume: "vol-1".into(),
            creation_time: Some(1),
            size: Some(1),
            ready: true,
            group_handle: None,
        }),
        Kind::Group => {
            Answer::Group(TakenGroup { handle, members: vec![], creation_time: Some(1), ready: true })
        }
    }
}

#[test]
fn laws_1_to_4_hold_for_every_combination_of_facts() {
    let surroundings = surroundings();
    let mut count = 0_u64;
    every_model(|model| {
        for around in &surroundings {
            count += 1;
            let step = decide(&model.seen(around));
            let context = || format!("{step:?} for {model:?} with {:?}", around.memory);
            let known = model.facts().handle().is_some();
            match &step {
                Step::Call(DriverCall::Create(_)) => {
                    assert!(model.meta.marked || known, "law 1, unmarked: {}", context());
                    assert_eq!(model.member, Membership::Own, "law 1, member: {}", context());
                    assert_eq!(model.source, From::Volume, "law 1, no volume to take it of: {}", context());
                }
                Step::Call(DriverCall::Delete(_)) => {
                    assert_eq!(model.policy, Policy::Delete, "law 2, policy: {}", context());
                    assert!(
                        !model.meta.marked || !model.facts().is_marked_for_creation(),
                        "law 2: {}",
                        context()
                    );
                    assert_ne!(model.member, Membership::Recorded, "law 2, member: {}", context());
                    assert!(model.meta.deleting, "law 2, nobody asked: {}", context());
                }
                Step::Write(MetadataWrite::DropFinalizer) => {
                    let own = known && model.member != Membership::Recorded;
                    assert!(!(own && model.policy == Policy::Delete), "law 3: {}", context());
                    assert!(model.meta.deleting && model.meta.held, "law 3, not asked: {}", context());
                }
                Step::Call(DriverCall::Poll(_))
                | Step::Write(MetadataWrite::Mark | MetadataWrite::Unmark)
                | Step::Rest(_)
                | Step::Report(_)
                | Step::Record(_) => {}
            }
            if model.driver != dynamic().driver {
                assert!(step == Step::Rest(Rest::OtherDriver), "law 4: {}", context());
            }
        }
    });
    assert!(count > 500_000, "only {count} combinations were tried");
}

#[test]
fn nothing_is_owed_for_what_is_at_rest() {
    let surroundings = surroundings();
    let mut count = 0;
    every_model(|model| {
        for around in surroundings.iter().filter(|_| model.facts().is_at_rest()) {
            count += 1;
            let step = decide(&model.seen(around));
            assert!(matches!(step, Step::Rest(Rest::Settled | Rest::OtherDriver)), "{step:?} for {model:?}");
        }
    });
    assert!(count > 1_000);
}

#[test]
fn law_5_every_ideal_outcome_leads_on_to_an_end_within_six_steps() {
    let surroundings = surroundings();
    every_model(|model| {
        for around in &surroundings {
            let (mut model, mut around) = (model.clone(), around.clone());
            let start = model.clone();
            let mut steps = Vec::new();
            loop {
                let step = decide(&model.seen(&around));
                let follows = matches!(step, Step::Call(DriverCall::Create(_) | DriverCall::Poll(_)));
                assert!(follows || steps.last() != Some(&step), "no progress at {step:?} from {start:?}");
                let ends = matches!(step, Step::Rest(_) | Step::Report(_));
                if ends {
                    break;
                }
                let then = ideal(&mut model, &mut around, &step);
                assert_eq!(then, Then::Again, "{step:?} from {start:?}");
                steps.push(step);
                assert!(steps.len() <= 6, "{steps:?} from {start:?}");
            }
        }
    });
}

#[test]
fn law_6_one_object_has_one_snapshot_name_for_ever() {
    let mut names = std::collections::BTreeSet::new();
    let around = around();
    every_model(|model| {
        if let Step::Call(DriverCall::Create(call)) = decide(&model.seen(&around)) {
            names.insert(call.name);
        }
    });
    assert_eq!(names.len(), 1, "{names:?}");
}
