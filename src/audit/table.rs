//! The result as a table for people.

use std::fmt::Write;

use super::report::{Named, Report, Sort, Verdict};

/// The longest cell that others are aligned to.
const WIDEST: usize = 64;

/// Renders a report.
pub(super) fn table(report: &Report) -> String {
    let looked = &report.looked;
    let mut text = format!(
        "driver {}: {} contents, {} entries in {} pages\n",
        report.driver, looked.contents, looked.entries, looked.pages
    );
    for problem in &report.problems {
        let _ = writeln!(text, "INCOMPLETE: {problem}");
    }
    unreferenced(&mut text, report);
    named(&mut text, "MISSING", "a content names it, and the driver does not know it", &report.missing);
    doubtful(&mut text, report);
    let why = "several contents name it, and a deletion takes it from all of them";
    named(&mut text, "TWICE REFERENCED", why, &report.twice_referenced);
    for (count, what) in [
        (looked.young, "are younger than --older-than and are named by no content"),
        (
            looked.awaited as u64,
            "are named by no content, but a content waits for a snapshot of the same volume",
        ),
        (looked.without_id, "have no id"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "\nnot judged: {count} entries {what}");
        }
    }
    if looked.unlisted > 0 {
        let _ = writeln!(
            text,
            "\nnot listed: {} snapshots that contents name and the driver knows",
            looked.unlisted
        );
    }
    text.push('\n');
    for unknown in &report.cannot_know {
        let _ = writeln!(text, "cannot know: {unknown}");
    }
    let verdict = match report.verdict {
        Verdict::Clean => "clean",
        Verdict::Findings => "there are findings",
        Verdict::Incomplete => "could not look at everything; there may be more than this",
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn heading<T>(text: &mut String, title: &str, sort: &Sort<T>, means: &str) {
    let _ = write!(text, "\n{title}: {}", sort.count);
    if sort.items.len() < sort.count {
        let _ = write!(text, ", of which {} are shown", sort.items.len());
    }
    let _ = writeln!(text, " ({means})");
}

fn unreferenced(text: &mut String, report: &Report) {
    let sort = &report.unreferenced;
    if sort.count == 0 {
        return;
    }
    let means = format!("in the storage, and no content names it; {}", size(report.unreferenced_bytes));
    heading(text, "UNREFERENCED", sort, &means);
    let mut rows = vec![["HANDLE", "VOLUME", "SIZE", "CREATED", "OURS BY NAME", "GROUP"].map(str::to_owned)];
    for stored in &sort.items {
        rows.push([
            stored.handle.clone(),
            stored.volume.clone(),
            stored.size_bytes.map_or_else(|| "?".to_owned(), |bytes| size(bytes.into())),
            stored.creation_time.map_or_else(|| "?".to_owned(), |time| format!("{time:.0}")),
            if stored.ours_by_name { "yes" } else { "?" }.to_owned(),
            stored.group_handle.clone().unwrap_or_default(),
        ]);
    }
    columns(text, &rows);
}

fn named(text: &mut String, title: &str, means: &str, sort: &Sort<Named>) {
    if sort.count == 0 {
        return;
    }
    heading(text, title, sort, means);
    let mut rows = vec![["HANDLE", "CONTENT", "KIND", "DELETES IT", "NOTE"].map(str::to_owned)];
    for named in &sort.items {
        for content in &named.contents {
            rows.push([
                named.handle.clone(),
                content.name.clone(),
                content.kind.to_owned(),
                if content.deletes { "yes" } else { "no" }.to_owned(),
                named.asked.clone().unwrap_or_default(),
            ]);
        }
    }
    columns(text, &rows);
}

fn doubtful(text: &mut String, report: &Report) {
    let sort = &report.doubtful;
    if sort.count == 0 {
        return;
    }
    heading(text, "DOUBTFUL", sort, "the storage may hold a snapshot of it that nobody names");
    let mut rows = vec![["CONTENT", "KIND", "WHY"].map(str::to_owned)];
    for doubtful in &sort.items {
        rows.push([doubtful.content.name.clone(), doubtful.content.kind.to_owned(), doubtful.why.clone()]);
    }
    columns(text, &rows);
}

/// Writes rows in columns. A cell that is longer than the widest moves the rest of its own row only.
fn columns<const N: usize>(text: &mut String, rows: &[[String; N]]) {
    let width = |at: usize| {
        let lengths = rows.iter().map(|row| row[at].chars().count());
        lengths.filter(|length| *length <= WIDEST).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            let cell = cell.replace(char::is_control, "?");
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A size in binary units.
fn size(bytes: i128) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = bytes.saturating_mul(10);
    for unit in units {
        if tenths < 10_240 || unit == "PiB" {
            let is_whole = unit == "B";
            return if is_whole {
                format!("{bytes} B")
            } else {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            };
        }
        tenths /= 1024;
    }
    String::new()
}
