//! A line of the answer, and all of them.

use super::finding::{Finding, Verdict};
use crate::unread::Unread;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub finding: Finding,
    /// What it is about.
    pub about: String,
    /// What was found.
    pub says: String,
}

impl Line {
    pub fn new(finding: Finding, about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { finding, about: about.into(), says: says.into() }
    }

    /// What could not be read is never well.
    pub fn unread(about: impl Into<String>, unread: &Unread) -> Self {
        Self::new(Finding::MayNotBeRead, about, unread.to_string())
    }

    pub fn verdict(&self) -> Verdict {
        self.finding.meaning().verdict
    }
}

/// All lines, in the order of the checks.
#[derive(Debug, Default)]
pub struct Report {
    pub lines: Vec<Line>,
}

impl Report {
    /// The worst of them.
    pub fn verdict(&self) -> Verdict {
        self.lines.iter().map(Line::verdict).max().unwrap_or(Verdict::Ok)
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict() == verdict).count()
    }
}
