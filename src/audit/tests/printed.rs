//! The report: its verdict, its table, its JSON.

use super::super::{compare, table};
use super::*;

fn report(findings: Findings, problems: &[&str]) -> Report {
    let mut report = Report::of("d".to_owned(), now(), HOUR.as_secs());
    let asked = findings.lost.iter().map(|missing| {
        let missing = compare::Missing { handle: missing.handle.clone(), holders: missing.holders.clone() };
        (missing, Some("not known".to_owned()))
    });
    let asked = asked.collect();
    report.problems = problems.iter().map(|&problem| problem.to_owned()).collect();
    report.fill(findings, asked, &[]);
    report.conclude();
    report
}

#[test]
fn the_verdict_is_incomplete_whatever_was_found_if_something_could_not_be_looked_at() {
    let leak = || still(&Cluster::default(), &[listed("leak")]);
    assert_eq!(report(Findings::default(), &[]).verdict.code(), 0);
    assert_eq!(report(leak(), &[]).verdict.code(), 3);
    assert_eq!(report(Findings::default(), &["page 40"]).verdict.code(), 1);
    assert_eq!(report(leak(), &["page 40"]).verdict.code(), 1);
}

#[test]
fn a_table_has_each_finding_in_columns_and_no_control_characters() {
    let cluster = singles([content("b", "gone"), content("c", "both"), content("d", "both")]);
    let list = [listed("leak\u{1b}[2J"), timeless("both")];
    let text = table::table(&report(still(&cluster, &list), &["page 40"]));
    for words in [
        "UNREFERENCED: 1 (in the storage, and no content names it; 1.0 GiB)",
        "  leak?[2J  vol-1   1.0 GiB  2026-11-30T10:00:00Z  ?",
        "MISSING: 1 (",
        "TWICE REFERENCED: 1 (",
        "  both    c        VolumeSnapshotContent  yes",
        "INCOMPLETE: page 40",
        "there may be more than this",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn json_has_stable_names() {
    let report = report(still(&singles([content("b", "gone")]), &[listed("leak")]), &[]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "findings");
    assert_eq!(json["unreferenced"]["items"][0]["handle"], "leak");
    assert_eq!(json["unreferenced"]["items"][0]["creationTime"], "2026-11-30T10:00:00Z");
    assert_eq!(json["missing"]["items"][0]["contents"][0]["kind"], "VolumeSnapshotContent");
    let fields: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "cannotKnow",
        "doubtful",
        "driver",
        "looked",
        "missing",
        "olderThanSeconds",
        "problems",
        "time",
        "twiceReferenced",
        "unreferenced",
        "unreferencedBytes",
        "verdict",
    ];
    assert_eq!(fields, expected);
}
