//! The name of a program.

use tracing::Metadata;

/// A program built on this crate.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name in logs and help.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The crates whose log lines and spans are kept; those of dependencies are dropped.
    pub crates: &'static [&'static str],
}

impl Program {
    /// Whether an event or a span comes from one of the program's crates.
    pub(crate) fn owns(&self, metadata: &Metadata<'_>) -> bool {
        let of = |name: &&str| {
            let rest = metadata.target().strip_prefix(*name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.crates.iter().any(of)
    }
}
