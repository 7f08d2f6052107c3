//! Tests that deploy/crds holds exactly what the types generate.

use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds")
}

#[test]
fn every_file_is_what_the_types_generate() {
    for crd in crds::all().unwrap() {
        let path = directory().join(crds::file_name(&crd));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let same = committed == crds::yaml(&crd).unwrap();
        assert!(same, "{} is not what the types make; run `cargo run -p crds`", path.display());
    }
}

#[test]
fn the_kustomization_lists_every_file_and_nothing_else() {
    let text = std::fs::read_to_string(directory().join("kustomization.yaml")).unwrap();
    let kustomization: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let mut listed: Vec<String> = serde_json::from_value(kustomization["resources"].clone()).unwrap();
    let mut made: Vec<String> = crds::all().unwrap().iter().map(crds::file_name).collect();
    let mut there: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    for names in [&mut listed, &mut made, &mut there] {
        names.sort();
    }
    assert_eq!(listed, made);
    assert_eq!(there, made);
}
