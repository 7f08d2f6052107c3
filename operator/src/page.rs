//! A page of the documentation that holds a table from the code.

use std::path::Path;

/// Holds a page to its table of findings, or writes it with `UPDATE_DOCS=1`.
pub fn holds(page: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let committed = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- findings: from the code -->\n", "<!-- end of findings -->");
    let (before, rest) = committed.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let rendered = format!("{before}{begin}{table}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, rendered).unwrap();
    } else {
        assert!(committed == rendered, "run UPDATE_DOCS=1 cargo test -p kubectl-snapshots --lib page");
    }
}
