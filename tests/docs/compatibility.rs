//! Tests that the tables of docs/compatibility.md match the code.
//!
//! `UPDATE_DOCS=1 cargo test --test docs compatibility` renders them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use machinery::cli::{FlagEffect, Spec, ValueKind as Value};

use csi_snapshotter::settings::flags::{PAGE, TABLE};
use model::facts::Kind;
use model::names::{MANAGED_BY, MEMBER_OF_GROUP, Names, RESERVED_PARAMETERS};

mod controller;
mod reference;
pub(crate) mod scrape;

const DOCUMENT: &str = "docs/compatibility.md";

#[test]
fn the_compatibility_tables_match_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let committed = std::fs::read_to_string(&path).unwrap();
    let mut rendered = committed.clone();
    for (name, table) in [
        ("flags", flag_table()),
        ("ignored flags", ignored_table()),
        ("environment", environment_table()),
        ("metrics", metric_table()),
        ("names", name_table()),
        ("reasons", reason_table()),
        ("names of the controller", controller::name_table()),
        ("reasons of the controller", controller::reason_table()),
    ] {
        rendered = replaced(&rendered, name, &table);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, rendered).unwrap();
    } else {
        let help = "run UPDATE_DOCS=1 cargo test compatibility";
        assert!(committed == rendered, "{DOCUMENT} is not what the code says: {help}");
    }
}

/// Replaces the table between its two marks.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: from the code -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

/// A Markdown table whose first row is the header.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn kind(flag: &Spec) -> &'static str {
    match flag.kind {
        Value::Bool => "boolean",
        Value::Int => "integer",
        Value::Float => "number",
        Value::Duration => "duration",
        Value::Text => "text",
    }
}

fn flag_table() -> String {
    let live: Vec<&Spec> = TABLE.iter().filter(|flag| flag.effect == FlagEffect::Live).collect();
    let known: BTreeSet<&str> = live.iter().map(|flag| flag.name).collect();
    let said: BTreeSet<&str> = reference::FLAGS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(known, said, "reference.rs must have a line for each flag, and for no other");
    let mut rows = vec![row(["flag", "value", "default", "default of the reference", "difference"])];
    for flag in live {
        let (_, default, differs) = reference::FLAGS.iter().find(|(name, ..)| *name == flag.name).unwrap();
        let same = *default == flag.default;
        let theirs = if same { "the same".to_owned() } else { code(default) };
        rows.push(vec![
            format!("`--{}`", flag.name),
            kind(flag).to_owned(),
            code(flag.default),
            theirs,
            (*differs).to_owned(),
        ]);
    }
    table(&rows)
}

fn ignored_table() -> String {
    let mut rows = vec![row(["flag", "the reference", "here"])];
    let accepted = TABLE.iter().filter(|flag| flag.effect == FlagEffect::Accepted);
    let accepted: Vec<String> = accepted.map(|flag| format!("`--{}`", flag.name)).collect();
    let here = "each is accepted with a warning and has no effect; logs go to stderr";
    rows.push(vec![accepted.join(", "), "klog's".to_owned(), here.to_owned()]);
    for flag in TABLE.iter().filter(|flag| flag.effect == FlagEffect::Retired) {
        let here = format!("accepted with a warning: {}", flag.help);
        rows.push(vec![format!("`--{}`", flag.name), "refuses it, exit 2".to_owned(), here]);
    }
    table(&rows)
}

fn environment_table() -> String {
    let mut rows = vec![row(["variable", "purpose", "the reference"])];
    for (name, meaning) in PAGE.environment {
        let (_, theirs) = reference::ENVIRONMENT.iter().find(|(known, _)| known == name).unwrap();
        rows.push(vec![code(name), (*meaning).to_owned(), (*theirs).to_owned()]);
    }
    table(&rows)
}

