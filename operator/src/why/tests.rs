//! The page about the findings, and that each of them is brought about by a story.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::finding::{Finding, Meaning};
use super::judge::Found;
use super::meanings::MEANINGS;
use super::node::Node;
use super::show::Answer;
use crate::arguments::Data;
use crate::page;
use crate::text::paint::Paint;

const PAGE: &str = "docs/findings.md";

/// All stories about `why`.
fn stories() -> String {
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let parts = std::fs::read_dir(stories.join("why")).unwrap().map(|file| file.unwrap().path());
    let all = parts.chain([stories.join("why.rs")]).map(|path| std::fs::read_to_string(path).unwrap());
    all.collect()
}

#[test]
fn the_answer_is_a_tree_and_a_sentence_below_it() {
    let mut content = Node::new("VolumeSnapshotContent", "snapcontent-1", "not ready, 5m old");
    content.notes = vec!["deletionPolicy Delete".to_owned(), "no handle yet".to_owned()];
    content.parts = vec![Node::new("driver", "d", "pod holds the Lease ns/lease, renewed 1s ago")];
    let mut tree = Node::new("VolumeSnapshot", "ns/s", "not ready, 5m old");
    tree.notes = vec!["error (1m ago): full\u{1b}[2J".to_owned()];
    tree.parts = vec![Node::new("VolumeSnapshotClass", "fast", "of the driver d"), content];
    let found = Found::new(Finding::DriverFails, "the driver is asked; the last answer was: full", "soon");
    let answer = Answer::new(tree, found, None);
    insta::assert_snapshot!(answer.show(None, Paint::PLAIN).unwrap());
    insta::assert_snapshot!(answer.show(Some(Data::Yaml), Paint::PLAIN).unwrap());
}

#[test]
fn the_page_about_findings_has_each_with_its_remedy() {
    let mut table =
        "| finding | whose turn | what it means | what you can do |\n|---|---|---|---|\n".to_owned();
    for (_, Meaning { id, turn, means, remedy }) in &MEANINGS {
        let remedy = if remedy.is_empty() { "–" } else { remedy };
        writeln!(table, "| `{id}` | {} | {means} | {remedy} |", turn.words()).unwrap();
    }
    page::holds(PAGE, &table);
}

#[test]
fn every_finding_of_why_has_a_name_of_its_own_and_a_story_that_brings_it_about() {
    let stories = stories();
    let mut names = BTreeSet::new();
    for (at, (finding, meaning)) in MEANINGS.iter().enumerate() {
        assert_eq!(*finding as usize, at, "{finding:?} is not in its place");
        assert!(names.insert(meaning.id), "{} twice", meaning.id);
        let quoted = format!("\"{}\"", meaning.id);
        assert!(stories.contains(&quoted), "no story brings {quoted} about");
    }
}
