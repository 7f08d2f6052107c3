//! What this process remembers of a Secret that was sent.

use std::fmt;

use jiff::Timestamp;

/// What was sent of the Secret that a call names; never what is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SecretSent {
    #[default]
    Unnamed,
    /// One is named that does not exist: the call went out without it.
    Gone,
    Known {
        fingerprint: Fingerprint,
        /// When it was last written, as far as its metadata say.
        written: Option<Timestamp>,
    },
}

impl SecretSent {
    pub(super) fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Known { fingerprint: one, .. }, Self::Known { fingerprint: other, .. }) => one == other,
            (Self::Unnamed, Self::Unnamed) | (Self::Gone, Self::Gone) => true,
            (Self::Unnamed | Self::Gone | Self::Known { .. }, _) => false,
        }
    }

    /// Whether an earlier process may have sent another.
    pub(super) fn may_differ_since(self, created: Option<Timestamp>) -> bool {
        match self {
            Self::Unnamed => false,
            Self::Gone => true,
            Self::Known { written, .. } => written.zip(created).is_some_and(|(written, own)| written > own),
        }
    }
}

/// A number that two sets of secret values share only if they are equal. It is keyed for each process, so that it says
/// nothing about the values, and it is never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}
