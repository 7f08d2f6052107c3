//! The registry of all kinds that are currently served: the built-in ones and those of CRDs.

use std::sync::{Arc, RwLock};

use super::built_in::built_in;
use super::kind::Kind;

/// All kinds that are currently served.
#[derive(Debug)]
pub(crate) struct Kinds(RwLock<Arc<Vec<Arc<Kind>>>>);

impl Kinds {
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Arc::new(built_in().into_iter().map(Arc::new).collect())))
    }

    /// The current kinds in the order of discovery.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Kind>>> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.all().iter().find(|k| k.plural == plural && k.version == version && k.group == group).cloned()
    }

    /// Whether any kind is served in the group and version.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        self.all().iter().any(|k| k.group == group && k.version == version)
    }

    /// Serves the same kinds as another registry.
    pub(crate) fn take_from(&self, other: &Self) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = other.all();
    }

    /// Replaces all kinds that are served from `resource` by `new`, which may be empty.
    pub(crate) fn replace(&self, resource: &str, new: Vec<Kind>) {
        let mut kinds = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut next: Vec<Arc<Kind>> = kinds.iter().filter(|k| k.resource != resource).cloned().collect();
        next.extend(new.into_iter().map(Arc::new));
        *kinds = Arc::new(next);
    }
}
