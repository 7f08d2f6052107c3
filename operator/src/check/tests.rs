//! The checks on what was read, the form of the answer, and the page about the findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use machinery::cluster::error::Request;
use serde_json::{Value, json};

use super::finding::{Finding, MEANINGS, Meaning};
use super::line::{Line, Report};
use super::look::NAMES;
use super::seen::{Asked, Clock, Definition, Lease, Seen, Webhook};
use super::{admission, kinds, programs, rights, show};
use crate::arguments::Data;
use crate::page;
use crate::text::paint::Paint;
use crate::unread::{Unread, Why};

const PAGE: &str = "docs/kubectl-snapshots.md";
const STORIES: &str = include_str!("../../tests/stories/check.rs");

fn definition() -> Definition {
    Definition::read(&json!({
        "spec": {"versions": [{"name": "v1", "served": true, "storage": true}]},
        "status": {"conditions": [{"type": "Established", "status": "True"}], "storedVersions": ["v1"]},
    }))
}

/// A cluster with all kinds and nothing else.
fn seen() -> Seen {
    Seen {
        clock: Clock { now: "2026-03-01T12:00:00Z".parse().unwrap(), slack: 5 },
        definitions: NAMES.map(|name| (name, Ok(definition()))).to_vec(),
        leases: Ok(Vec::new()),
        drivers: Ok(Vec::new()),
        classes: Ok(Vec::new()),
        group_classes: Ok(Vec::new()),
        storage: Ok(Vec::new()),
        contents: Ok(BTreeMap::new()),
        webhooks: Vec::new(),
        policies: Ok(Vec::new()),
        services: BTreeMap::new(),
    }
}

fn findings(lines: &[Line]) -> BTreeSet<&'static str> {
    lines.iter().map(|line| line.finding.meaning().id).collect()
}

