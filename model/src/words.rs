//! The form of what `status.error` and events say: the problem, what is known of the snapshot, and what happens next.
//!
//! ```text
//! PROBLEM [OUTCOME; TURN]
//! ```
//!
//! Both programs write this form, and kubectl-snapshots reads it. Backup tools match on it, so docs/compatibility.md has
//! each of its words, and a test compares.

use std::fmt::Write as _;
use std::time::Duration;

/// A message, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// What is wrong.
    pub problem: &'a str,
    /// What is known of the snapshot, where anything is to be known.
    pub outcome: Option<Outcome>,
    /// Who acts next, and when.
    pub turn: Option<Turn>,
}

/// What is known of the snapshot after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// No call for this object can have taken one.
    NotTaken,
    /// Its handle is in status.
    OnRecord,
    /// It is still there.
    NotDeleted,
    /// A call may have taken one whose handle is not on record.
    MayExist,
    /// The same, beside the one whose handle is in status.
    SecondMayExist,
    /// The call that failed may have deleted it.
    MayBeDeleted,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NotTaken,
        Self::OnRecord,
        Self::NotDeleted,
        Self::MayExist,
        Self::SecondMayExist,
        Self::MayBeDeleted,
    ];

    /// Its words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotTaken => "definite: no snapshot was taken",
            Self::OnRecord => "definite: the snapshot is on record",
            Self::NotDeleted => "definite: nothing was deleted",
            Self::MayExist => "in doubt: a snapshot may exist",
            Self::SecondMayExist => "in doubt: a second snapshot may exist",
            Self::MayBeDeleted => "in doubt: it may have been deleted",
        }
    }

    /// Whether it is known for certain.
    #[must_use]
    pub fn is_definite(self) -> bool {
        match self {
            Self::NotTaken | Self::OnRecord | Self::NotDeleted => true,
            Self::MayExist | Self::SecondMayExist | Self::MayBeDeleted => false,
        }
    }
}

/// Who acts next, and when. All of it stays true for as long as the message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// It has failed in these words since an attempt, the one at the time of the error. The pauses double after that.
    Since {
        /// The number of that attempt: one more than the failures in a row before it.
        attempt: u32,
        /// How soon after it the next came, at most.
        next: Duration,
        /// The longest pause between two attempts.
        later: Duration,
    },
    /// It is tried again and again. The count of the event is the number of attempts.
    Again {
        /// The longest pause between two attempts.
        within: Duration,
    },
    /// Somebody else has to act, and that is noticed at once.
    Waits(Awaited),
}

/// What has to change before the snapshot-controller can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    /// The object itself, which only its owner can correct or delete.
    Owner,
    /// A class.
    Class,
    /// A claim.
    Claim,
    /// A PersistentVolume.
    Volume,
    /// A node.
    Node,
    /// The content.
    Content,
    /// Another object, which is in the way.
    Other,
}

impl Awaited {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Owner, Self::Class, Self::Claim, Self::Volume, Self::Node, Self::Content, Self::Other];

    /// Its words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Owner => "its owner",
            Self::Class => "a class",
            Self::Claim => "a claim",
            Self::Volume => "a volume",
            Self::Node => "a node",
            Self::Content => "the content",
            Self::Other => "another object",
        }
    }
}

const SINCE: &str = "since attempt ";
const NEXT: &str = ", the next within ";
const LATER: &str = ", later ones within ";
const AGAIN: &str = "tried again within ";
const WAITS: &str = "waits for ";
const LOOKED_AT: &str = ", looked at again when that changes";

impl Turn {
    /// Its words.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Since { attempt, next, later } => {
                format!("{SINCE}{attempt}{NEXT}{}{LATER}{}", pause(next), pause(later))
            }
            Self::Again { within } => format!("{AGAIN}{}", pause(within)),
            Self::Waits(awaited) => format!("{WAITS}{}{LOOKED_AT}", awaited.text()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(SINCE) {
            let (attempt, rest) = rest.split_once(NEXT)?;
            let (next, later) = rest.split_once(LATER)?;
            let attempt = attempt.parse().ok()?;
            return Some(Self::Since { attempt, next: read_pause(next)?, later: read_pause(later)? });
        }
        if let Some(within) = text.strip_prefix(AGAIN) {
            return Some(Self::Again { within: read_pause(within)? });
        }
        let awaited = text.strip_prefix(WAITS)?.strip_suffix(LOOKED_AT)?;
        Awaited::ALL.into_iter().find(|known| known.text() == awaited).map(Self::Waits)
    }
}

/// Whole seconds where there are any, else milliseconds; never less than the pause.
fn pause(pause: Duration) -> String {
    if pause.subsec_nanos() == 0 {
        return format!("{}s", pause.as_secs());
    }
    format!("{}ms", pause.as_nanos().div_ceil(1_000_000))
}

fn read_pause(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(milliseconds) => milliseconds.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

impl<'a> Words<'a> {
    /// Takes a message apart. One that is not of this form is a problem and nothing more.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        Self::read_all(text).unwrap_or(Self { problem: text, outcome: None, turn: None })
    }

    fn read_all(text: &'a str) -> Option<Self> {
        let (problem, rest) = text.strip_suffix(']')?.rsplit_once(" [")?;
        let (first, second) = match rest.split_once("; ") {
            Some((first, second)) => (first, Some(second)),
            None => (rest, None),
        };
        let outcome = Outcome::ALL.into_iter().find(|known| known.text() == first);
        let turn = match (outcome, second) {
            (Some(_), None) => None,
            (Some(_), Some(second)) => Some(Turn::read(second)?),
            (None, None) => Some(Turn::read(first)?),
            (None, Some(_)) => return None,
        };
        Some(Self { problem, outcome, turn })
    }

    /// The message. Where it would be longer than `limit` bytes, the problem is cut, at a character boundary.
    #[must_use]
    pub fn text(&self, limit: usize) -> String {
        let turn = self.turn.map(Turn::text);
        let parts: Vec<&str> = self.outcome.map(Outcome::text).into_iter().chain(turn.as_deref()).collect();
        let mut end = String::new();
        if !parts.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(end, " [{}]", parts.join("; "));
        }
        let room = limit.saturating_sub(end.len());
        let problem = &self.problem[..self.problem.floor_char_boundary(room)];
        format!("{problem}{end}")
    }

    /// The gRPC code of the driver's answer, as Go spells it.
    #[must_use]
    pub fn code(&self) -> Option<&'a str> {
        self.answer().map(|(code, _)| code)
    }

    /// The code and the text of the driver's answer.
    #[must_use]
    pub fn answer(&self) -> Option<(&'a str, &'a str)> {
        let (before, rest) = self.problem.split_once(CODE)?;
        let (code, description) = rest.split_once(DESCRIPTION)?;
        let unquoted = description.strip_suffix('"').filter(|_| before.ends_with('"'));
        Some((code, unquoted.unwrap_or(description)))
    }
}

const CODE: &str = "rpc error: code = ";
const DESCRIPTION: &str = " desc = ";

/// A failed call in the words of every Go client of gRPC.
#[must_use]
pub fn rpc_error(code: &str, description: &str) -> String {
    format!("{CODE}{code}{DESCRIPTION}{description}")
}

/// The message, as [`Words::text`] writes it, with this turn.
#[must_use]
pub fn with_turn(text: &str, turn: Turn, limit: usize) -> String {
    Words { turn: Some(turn), ..Words::read(text) }.text(limit)
}

#[cfg(test)]
mod tests;
