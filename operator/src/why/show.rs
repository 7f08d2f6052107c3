//! The answer as text or as data.

use serde::Serialize;
use snapshot_controller::decide::{content, step};

use super::finding::{Meaning, Turn};
use super::judge::Found;
use super::node::Node;
use crate::arguments::Data;
use crate::text::out::harmless;
use crate::text::paint::{Paint, Tone};

/// What was found about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The objects.
    pub tree: Node,
    /// What was found.
    pub found: Found,
    /// What the snapshot-controller's own decision was, unless it could not be asked.
    pub decided: Option<Decided>,
}

/// What the snapshot-controller would do next about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// The next step of a snapshot or of a group.
    User(step::Step),
    /// The next step of a content, for its own sake.
    Content(content::Step),
    /// Whether the finalizer of a claim goes.
    Freed(bool),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    finding: &'static str,
    turn: Turn,
    means: &'static str,
    waits: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    next: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    remedy: &'static str,
    tree: &'a Node,
}

impl Answer {
    pub(super) fn new(tree: Node, found: Found, decided: Option<Decided>) -> Self {
        Self { tree, found, decided }
    }

    /// The name of what was found.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.found.finding.meaning().id
    }

    /// The whole answer.
    ///
    /// # Errors
    /// It cannot be written as data.
    pub fn show(&self, form: Option<Data>, paint: Paint) -> anyhow::Result<String> {
        let Meaning { id, turn, means, remedy } = self.found.finding.meaning();
        let Found { waits, next, .. } = &self.found;
        let shown = Shown { finding: id, turn, means, waits, next, remedy, tree: &self.tree };
        Ok(match form {
            None => self.text(paint),
            Some(Data::Json) => serde_json::to_string_pretty(&shown)? + "\n",
            Some(Data::Yaml) => serde_saphyr::to_string(&shown)?,
        })
    }

    fn text(&self, paint: Paint) -> String {
        let Meaning { id, turn, remedy, .. } = self.found.finding.meaning();
        let mut text = String::new();
        branch(&mut text, &self.tree, paint, ("", ""));
        let tone = if self.found.finding.is_well() { Tone::Good } else { Tone::Odd };
        let waits = paint.tone(tone, &harmless(&self.found.waits));
        let id = paint.tone(Tone::Faint, &format!("[{id}]"));
        text.extend(["\n", &waits, " ", &id, "\n"]);
        let mut line = |name: &str, says: &str| {
            if !says.is_empty() {
                text.extend([&*paint.tone(Tone::Strong, &format!("{name:<10}")), &harmless(says), "\n"]);
            }
        };
        line("Turn:", turn.words());
        line("Next:", &self.found.next);
        line("You can:", remedy);
        text
    }
}

/// A node and those below it. `first` stands before it, and `rest` before what belongs to it.
fn branch(text: &mut String, node: &Node, paint: Paint, (first, rest): (&str, &str)) {
    let name = if node.name.is_empty() { String::new() } else { format!(" {}", harmless(&node.name)) };
    let title = paint.tone(Tone::Strong, &format!("{}{name}", node.kind));
    text.extend([first, &*title, ": ", &harmless(&node.state), "\n"]);
    let below = if node.parts.is_empty() { "  " } else { "│ " };
    for note in &node.notes {
        text.extend([rest, below, &*paint.tone(Tone::Faint, &harmless(note)), "\n"]);
    }
    for (at, part) in node.parts.iter().enumerate() {
        let (corner, line) =
            if at + 1 == node.parts.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        branch(text, part, paint, (&format!("{rest}{corner}"), &format!("{rest}{line}")));
    }
}