fn lease(name: &str, holder: Option<&str>, renewed: &str) -> Lease {
    Lease::read(&json!({"metadata": {"namespace": "n", "name": name},
        "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}}))
}

#[test]
fn the_page_has_every_finding_with_its_remedy() {
    let mut table = "| finding | verdict | what it means | what to do |\n|---|---|---|---|\n".to_owned();
    for (_, Meaning { id, verdict, means, remedy }) in &MEANINGS {
        let remedy = if remedy.is_empty() { "–" } else { remedy };
        writeln!(table, "| `{id}` | {} | {means} | {remedy} |", verdict.word()).unwrap();
    }
    page::holds(PAGE, &table);
}

#[test]
fn every_finding_has_a_name_of_its_own_and_a_story_or_a_test() {
    let here = include_str!("tests.rs");
    let mut names = BTreeSet::new();
    for (_, meaning) in &MEANINGS {
        let quoted = format!("\"{}\"", meaning.id);
        assert!(names.insert(meaning.id), "{quoted} twice");
        let is_shown = STORIES.contains(&quoted) || here.contains(&quoted);
        assert!(is_shown, "nothing shows {quoted}");
        assert_eq!(meaning.remedy.is_empty(), meaning.verdict.code() == 0, "{quoted}");
    }
}

fn report() -> Report {
    let line = |finding, about: &str, says: &str| Line::new(finding, about, says);
    Report {
        lines: vec![
            line(Finding::KindServed, "volumesnapshots.snapshot.storage.k8s.io", "serves v1, stores v1"),
            line(Finding::NoClass, "VolumeSnapshotClass", "there is none"),
            line(Finding::ControllerGone, "snapshot-controller", "p holds the Lease n/l, renewed 5m ago"),
        ],
    }
}

#[test]
fn the_answer_is_a_line_for_each_thing_and_their_number() {
    insta::assert_snapshot!(show::show(&report(), None, Paint::PLAIN).unwrap());
    let coloured = show::show(&report(), None, Paint::COLOURED).unwrap();
    let without = coloured.replace("\u{1b}[0m", "");
    let without =
        [1, 2, 31, 32, 33].iter().fold(without, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
    assert_eq!(without, show::show(&report(), None, Paint::PLAIN).unwrap());
    assert_eq!(report().verdict().code(), 2);
}

#[test]
fn the_answer_as_data_has_the_verdict_of_each_line() {
    insta::assert_snapshot!(show::show(&report(), Some(Data::Json), Paint::COLOURED).unwrap());
    insta::assert_snapshot!(show::show(&report(), Some(Data::Yaml), Paint::PLAIN).unwrap());
}

#[test]
fn a_definition_that_is_not_accepted_is_not_established() {
    let mut seen = seen();
    let refused = json!({"status": {"conditions": [{"type": "Established", "status": "False", "message": "a conflict"}]}});
    seen.definitions[0].1 = Ok(Definition::read(&refused));
    let lines = kinds::lines(&seen);
    assert_eq!(findings(&lines), BTreeSet::from(["kind-not-established", "kind-served"]));
    assert!(lines[0].says.contains("a conflict"), "{}", lines[0].says);
    seen.definitions[0].1 = Ok(Definition::read(&json!({})));
    assert!(findings(&kinds::lines(&seen)).contains("kind-not-established"));
}

#[test]
fn a_lease_is_held_until_its_time_is_over() {
    let clock = seen().clock;
    for (holder, renewed, is_held) in [
        (Some("a"), "2026-03-01T11:59:50.000000Z", true),
        (Some("a"), "2026-03-01T11:59:40.000000Z", true),
        (Some("a"), "2026-03-01T11:59:39.000000Z", false),
        (Some("a"), "2026-03-01T12:00:30.000000Z", true),
        (Some(""), "2026-03-01T12:00:00.000000Z", false),
        (None, "2026-03-01T12:00:00.000000Z", false),
        (Some("a"), "soon", false),
    ] {
        assert_eq!(lease("l", holder, renewed).is_held(clock), is_held, "{holder:?} {renewed}");
    }
}

#[test]
fn a_lease_of_each_node_counts_for_a_driver_and_that_of_another_driver_does_not() {
    let name = programs::lease_of("a.csi.test");
    assert_eq!(name, "external-snapshotter-leader-a-csi-test");
    let renewed = "2026-03-01T12:00:00.000000Z";
    let all = [
        lease(&format!("{name}-node-1"), Some("p"), renewed),
        lease(&format!("{name}ing"), Some("q"), renewed),
    ];
    let of_driver: Vec<_> =
        programs::leases_of("a.csi.test", &all).into_iter().map(|lease| lease.holder.clone()).collect();
    assert_eq!(of_driver, [Some("p".to_owned())]);
}

#[test]
fn a_controller_that_released_its_lease_is_gone_as_well() {
    let with = |lease| Seen { leases: Ok(vec![lease]), ..seen() };
    let name = programs::CONTROLLER;
    let renewed = "2026-03-01T12:00:00.000000Z";
    for (lease, expected) in [
        (lease(name, Some(""), renewed), "controller-gone"),
        (lease(name, Some("p"), renewed), "controller-leads"),
        (lease(name, Some("p"), "2026-03-01T11:00:00.000000Z"), "controller-gone"),
    ] {
        assert_eq!(findings(&programs::lines(&with(lease))), BTreeSet::from([expected]));
    }
}

/// The lines about a webhook that is asked about this.
fn asked(rule: &Value, more: &Value) -> Vec<Line> {
    let mut webhook = json!({"name": "w", "rules": [rule], "clientConfig": {"url": "https://w"}});
    for (field, value) in more.as_object().unwrap() {
        webhook[field] = value.clone();
    }
    let read = Webhook::read(&json!({"metadata": {"name": "c"}, "webhooks": [webhook]}));
    admission::lines(&Seen { webhooks: vec![("validatingwebhookconfigurations", Ok(read))], ..seen() })
}

#[test]
fn a_rule_is_matched_as_the_api_server_matches_it() {
    let rule = |group: &str, resource: &str, operation: &str| json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": [operation], "resources": [resource]});
    let ours = "snapshot.storage.k8s.io";
    for (rule, is_matched) in [
        (rule(ours, "volumesnapshots", "CREATE"), true),
        (rule(ours, "*", "*"), true),
        (rule("*", "*/*", "*"), true),
        (rule(ours, "*/status", "UPDATE"), true),
        (rule(ours, "volumesnapshots/*", "UPDATE"), true),
        (rule(ours, "volumesnapshotclasses", "*"), false),
        (rule(ours, "volumesnapshots", "CONNECT"), false),
        (rule(ours, "volumesnapshots/status", "CREATE"), false),
        (rule("apps", "*", "*"), false),
        (rule("", "persistentvolumeclaims", "UPDATE"), true),
        (rule("", "persistentvolumeclaims", "CREATE"), false),
        (rule("", "events", "CREATE"), false),
        (rule("coordination.k8s.io", "leases", "UPDATE"), true),
    ] {
        let found = findings(&asked(&rule, &json!({})));
        let expected = if is_matched { "webhook-on-our-writes" } else { "admission-leaves-us" };
        assert_eq!(found, BTreeSet::from([expected]), "{rule}");
    }
    let old =
        json!({"apiGroups": [ours], "apiVersions": ["v1beta1"], "operations": ["*"], "resources": ["*"]});
    assert_eq!(findings(&asked(&old, &json!({}))), BTreeSet::from(["webhook-on-our-writes"]), "equivalent");
    assert_eq!(
        findings(&asked(&old, &json!({"matchPolicy": "Exact"}))),
        BTreeSet::from(["admission-leaves-us"])
    );
}

#[test]
fn the_rights_of_both_programs_are_read_from_their_manifests() {
    let all = rights::manifests();
    let has = |resource: &str, verb: &str| {
        all.iter().any(|right| right.full_resource() == resource && right.verb == verb)
    };
    assert!(
        has("volumesnapshotcontents/status", "patch") && has("leases", "update") && has("secrets", "get")
    );
    assert!(!has("events", "watch"), "neither program watches events");
    assert!(all.iter().filter(|right| right.resource == "leases").all(|right| right.in_namespace));
}

#[test]
fn a_service_that_may_not_be_looked_at_is_not_taken_for_ready() {
    let mut seen = seen();
    let request =
        Request { verb: "list", resource: "endpointslices.discovery.k8s.io".into(), name: "n".into() };
    seen.services.insert("n/s".to_owned(), Err(Unread { request, why: Why::MayNot }));
    let asked = Asked { service: Some("n/s".to_owned()), has_ca: true };
    seen.definitions[0].1 = Ok(Definition { conversion: Some(asked), ..definition() });
    assert!(findings(&kinds::lines(&seen)).contains("may-not-be-read"));
}
