//! The text of `--help`: one line a flag, in groups, with defaults.

use std::fmt::Write;

use super::flag::{Effect, Spec, Table};
use super::value::Kind;

/// Columns taken by a flag before its help begins.
const INDENT: usize = 46;

/// What help says beside the flags.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The program's name.
    pub program: &'static str,
    /// What it does, after its name.
    pub does: &'static str,
    /// Environment variables that are read, each with what it is for.
    pub environment: &'static [(&'static str, &'static str)],
}

/// The help text.
#[must_use]
pub fn help(page: Page, table: Table) -> String {
    let Page { program, does, environment } = page;
    let mut text = format!(
        "{program} {does}\n\n\
         Usage: {program} [flags]    (-x, --x, --x=value, --x value; booleans only --x or --x=false)\n",
    );
    let mut group = "";
    for flag in table.iter().filter(|flag| flag.effect == Effect::Live) {
        if flag.group != group {
            group = flag.group;
            let _ = write!(text, "\n{group}:\n");
        }
        line(&mut text, flag);
    }
    text.push_str("\nEnvironment:\n");
    for (name, meaning) in environment {
        let _ = writeln!(text, "{:<INDENT$}{meaning}", format!("  {name}"));
    }
    for (effect, title) in [
        (Effect::Accepted, "Accepted from klog and without effect (logs go to stderr)"),
        (Effect::Retired, "Retired: accepted with a warning"),
    ] {
        let names: Vec<String> = table
            .iter()
            .filter(|flag| flag.effect == effect)
            .map(|flag| format!("--{}", flag.name))
            .collect();
        let _ = write!(text, "\n{title}:\n");
        for names in names.chunks(4) {
            let _ = writeln!(text, "  {}", names.join(" "));
        }
    }
    text
}

fn line(text: &mut String, flag: &Spec) {
    let value = match flag.kind {
        Kind::Bool => "",
        Kind::Int => " int",
        Kind::Float => " number",
        Kind::Duration => " duration",
        Kind::Text => " text",
    };
    let shown = format!("  --{}{value}", flag.name);
    let default = match flag.default {
        "" | "false" => String::new(),
        default => format!(" (default {default})"),
    };
    let _ = writeln!(text, "{shown:<INDENT$}{}{default}", flag.help);
}
