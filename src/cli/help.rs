//! The text of `--help`: one line a flag, in groups, with defaults.

use std::fmt::Write;

use super::table::{ENVIRONMENT, Flag, Kind, State, flags};

/// Columns taken by a flag before its help begins.
const INDENT: usize = 46;

/// The help text.
#[must_use]
pub fn help() -> String {
    let mut text = String::from(
        "csi-snapshotter takes, follows and deletes the snapshots of the CSI driver beside it.\n\n\
         Usage: csi-snapshotter [flags]    (-x, --x, --x=value, --x value; booleans only --x or --x=false)\n",
    );
    let mut group = "";
    for flag in flags().iter().filter(|flag| flag.state == State::Live) {
        if flag.group != group {
            group = flag.group;
            let _ = write!(text, "\n{group}:\n");
        }
        line(&mut text, flag);
    }
    text.push_str("\nEnvironment:\n");
    for (name, meaning) in ENVIRONMENT {
        let _ = writeln!(text, "{:<INDENT$}{meaning}", format!("  {name}"));
    }
    for (state, title) in [
        (State::Accepted, "Accepted from klog and without effect (logs go to stderr)"),
        (State::Retired, "Retired: accepted with a warning"),
    ] {
        let names: Vec<String> = flags()
            .iter()
            .filter(|flag| flag.state == state)
            .map(|flag| format!("--{}", flag.name))
            .collect();
        let _ = write!(text, "\n{title}:\n");
        for names in names.chunks(4) {
            let _ = writeln!(text, "  {}", names.join(" "));
        }
    }
    text
}

fn line(text: &mut String, flag: &Flag) {
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
