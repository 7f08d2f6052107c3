//! The data of a Secret, which no log line shows.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use jiff::Timestamp;

/// Printed in place of a secret value, as the reference sidecar does.
pub const STRIPPED: &str = "***stripped***";

/// The data of a Secret as text. `Debug` shows only the keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    data: BTreeMap<String, String>,
    written: Option<Timestamp>,
}

impl Secrets {
    /// Wraps values by key.
    #[must_use]
    pub fn new(data: BTreeMap<String, String>) -> Self {
        Self { data, written: None }
    }

    /// Sets when the Secret was last written, if its metadata say so.
    #[must_use]
    pub(crate) fn written_at(self, written: Option<Timestamp>) -> Self {
        Self { written, ..self }
    }

    /// When the Secret was last written.
    #[must_use]
    pub fn written(&self) -> Option<Timestamp> {
        self.written
    }

    /// The values by key, to be sent to the driver only.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, String> {
        self.data
    }

    /// A hash of the values. Its key is random for each process, so guessed values cannot be checked against it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        KEY.hash_one(&self.data)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Keys(&self.data).fmt(f)
    }
}

/// Formats a map of secrets without its values.
pub struct Keys<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|key| (key, STRIPPED))).finish()
    }
}
