//! Holds docs/compatibility.md to the code: its tables of names are rendered here, from where the names are defined.
//!
//! `UPDATE_DOCS=1 cargo test compatibility` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use machinery::cli::{FlagEffect, Spec, ValueKind as Value};

use csi_snapshotter::settings::flags::{PAGE, TABLE};
use model::facts::Kind;
use model::names::{MANAGED_BY, MEMBER_OF_GROUP, Names, RESERVED_PARAMETERS};

mod reference;
pub(crate) mod scrape;

const DOCUMENT: &str = "docs/compatibility.md";

#[test]
fn the_compatibility_tables_in_the_documents_are_those_of_the_code() {
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

/// The text with what stands between the two marks of a table replaced.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: from the code -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

/// A table; the first row is its head.
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
    let mut rows = vec![row(["flag", "value", "default", "the reference's", "what differs"])];
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
    let here = "taken with a warning each, without effect: logs go to stderr";
    rows.push(vec![accepted.join(", "), "klog's".to_owned(), here.to_owned()]);
    for flag in TABLE.iter().filter(|flag| flag.effect == FlagEffect::Retired) {
        let here = format!("taken with a warning: {}", flag.help);
        rows.push(vec![format!("`--{}`", flag.name), "refuses it, exit 2".to_owned(), here]);
    }
    table(&rows)
}

fn environment_table() -> String {
    let mut rows = vec![row(["variable", "what it is for", "the reference"])];
    for (name, meaning) in PAGE.environment {
        let (_, theirs) = reference::ENVIRONMENT.iter().find(|(known, _)| known == name).unwrap();
        rows.push(vec![code(name), (*meaning).to_owned(), (*theirs).to_owned()]);
    }
    table(&rows)
}

fn metric_table() -> String {
    let families = scrape::families();
    let mut rows = vec![row(["metric", "type", "labels", "buckets, in seconds", "the reference"])];
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

/// The names of a kind that objects bear, each with what it is; and the event reasons.
fn named(kind: Kind) -> ([(&'static str, &'static str); 9], [&'static str; 4]) {
    // Taken apart completely: a name without a row does not compile.
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
        ("finalizer; removed here", *finalizer),
        ("annotation, a snapshot may be on its way; written here", *marker),
        ("annotation, to be deleted; read", *released),
        ("annotation, name of the Secret; read", *secret_name),
        ("annotation, namespace of the Secret; read", *secret_namespace),
        ("parameter for the driver, with `--extra-create-metadata`", *metadata_name),
        ("the same", *metadata_namespace),
        ("the same", *metadata_content),
        (
            "template in the parameters of a class that name the Secret of a look; filled in",
            *poll_secret_template,
        ),
    ];
    (names, [creation_failed, update_failed, delete_failed, may_be_orphaned])
}

fn name_table() -> String {
    let ((single, _), (group, _)) = (named(Kind::Single), named(Kind::Group));
    let mut rows = vec![row(["what", "VolumeSnapshotContent", "VolumeGroupSnapshotContent"])];
    rows.extend(single.iter().zip(group).map(|((what, one), (_, other))| {
        assert_ne!(*one, other);
        vec![(*what).to_owned(), code(one), code(other)]
    }));
    rows.push(vec!["annotation of a group's member; read".to_owned(), code(MEMBER_OF_GROUP), String::new()]);
    let managed = "label, selected by with `--node-deployment`; read".to_owned();
    rows.push(vec![managed, code(MANAGED_BY), code(MANAGED_BY)]);
    for pair in RESERVED_PARAMETERS.chunks(2) {
        let (of_groups, of_single): (Vec<&str>, Vec<&str>) =
            pair.iter().partition(|name| name.contains("/group-"));
        let cell = |names: Vec<&str>| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
        let what = "parameters of a class that stay here".to_owned();
        rows.push(vec![what, cell(of_single), cell(of_groups)]);
    }
    table(&rows)
}

fn reason_table() -> String {
    let ((_, single), (_, group)) = (named(Kind::Single), named(Kind::Group));
    let what = ["a first creation failed", "a later attempt or look failed", "a deletion failed"];
    let gone = "a deletion was given up, and the storage may hold a snapshot";
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
fn every_line_about_the_reference_is_about_something_here() {
    let names: BTreeMap<&str, &str> = PAGE.environment.iter().copied().collect();
    assert!(reference::ENVIRONMENT.iter().all(|(name, _)| names.contains_key(name)));
    let families = scrape::families();
    for (name, _) in reference::METRICS {
        assert!(families.iter().any(|family| family.name.starts_with(name)), "{name}");
    }
}
