//! Tests that the crate machinery knows nothing of snapshots: no such word, and no dependency on a crate that does.

use std::path::Path;

/// Words that belong to snapshots, in lower case.
const WORDS: [&str; 5] = ["snapshot", "csi_", "persistentvolume", "restoresize", "readytouse"];
/// Crates that the machinery must not depend on.
const CRATES: [&str; 3] = ["model", "tonic", "prost"];

fn each_source(directory: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, look);
        } else {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The words of a text that belong to snapshots.
fn snapshot_words(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    WORDS.into_iter().filter(|word| text.contains(word)).collect()
}

#[test]
fn the_sources_of_the_machinery_do_not_mention_snapshots() {
    let machinery = Path::new(env!("CARGO_MANIFEST_DIR")).join("machinery");
    let mut sources = 0;
    each_source(&machinery.join("src"), &mut |path, text| {
        assert_eq!(snapshot_words(text), [""; 0], "{}", path.display());
        sources += 1;
    });
    assert!(sources > 50, "{sources}");
    assert_eq!(snapshot_words("a VolumeSnapshotContent"), ["snapshot"], "the search works");
}

#[test]
fn the_machinery_does_not_depend_on_kinds_or_drivers() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("machinery/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let named = |name: &str| manifest.lines().any(|line| line.split([' ', '.', '=']).next() == Some(name));
    assert!(named("tokio"), "the search works");
    for name in CRATES {
        assert!(!named(name), "{name}");
    }
}
