//! Every warning and error of the log stands in docs/operations.md, with the words before its first value.

use std::path::Path;

use super::OPERATIONS;

/// Every source file but those of tests.
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

/// The last text of a macro call that begins here, without what a line break adds.
fn message(call: &str) -> Option<String> {
    let end = call.find(");").or_else(|| call.find("),")).or_else(|| call.find(")\n"))?;
    let texts: Vec<&str> = call[..end].split('"').collect();
    let text = texts.iter().skip(1).step_by(2).rfind(|text| text.contains(' ') || text.contains('{'))?;
    Some(text.split("\\\n").map(str::trim_start).collect())
}

#[test]
fn every_warning_and_error_stands_in_it() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let mut messages = Vec::new();
    for source in &found {
        for call in ["warn!(", "error!("] {
            messages.extend(source.split(call).skip(1).filter_map(message));
        }
    }
    assert!(messages.len() > 15, "{messages:?}");
    let missing: Vec<_> = messages
        .iter()
        .map(|message| message.split('{').next().unwrap_or_default())
        .filter(|words| !OPERATIONS.contains(&format!("`{words}")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
