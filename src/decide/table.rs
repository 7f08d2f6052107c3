//! One test a row of the rules in docs/ARCHITECTURE.md.

use std::collections::BTreeMap;

use super::fixtures::{
    CLASS, DROP_FINALIZER, From, MARK, Model, SETTLED, Surroundings, UID, UNMARK, around, dynamic,
    pre_provisioned,
};
use super::*;
use model::facts::Kind;

pub(super) fn create_call(model: &Model) -> CreateCall {
    create_call_in(model, &around())
}

pub(super) fn create_call_in(model: &Model, around: &Surroundings) -> CreateCall {
    let step = decide(&model.seen(around));
    let Step::Call(DriverCall::Create(call)) = step else { panic!("expected a create, got {step:?}") };
    call
}

pub(super) fn complaint(model: &Model, around: &Surroundings) -> String {
    let step = decide(&model.seen(around));
    let Step::Report(Report::Complaint(complaint)) = step else {
        panic!("expected a complaint, got {step:?}")
    };
    complaint.to_string()
}

fn with_parameter(key: &str, value: &str) -> Surroundings {
    let mut around = around();
    let class = around.classes.get_mut(CLASS).unwrap();
    class.parameters.insert(key.into(), value.into());
    around
}

// ---- rule 1: whose it is

#[test]
fn a_content_of_another_driver_is_not_ours() {
    let foreign = Model { driver: "other", ..dynamic() };
    assert_eq!(foreign.step(), Step::Rest(Rest::OtherDriver));
}

// ---- rule 4c: what may be deleted is deleted in the storage

#[test]
fn a_released_content_under_delete_has_its_snapshot_deleted() {
    let model = dynamic().with_handle("h").ready().deleting().released();
    let expected = DeleteCall { handle: "h".into(), members: vec![], secret: None };
    assert_eq!(model.step(), Step::Call(DriverCall::Delete(expected)));
}

#[test]
fn an_unbound_pre_provisioned_content_is_deletable_without_being_released() {
    let model = pre_provisioned().unbound().with_handle("given-1").ready().deleting();
    assert!(matches!(model.step(), Step::Call(DriverCall::Delete(_))));
}

#[test]
fn a_pre_provisioned_content_without_status_is_deleted_by_the_handle_of_its_spec() {
    let model = pre_provisioned().deleting().released();
    let expected = DeleteCall { handle: "given-1".into(), members: vec![], secret: None };
    assert_eq!(model.step(), Step::Call(DriverCall::Delete(expected)));
}

#[test]
fn a_marker_on_a_given_handle_does_not_hold_up_its_deletion() {
    assert!(matches!(
        pre_provisioned().marked().deleting().released().step(),
        Step::Call(DriverCall::Delete(_))
    ));
}

#[test]
fn a_deletion_sends_the_annotated_secret() {
    let model = dynamic().with_handle("h").with_secret(Some("s"), Some("ns")).deleting().released();
    let Step::Call(DriverCall::Delete(call)) = model.step() else { panic!("not a delete") };
    assert_eq!(call.secret, Some(SecretRef { namespace: "ns".into(), name: "s".into(), optional: true }));
}

// ---- rules 4d and 4e: the finalizer

#[test]
fn retain_drops_the_finalizer_without_a_call() {
    assert_eq!(dynamic().retained().with_handle("h").ready().deleting().released().step(), DROP_FINALIZER);
}

#[test]
fn without_a_handle_the_finalizer_is_dropped_without_a_call() {
    assert_eq!(dynamic().deleting().released().step(), DROP_FINALIZER);
}

#[test]
fn a_member_with_a_recorded_group_is_not_deleted_on_its_own() {
    assert_eq!(dynamic().recorded().with_handle("h").deleting().released().step(), DROP_FINALIZER);
}

#[test]
fn a_given_handle_that_the_driver_has_deleted_is_not_deleted_again() {
    let mut around = around();
    around.memory.deleted = true;
    assert_eq!(decide(&pre_provisioned().deleting().released().seen(&around)), DROP_FINALIZER);
}

#[test]
fn without_our_finalizer_a_deletion_is_settled() {
    assert_eq!(dynamic().deleting().released().without_finalizer().step(), SETTLED);
}

// ---- rule 5: two sources

#[test]
fn two_sources_are_refused() {
    let both = Model { source: From::Both, ..dynamic() };
    assert_eq!(both.step(), Step::Report(Report::Complaint(Complaint::TwoSources)));
}

