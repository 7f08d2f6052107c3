//! Tests that docs/operations.md has every warning and error of the log, up to its first value; or, where only the
//! snapshot-controller logs it, docs/snapshot-controller.md.

use std::path::Path;

use super::operations::OPERATIONS;

const CONTROLLER: &str = include_str!("../../docs/snapshot-controller.md");

/// The sources in a directory, without tests.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.contains("tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

/// The message of the macro call at the start of `call`: its last string, with line breaks removed.
fn message(call: &str) -> Option<String> {
    let end = call.find(");").or_else(|| call.find("),")).or_else(|| call.find(")\n"))?;
    let texts: Vec<&str> = call[..end].split('"').collect();
    let text = texts.iter().skip(1).step_by(2).rfind(|text| text.contains(' ') || text.contains('{'))?;
    Some(text.split("\\\n").map(str::trim_start).collect())
}

#[test]
fn every_warning_and_error_is_in_the_page() {
    let mut found = Vec::new();
    for crate_sources in ["src", "machinery/src", "model/src", "controller/src"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(crate_sources), &mut found);
    }
    let mut messages = Vec::new();
    for source in &found {
        for call in ["warn!(", "error!("] {
            messages.extend(source.split(call).skip(1).filter_map(message));
        }
    }
    assert!(messages.len() > 30, "{messages:?}");
    let missing: Vec<_> = messages
        .iter()
        .map(|message| message.split('{').next().unwrap_or_default())
        .filter(|words| ![OPERATIONS, CONTROLLER].iter().any(|page| page.contains(&format!("`{words}"))))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Of each error of connecting, the longest part between its values.
#[test]
fn every_error_of_connecting_is_in_the_page() {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("machinery/src/cluster");
    let mut reasons = 0;
    for file in ["client.rs", "pod.rs", "token.rs", "proxy.rs"] {
        let text = std::fs::read_to_string(cluster.join(file)).unwrap();
        for error in text.split("#[error(").skip(1).filter(|error| !error.starts_with("transparent")) {
            let words = error.split('"').nth(1).unwrap().split(['{', '}']).step_by(2);
            let words = words.max_by_key(|words| words.len()).unwrap().trim();
            assert!(words.len() > 10 && OPERATIONS.contains(words), "{file}: {words}");
            reasons += 1;
        }
    }
    assert!(reasons > 8, "{reasons}");
}
