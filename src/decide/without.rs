//! One test a row of what a call does without, in docs/ARCHITECTURE.md.

use std::collections::BTreeMap;

use super::fixtures::{CLASS, MARK, Model, SETTLED, around, dynamic};
use super::table::{complaint, create_call, create_call_in};
use super::*;

fn with_secret_and_class(name: &'static str) -> Model {
    dynamic().with_secret(Some("s"), Some("n")).of_class(Some(name))
}

#[test]
fn a_call_for_a_deletion_goes_out_without_a_secret_that_does_not_exist_and_no_other_call_does() {
    let optional = |call: Option<SecretRef>| call.map(|secret| secret.optional);
    let recorded = || with_secret_and_class(CLASS).with_handle("h");
    assert_eq!(
        optional(create_call(&with_secret_and_class(CLASS).marked()).secret),
        Some(false),
        "to take it"
    );
    assert_eq!(optional(create_call(&recorded()).secret), Some(false), "to follow it");
    let in_doubt = with_secret_and_class(CLASS).marked().deleting().released();
    assert_eq!(optional(create_call(&in_doubt).secret), Some(true), "to learn its handle");
    let group = recorded().group().deleting().released();
    assert_eq!(optional(create_call(&group).secret), Some(true), "to learn the members");
    let Step::Call(DriverCall::Poll(call)) = with_secret_and_class("gone").with_handle("h").step() else {
        panic!("not a poll")
    };
    assert_eq!(optional(call.secret), Some(false));
    let Step::Call(DriverCall::Delete(call)) = recorded().deleting().released().step() else {
        panic!("not a delete")
    };
    assert_eq!(optional(call.secret), Some(true));
}

#[test]
fn a_secret_that_cannot_be_read_stops_every_call_and_one_that_does_not_exist_only_those_that_need_it() {
    let secret = |optional| SecretRef { namespace: "n".into(), name: "s".into(), optional };
    for optional in [false, true] {
        let unreadable = secret(optional).resolve::<()>(SecretRead::Unreadable("forbidden".into()));
        assert_eq!(unreadable, Err("forbidden".into()));
        let known = SecretSent::Known { fingerprint: Fingerprint(1), written: None };
        let found = SecretRead::Found(7, known);
        assert_eq!(secret(optional).resolve(found), Ok((7, known)));
    }
    let missing = || SecretRead::<u8>::Missing("gone".into());
    assert_eq!(secret(true).resolve(missing()), Ok((0, SecretSent::Gone)), "and what was sent says so");
    assert_eq!(secret(false).resolve(missing()), Err("gone".into()));
}

#[test]
fn a_call_for_a_deletion_goes_out_without_its_class_and_a_call_that_takes_a_snapshot_does_not() {
    let mut around = around();
    let foreign = model::class::Class { driver: "other".into(), ..Default::default() };
    around.classes.insert("foreign", foreign);
    for class in [None, Some("gone"), Some("foreign")] {
        let fresh = dynamic().of_class(class);
        assert!(matches!(decide(&fresh.seen(&around)), Step::Report(Report::Complaint(_))), "{class:?}");
        let recorded = fresh.clone().with_handle("h");
        let asked = decide(&recorded.seen(&around));
        assert!(matches!(asked, Step::Call(DriverCall::Poll(_))), "{class:?}: {asked:?}");
        for deleting in [fresh.marked(), recorded.group()] {
            let call = create_call_in(&deleting.deleting().released(), &around);
            assert_eq!((call.parameters, call.may_differ), (BTreeMap::new(), true), "{class:?}");
        }
    }
}

#[test]
fn a_class_of_another_driver_is_a_complaint_and_stops_neither_what_is_ready_nor_a_deletion() {
    let mut around = around();
    around.classes.get_mut(CLASS).unwrap().driver = "other".into();
    assert!(complaint(&dynamic(), &around).contains("is of the driver \"other\""));
    let ready = dynamic().with_handle("h").ready();
    assert_eq!(decide(&ready.seen(&around)), SETTLED);
    assert!(matches!(decide(&ready.deleting().released().seen(&around)), Step::Call(DriverCall::Delete(_))));
    let doubtful = create_call_in(&dynamic().marked().deleting().released(), &around);
    assert_eq!((doubtful.parameters, doubtful.may_differ), (BTreeMap::new(), true));
}

#[test]
fn a_reconciling_create_goes_out_without_its_class() {
    for class in [None, Some("gone")] {
        let call = create_call(&dynamic().of_class(class).marked().deleting().released());
        assert_eq!(call.parameters, BTreeMap::new());
    }
}

#[test]
fn one_secret_annotation_alone_names_no_secret() {
    for (name, namespace) in [(Some("s"), None), (None, Some("ns"))] {
        let model = dynamic().with_secret(name, namespace);
        assert_eq!(model.step(), MARK);
        let Step::Call(DriverCall::Delete(call)) = model.with_handle("h").deleting().released().step() else {
            panic!()
        };
        assert_eq!(call.secret, None);
    }
}

#[test]
fn two_secret_annotations_of_which_one_is_empty_stop_a_creation_and_no_deletion() {
    for (name, namespace) in [(Some("s"), Some("")), (Some(""), Some("ns")), (Some(""), Some(""))] {
        let model = dynamic().with_secret(name, namespace);
        let said = complaint(&model, &around());
        assert!(said.contains("incomplete") || said.contains("are empty"), "{said}");
        let Step::Call(DriverCall::Delete(call)) =
            model.clone().with_handle("h").deleting().released().step()
        else {
            panic!()
        };
        assert_eq!(call.secret, None);
        assert_eq!(create_call(&model.marked().deleting().released()).secret, None);
    }
}