// ---- rules 6 and 6a: a deletion that finds the marker

#[test]
fn a_marked_content_without_a_handle_is_created_once_more_before_it_goes() {
    let call = create_call(&dynamic().marked().deleting().released());
    assert_eq!(call.purpose, Purpose::FindHandle);
    assert_eq!(call.name, format!("snapshot-{UID}"));
}

#[test]
fn a_marked_content_whose_handle_is_known_only_loses_its_marker() {
    assert_eq!(dynamic().marked().with_handle("h").deleting().released().step(), UNMARK);
}

#[test]
fn a_marked_content_for_which_nothing_can_be_in_flight_only_loses_its_marker() {
    let mut around = around();
    around.memory.in_flight = InFlight::Nothing;
    assert_eq!(decide(&dynamic().marked().deleting().released().seen(&around)), UNMARK);
}

// ---- rule 8: ready

#[test]
fn a_ready_content_is_settled_and_a_left_over_marker_goes() {
    assert_eq!(dynamic().with_handle("h").ready().step(), SETTLED);
    assert_eq!(dynamic().with_handle("h").ready().marked().step(), UNMARK);
}

#[test]
fn a_deleting_content_that_is_not_released_is_left_alone() {
    assert_eq!(dynamic().with_handle("h").ready().deleting().step(), SETTLED);
}

// ---- rule 9: a handle that is given, or a member's

#[test]
fn a_given_handle_is_polled() {
    let expected = PollCall { handle: "given-1".into(), members: vec![], secret: None };
    assert_eq!(pre_provisioned().step(), Step::Call(DriverCall::Poll(expected)));
}

#[test]
fn a_driver_that_cannot_be_asked_makes_a_given_handle_ready() {
    let mut around = around();
    around.driver.can_find = false;
    assert_eq!(
        decide(&pre_provisioned().seen(&around)),
        Step::Record(StatusRecord::Adopted("given-1".into()))
    );
    assert!(matches!(decide(&pre_provisioned().group().seen(&around)), Step::Call(DriverCall::Poll(_))));
}

#[test]
fn a_member_with_its_handle_is_polled() {
    let Step::Call(DriverCall::Poll(call)) = dynamic().recorded().with_handle("h").step() else {
        panic!("not a poll")
    };
    assert_eq!(call.handle, "h");
}

#[test]
fn a_poll_fills_the_class_secret_template_with_the_content_name() {
    for (model, prefix, template) in [
        (pre_provisioned(), "snapshotter-list-secret", "${volumesnapshotcontent.name}"),
        (pre_provisioned().group(), "group-snapshotter-get-secret", "${volumegroupsnapshotcontent.name}"),
    ] {
        let key = |half: &str| format!("csi.storage.k8s.io/{prefix}-{half}");
        let mut around = with_parameter(&key("name"), &format!("secret-{template}"));
        around.classes.get_mut(CLASS).unwrap().parameters.insert(key("namespace"), "ns".into());
        let model = model.of_class(Some(CLASS));
        let Step::Call(DriverCall::Poll(call)) = decide(&model.seen(&around)) else { panic!("not a poll") };
        assert_eq!(
            call.secret,
            Some(SecretRef { namespace: "ns".into(), name: "secret-content-1".into(), optional: false })
        );
    }
}

#[test]
fn a_template_that_nobody_can_fill_is_refused() {
    let key = "csi.storage.k8s.io/snapshotter-list-secret-name";
    let around = with_parameter(key, "${pvc.name}");
    assert!(complaint(&pre_provisioned().of_class(Some(CLASS)), &around).contains("${pvc.name}"));
}

#[test]
fn the_template_of_the_other_kind_is_refused_with_the_word_for_this_one() {
    let (of_single, of_group) = ("${volumesnapshotcontent.name}", "${volumegroupsnapshotcontent.name}");
    for (model, key, given, known) in [
        (pre_provisioned(), "csi.storage.k8s.io/snapshotter-list-secret-name", of_group, of_single),
        (
            pre_provisioned().group(),
            "csi.storage.k8s.io/group-snapshotter-get-secret-name",
            of_single,
            of_group,
        ),
    ] {
        let said = complaint(&model.of_class(Some(CLASS)), &with_parameter(key, given));
        assert_eq!(
            said,
            format!("{key} holds {given:?}, which names something other than {known}; correct the class")
        );
    }
}

