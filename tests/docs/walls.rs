//! The machinery knows no kinds: no word of snapshots, no crate that does.

use std::path::Path;

/// Words that tell of this project's kinds, in small letters.
const WORDS: [&str; 5] = ["snapshot", "csi_", "persistentvolume", "restoresize", "readytouse"];
/// What the machinery must not be built on.
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

/// The words of a text that tell of kinds.
fn telling(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    WORDS.into_iter().filter(|word| text.contains(word)).collect()
}

#[test]
fn the_machinery_s_sources_name_no_kind() {
    let machinery = Path::new(env!("CARGO_MANIFEST_DIR")).join("machinery");
    let mut sources = 0;
    each_source(&machinery.join("src"), &mut |path, text| {
        assert_eq!(telling(text), [""; 0], "{}", path.display());
        sources += 1;
    });
    assert!(sources > 50, "{sources}");
    assert_eq!(telling("a VolumeSnapshotContent"), ["snapshot"], "a word is found");
}

#[test]
fn the_machinery_is_built_on_no_kind_and_no_driver() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("machinery/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let named = |name: &str| manifest.lines().any(|line| line.split([' ', '.', '=']).next() == Some(name));
    assert!(named("tokio"), "a dependency is found");
    for name in CRATES {
        assert!(!named(name), "{name}");
    }
}
