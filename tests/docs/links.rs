//! Tests that links between the documents lead to existing files and headings.

use std::path::Path;

/// The pages for operators.
const PAGES: [&str; 11] = [
    "install",
    "operations",
    "snapshot-controller",
    "promises",
    "kubectl-snapshots",
    "secrets",
    "groups",
    "upgrade",
    "performance",
    "tracing",
    "compatibility",
];

/// The targets of the links in a page, except links to other sites.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-'].contains(c));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for page in PAGES {
        let text = std::fs::read_to_string(docs.join(page).with_extension("md")).unwrap();
        for link in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { docs.join(page).with_extension("md") } else { docs.join(file) };
            assert!(target.exists(), "{page}: {link}");
            if heading.is_empty() {
                continue;
            }
            let target = std::fs::read_to_string(target).unwrap();
            let there =
                target.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
            assert!(there, "{page}: {link}");
        }
    }
}
