//! docs/ARCHITECTURE.md held against the sources: each row of its tables names functions that exist, and the code carries
//! the numbers of the rows.

use std::collections::BTreeSet;
use std::fs;

const ARCHITECTURE: &str = include_str!("../../docs/ARCHITECTURE.md");
const CHAPTERS: [&str; 4] = [
    "## The rules, in order",
    "### What vanished",
    "## What a call does without",
    "## What an outcome means",
];

fn source(file: &str) -> String {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let path =
        if file == "pass" { format!("{sources}/act/pass.rs") } else { format!("{sources}/decide/{file}.rs") };
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of the rows of a chapter's table, without its heading.
fn rows(chapter: &str) -> Vec<Vec<&'static str>> {
    let start = ARCHITECTURE.find(chapter).unwrap_or_else(|| panic!("{chapter}"));
    let lines = ARCHITECTURE[start..].lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let table = lines.take_while(|line| line.starts_with('|'));
    table.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_row_of_the_tables_names_functions_that_exist() {
    for chapter in CHAPTERS {
        let rows = rows(chapter);
        assert!(rows.len() > 4, "{chapter}");
        for row in rows {
            let code = row.last().unwrap();
            for name in code.split(", ") {
                let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
                let (file, function) =
                    name.and_then(|name| name.split_once("::")).unwrap_or_else(|| panic!("{row:?}"));
                let source = source(file);
                let exists = ["(", "<"].iter().any(|after| source.contains(&format!("fn {function}{after}")));
                assert!(exists, "there is no {file}::{function}: {row:?}");
            }
        }
    }
}

#[test]
fn the_rules_carry_the_numbers_of_their_rows() {
    let documented: BTreeSet<&str> =
        CHAPTERS[..2].iter().flat_map(|chapter| rows(chapter)).map(|row| row[0]).collect();
    let sources = [source("rules"), source("vanished")].concat();
    let comments = sources.lines().filter_map(|line| line.trim().strip_prefix("// Rule"));
    let mut carried = BTreeSet::new();
    for comment in comments {
        let numbers = comment.trim_start_matches('s').split('.').next().unwrap_or_default();
        carried.extend(numbers.split(" and ").map(str::trim));
    }
    assert_eq!(carried, documented);
}
