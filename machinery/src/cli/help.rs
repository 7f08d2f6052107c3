//! The text of `--help`: one line per flag, in groups, with defaults.

use std::fmt::Write;

use super::flag::{FlagEffect, Spec, Table};
use super::value::ValueKind;

/// The column where the help of a flag begins.
const INDENT: usize = 46;

/// The parts of the help that are not flags.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The program's name.
    pub program: &'static str,
    /// What it does, after its name.
    pub does: &'static str,
    /// Environment variables, each with its meaning.
    pub environment: &'static [(&'static str, &'static str)],
    /// What stands above the flags, each part with its heading: other commands, exit codes.
    pub parts: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

/// Renders the help text.
#[must_use]
pub fn help(page: Page, table: Table) -> String {
    let Page { program, does, environment, parts } = page;
    let mut text = format!(
        "{program} {does}\n\n\
         Usage: {program} [flags]    (-x, --x, --x=value, --x value; booleans only --x or --x=false)\n",
    );
    for (title, lines) in parts {
        pairs(&mut text, title, lines);
    }
    let mut group = "";
    for flag in table.iter().filter(|flag| flag.effect == FlagEffect::Live) {
        if flag.group != group {
            group = flag.group;
            let _ = write!(text, "\n{group}:\n");
        }
        line(&mut text, flag);
    }
    pairs(&mut text, "Environment", environment);
    for (effect, title) in [
        (FlagEffect::Accepted, "Accepted from klog and without effect (logs go to stderr)"),
        (FlagEffect::Retired, "Retired: accepted with a warning"),
    ] {
        let names: Vec<String> = table
            .iter()
            .filter(|flag| flag.effect == effect)
            .map(|flag| format!("--{}", flag.name))
            .collect();
        if !names.is_empty() {
            let _ = write!(text, "\n{title}:\n");
        }
        for names in names.chunks(4) {
            let _ = writeln!(text, "  {}", names.join(" "));
        }
    }
    text
}

fn pairs(text: &mut String, title: &str, lines: &[(&str, &str)]) {
    let _ = write!(text, "\n{title}:\n");
    for (name, meaning) in lines {
        let _ = writeln!(text, "{:<INDENT$}{meaning}", format!("  {name}"));
    }
}

fn line(text: &mut String, flag: &Spec) {
    let value = match flag.kind {
        ValueKind::Bool => "",
        ValueKind::Int => " int",
        ValueKind::Float => " number",
        ValueKind::Duration => " duration",
        ValueKind::Text => " text",
    };
    let shown = format!("  --{}{value}", flag.name);
    let default = match flag.default {
        "" | "false" => String::new(),
        default => format!(" (default {default})"),
    };
    let _ = writeln!(text, "{shown:<INDENT$}{}{default}", flag.help);
}