// ---- rule 10: no source

#[test]
fn a_content_without_a_source_is_a_complaint_and_its_deletion_goes_on() {
    let empty = Model { source: From::Nothing, ..dynamic() };
    assert_eq!(empty.step(), Step::Report(Report::Complaint(Complaint::NoSource)));
    assert_eq!(empty.clone().deleting().released().step(), DROP_FINALIZER);
    assert_eq!(empty.with_handle("h").ready().step(), SETTLED);
}

// ---- rule 11: a snapshot is to be taken

#[test]
fn a_fresh_content_is_marked_first() {
    assert_eq!(dynamic().step(), MARK);
}

#[test]
fn a_marked_content_is_created() {
    let call = create_call(&dynamic().marked());
    let parameters = BTreeMap::from([("tier".to_owned(), "1".to_owned())]);
    let name = format!("snapshot-{UID}");
    let volumes = vec!["vol-1".to_owned()];
    assert_eq!(
        call,
        CreateCall { purpose: Purpose::Take, name, volumes, parameters, may_differ: false, secret: None }
    );
}

#[test]
fn a_failed_creation_is_marked_again_before_it_is_tried_again() {
    assert_eq!(dynamic().with_error("no").step(), MARK);
}

#[test]
fn ready_without_a_handle_is_nonsense_that_the_driver_repairs() {
    assert_eq!(dynamic().ready().step(), MARK);
}

#[test]
fn an_unbound_dynamic_content_is_refused() {
    assert_eq!(dynamic().unbound().step(), Step::Report(Report::Complaint(Complaint::Unbound)));
}

#[test]
fn a_content_without_finalizer_is_refused() {
    let finalizer = Kind::Single.names().finalizer;
    assert_eq!(
        dynamic().without_finalizer().step(),
        Step::Report(Report::Complaint(Complaint::NoFinalizer { finalizer }))
    );
}

#[test]
fn no_class_and_a_missing_class_are_refused() {
    assert!(complaint(&dynamic().of_class(None), &around()).contains("no snapshot class"));
    assert!(complaint(&dynamic().of_class(Some("gone")), &around()).contains("\"gone\" does not exist"));
}

#[test]
fn an_unknown_reserved_parameter_is_refused_and_named() {
    let around = with_parameter("csi.storage.k8s.io/fancy", "x");
    assert!(complaint(&dynamic(), &around).contains("csi.storage.k8s.io/fancy"));
}

#[test]
fn known_reserved_parameters_are_stripped() {
    for key in model::names::RESERVED_PARAMETERS {
        let call = create_call_in(&dynamic().marked(), &with_parameter(key, "x"));
        assert_eq!(call.parameters.keys().collect::<Vec<_>>(), ["tier"]);
    }
}

#[test]
fn extra_metadata_names_the_kubernetes_objects() {
    let mut around = around();
    around.naming.extra_metadata = true;
    let call = create_call_in(&dynamic().marked(), &around);
    let value = |key: &str| call.parameters.get(key).map(String::as_str);
    assert_eq!(value("csi.storage.k8s.io/volumesnapshot/name"), Some("snap"));
    assert_eq!(value("csi.storage.k8s.io/volumesnapshot/namespace"), Some("default"));
    assert_eq!(value("csi.storage.k8s.io/volumesnapshotcontent/name"), Some("content-1"));
    let call = create_call_in(&dynamic().group().marked(), &around);
    assert_eq!(call.parameters.get("csi.storage.k8s.io/volumegroupsnapshot/name").unwrap(), "snap");
}

#[test]
fn a_name_length_drops_the_dashes_and_then_shortens() {
    let mut around = around();
    around.naming.uuid_length = Some(10);
    assert_eq!(create_call_in(&dynamic().marked(), &around).name, "snapshot-0b7c1f0e5a");
}

// ---- rule 12: its handle is known

#[test]
fn an_unready_snapshot_is_followed_by_create_without_a_marker() {
    assert_eq!(create_call(&dynamic().with_handle("h")).purpose, Purpose::Follow);
}

// ---- rule 13: a member without its handle

#[test]
fn an_announced_member_is_never_created() {
    assert_eq!(dynamic().announced().step(), Step::Rest(Rest::AwaitGroupHandle));
    assert_eq!(dynamic().announced().marked().step(), Step::Rest(Rest::AwaitGroupHandle));
}
