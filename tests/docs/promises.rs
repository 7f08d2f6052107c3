//! Tests that each promise of the snapshot-controller names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

const PROMISES: &str = include_str!("../../docs/promises.md");

/// The names of all tests in the sources below a directory.
fn tests_below(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(tests(&std::fs::read_to_string(path).unwrap()));
        }
    }
}

/// The names of the tests in a source text.
fn tests(text: &str) -> impl Iterator<Item = String> {
    let items = text.split("#[test]").skip(1).chain(text.split("#[tokio::test").skip(1));
    items.filter_map(|item| Some(item.split_once("fn ")?.1.split_once('(')?.0.to_owned()))
}

/// The tests of each row, in code spans of its last column.
fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let rows = PROMISES.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| if |"));
    rows.map(|row| {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        (row, last.split('`').skip(1).step_by(2).collect())
    })
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let (root, mut all) = (Path::new(env!("CARGO_MANIFEST_DIR")), BTreeSet::new());
    for sources in ["controller/src", "controller/tests", "machinery/src", "model/src"] {
        tests_below(&root.join(sources), &mut all);
    }
    let mut count = 0;
    for (row, named) in rows() {
        assert!(!named.is_empty(), "no test shows {row}");
        for name in named {
            assert!(all.contains(name), "there is no test {name}");
        }
        count += 1;
    }
    assert!(count >= 37, "{count}");
}
