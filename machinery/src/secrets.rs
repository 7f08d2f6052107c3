//! The data of a Secret on its way to the driver.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use jiff::Timestamp;

/// What stands in place of a secret value wherever it would be printed.
pub const STRIPPED: &str = "***stripped***";

/// The data of a Secret as text. Its `Debug` shows the keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    data: BTreeMap<String, String>,
    written: Option<Timestamp>,
}

impl Secrets {
    /// Takes the values by key.
    #[must_use]
    pub fn new(data: BTreeMap<String, String>) -> Self {
        Self { data, written: None }
    }

    /// The same, last written at a time, as far as the Secret's metadata say.
    #[must_use]
    pub fn written_at(self, written: Option<Timestamp>) -> Self {
        Self { written, ..self }
    }

    /// When the Secret was last written.
    #[must_use]
    pub fn written(&self) -> Option<Timestamp> {
        self.written
    }

    /// The values by key, for the driver and nobody else.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, String> {
        self.data
    }

    /// A number that tells these values from any others, keyed by chance for each process: nobody can compute it from
    /// guessed values.
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

/// Shows the keys of a map of secrets.
pub struct Keys<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|key| (key, STRIPPED))).finish()
    }
}