fn metric_table() -> String {
    let families = scrape::families();
    let mut rows = vec![row(["metric", "type", "labels", "buckets in seconds", "the reference"])];
    for family in families {
        let (_, theirs) = reference::METRICS
            .iter()
            .find(|(known, _)| family.name.starts_with(known))
            .unwrap_or_else(|| panic!("reference.rs says nothing of {}", family.name));
        let labels: Vec<String> = family.labels.iter().map(|label| code(label)).collect();
        let name = code(&family.name);
        rows.push(vec![name, family.kind, labels.join(", "), family.buckets.join(" "), (*theirs).to_owned()]);
    }
    table(&rows)
}

/// The names of a kind with their meanings, and its event reasons.
fn named(kind: Kind) -> ([(&'static str, &'static str); 9], [&'static str; 4]) {
    // Without `..`, so that a new name does not compile until it has a row.
    let Names {
        finalizer,
        marker,
        released,
        secret_name,
        secret_namespace,
        poll_secret: (poll_name, poll_namespace),
        poll_secret_template,
        creation_failed,
        update_failed,
        delete_failed,
        may_be_orphaned,
        metadata: [metadata_name, metadata_namespace, metadata_content],
        handle: _,
    } = kind.names();
    assert!(RESERVED_PARAMETERS.contains(poll_name) && RESERVED_PARAMETERS.contains(poll_namespace));
    let names = [
        ("finalizer, which the sidecar removes", *finalizer),
        ("annotation that a create call may be in flight, which the sidecar writes", *marker),
        ("annotation that allows the deletion", *released),
        ("annotation with the name of the Secret", *secret_name),
        ("annotation with the namespace of the Secret", *secret_namespace),
        ("parameter that the driver gets with `--extra-create-metadata`", *metadata_name),
        ("the same", *metadata_namespace),
        ("the same", *metadata_content),
        ("template in the class parameters that name the Secret for lookups", *poll_secret_template),
    ];
    (names, [creation_failed.reason, update_failed.reason, delete_failed.reason, may_be_orphaned])
}

fn name_table() -> String {
    let ((single, _), (group, _)) = (named(Kind::Single), named(Kind::Group));
    let mut rows = vec![row(["name", "VolumeSnapshotContent", "VolumeGroupSnapshotContent"])];
    rows.extend(single.iter().zip(group).map(|((what, one), (_, other))| {
        assert_ne!(*one, other);
        vec![(*what).to_owned(), code(one), code(other)]
    }));
    rows.push(vec!["annotation of a member of a group".to_owned(), code(MEMBER_OF_GROUP), String::new()]);
    let managed = "label that `--node-deployment` selects by".to_owned();
    rows.push(vec![managed, code(MANAGED_BY), code(MANAGED_BY)]);
    for pair in RESERVED_PARAMETERS.chunks(2) {
        let (of_groups, of_single): (Vec<&str>, Vec<&str>) =
            pair.iter().partition(|name| name.contains("/group-"));
        let cell = |names: Vec<&str>| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
        let what = "class parameters that are not sent to the driver".to_owned();
        rows.push(vec![what, cell(of_single), cell(of_groups)]);
    }
    table(&rows)
}

fn reason_table() -> String {
    let ((_, single), (_, group)) = (named(Kind::Single), named(Kind::Group));
    let what = ["the first creation failed", "a later attempt or lookup failed", "a deletion failed"];
    let gone = "the storage may hold a snapshot that no object names";
    let theirs = ["the same", "the same", "the same", "not there"];
    let mut rows =
        vec![row(["Warning event", "VolumeSnapshotContent", "VolumeGroupSnapshotContent", "the reference"])];
    let what = what.into_iter().chain([gone]);
    for (((what, one), other), theirs) in what.zip(single).zip(group).zip(theirs) {
        rows.push(vec![what.to_owned(), code(one), code(other), theirs.to_owned()]);
    }
    table(&rows)
}

#[test]
fn every_line_of_reference_rs_is_used() {
    let names: BTreeMap<&str, &str> = PAGE.environment.iter().copied().collect();
    assert!(reference::ENVIRONMENT.iter().all(|(name, _)| names.contains_key(name)));
    let families = scrape::families();
    for (name, _) in reference::METRICS {
        assert!(families.iter().any(|family| family.name.starts_with(name)), "{name}");
    }
}
