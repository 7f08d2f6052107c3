//! The data of a Secret on its way to the driver.

use std::collections::BTreeMap;
use std::fmt;

/// What stands in place of a secret value wherever it would be printed.
pub const STRIPPED: &str = "***stripped***";

/// The data of a Secret as text. Its `Debug` shows the keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Takes the values by key.
    #[must_use]
    pub fn new(data: BTreeMap<String, String>) -> Self {
        Self(data)
    }

    /// The values by key, for the driver and nobody else.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Keys(&self.0).fmt(f)
    }
}

/// Shows the keys of a map of secrets.
pub struct Keys<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|key| (key, STRIPPED))).finish()
    }
}
