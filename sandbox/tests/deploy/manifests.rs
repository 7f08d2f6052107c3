//! Every manifest of every kustomization is applied: server-side, strictly, without a warning, and twice.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cluster::{Cluster, documents};

/// The kustomizations that users apply.
pub const OVERLAYS: [&str; 9] = [
    "audit",
    "crds",
    "distributed",
    "example",
    "example/use",
    "longhorn",
    "monitoring",
    "operator",
    "snapshot-controller",
];

/// The kustomizations that others include.
const COMPONENTS: [&str; 1] = ["sidecar"];

pub fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn kustomization(directory: &Path) -> Value {
    let path = directory.join("kustomization.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    documents(&text).remove(0)
}

fn words<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The objects of a kustomization and of its components, as they are written in the files.
pub fn objects(directory: &Path) -> Vec<Value> {
    let kustomization = kustomization(directory);
    let mut objects = Vec::new();
    for name in words(&kustomization, "resources") {
        let path = directory.join(name);
        if path.is_dir() {
            objects.extend(self::objects(&path));
        } else {
            objects.extend(documents(&std::fs::read_to_string(&path).expect("a manifest")));
        }
    }
    for name in words(&kustomization, "components") {
        objects.extend(self::objects(&directory.join(name)));
    }
    objects
}

/// Every YAML file of deploy/, with its text.
fn files(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
}

#[tokio::test]
async fn every_manifest_is_applied_strictly_and_without_a_warning() {
    let cluster = Cluster::for_manifests().await;
    for overlay in OVERLAYS.iter().chain(&COMPONENTS) {
        let objects = objects(&deploy().join(overlay));
        assert!(!objects.is_empty(), "{overlay} lists nothing");
        for object in &objects {
            let first = cluster.apply_well(object).await;
            let again = cluster.apply_well(object).await;
            assert_eq!(first, again, "a second apply changes {overlay} {}", object["metadata"]["name"]);
        }
    }
}

/// The files of `examples/`, with their names.
fn examples() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"), &mut found);
    found
}

#[tokio::test]
async fn every_example_is_applied_strictly_and_without_a_warning_and_says_what_it_is() {
    let cluster = Cluster::new().await;
    let examples = examples();
    assert!(examples.len() >= 8, "{examples:?}");
    for (path, text) in examples {
        assert!(text.starts_with("# "), "{} does not say what it is", path.display());
        for object in documents(&text) {
            cluster.apply_well(&object).await;
        }
    }
}

#[test]
fn the_readme_of_the_examples_uses_every_file() {
    let readme = include_str!("../../../examples/README.md");
    for (path, _) in examples() {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(readme.contains(&format!("examples/{name}")), "{name}");
    }
}

#[tokio::test]
async fn a_field_that_is_not_there_would_be_seen() {
    let cluster = Cluster::for_manifests().await;
    for object in objects(&deploy().join("crds")) {
        cluster.apply_well(&object).await;
    }
    for object in objects(&deploy().join("longhorn")) {
        let mut wrong = object.clone();
        wrong["spec"]["nonsense"] = "x".into();
        let applied = cluster.apply(&wrong).await;
        assert!(applied.status >= 400, "{} takes any field", object["kind"]);
    }
}

#[test]
fn every_file_belongs_to_a_kustomization_and_says_what_it_is() {
    let mut found = Vec::new();
    files(&deploy(), &mut found);
    for (path, text) in found {
        let shown = path.display();
        assert!(text.starts_with("# "), "{shown} does not say what it is");
        let (directory, name) = (path.parent().expect("a directory"), path.file_name().expect("a name"));
        let directory_of = kustomization(directory);
        let mut listed = words(&directory_of, "resources");
        let patches = directory_of["patches"].as_array().into_iter().flatten();
        listed.extend(patches.filter_map(|patch| patch["path"].as_str()));
        let name = name.to_str().expect("text");
        assert!(name == "kustomization.yaml" || listed.contains(&name), "{shown} is listed nowhere");
    }
    let known: Vec<_> = OVERLAYS.iter().chain(&COMPONENTS).map(|overlay| deploy().join(overlay)).collect();
    let mut found = Vec::new();
    files(&deploy(), &mut found);
    for (path, _) in found.iter().filter(|(path, _)| path.ends_with("kustomization.yaml")) {
        let directory = path.parent().expect("a directory").to_owned();
        assert!(known.contains(&directory), "{} is not tested", directory.display());
    }
}
