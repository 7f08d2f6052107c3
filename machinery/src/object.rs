//! An API object of any kind, reduced to the metadata and the fields that we use.
//!
//! # Promises
//! - Only what decisions use stays in memory: no managedFields, no annotations of others.
//! - A field of the wrong type reads as absent, so that one odd object does not fail a whole list.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod body;
mod compact;
mod lenient;
mod metadata;
mod shared;
mod skip;

pub use body::Body;
pub(crate) use body::path;
pub use lenient::Fields;
pub use metadata::{Finalizers, Metadata, Pairs};
pub use shared::{Shared, share};
use skip::{Parts, Read};

/// Whether a resourceVersion is older than another. Versions of one resource are growing numbers (Kubernetes API
/// concepts, "Resource versions"); versions that are not numbers cannot be compared.
#[must_use]
pub fn is_before(version: &str, other: &str) -> bool {
    matches!((version.parse::<u64>(), other.parse::<u64>()), (Ok(version), Ok(other)) if version < other)
}

/// An object of kind `B`, in part: write it back by patches only.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<B> {
    /// The metadata.
    pub metadata: Metadata,
    /// The fields outside the metadata.
    pub body: B,
}

impl<'de, B: Body> Deserialize<'de> for Object<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read(Parts { mut metadata, rest, kind: _ }) = Read::<Parts<B>>::deserialize(deserializer)?;
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.retain(|key, _| B::keeps(key));
        }
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            labels.retain(|key, _| B::keeps_label(key));
        }
        Ok(Self { metadata: Metadata::read(metadata), body: B::read(&mut Fields::of(Value::Object(rest))) })
    }
}

impl<B> Object<B> {
    /// `metadata.name`, "" if missing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name()
    }

    /// `metadata.namespace`, "" for a cluster-scoped object.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    /// Its [key](crate::queue::Key).
    #[must_use]
    pub fn key(&self) -> String {
        self.metadata.key()
    }

    /// Whether `metadata.deletionTimestamp` is set.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.metadata.is_deleting()
    }

    /// Whether it has a finalizer.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.metadata.has_finalizer(finalizer)
    }

    /// `metadata.uid`, "" if missing.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.metadata.uid()
    }

    /// `metadata.resourceVersion`, "" if missing.
    #[must_use]
    pub fn version(&self) -> &str {
        self.metadata.version()
    }

    /// Whether this state of an object is newer than another one, or older; `None` if their versions are not numbers.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        let versions = (self.version().parse::<u64>().ok()?, other.version().parse::<u64>().ok()?);
        Some(versions.0.cmp(&versions.1))
    }

    /// The value of a label, if the kind keeps it.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key)
    }

    /// The value of an annotation, if the kind keeps it.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotation(key)
    }
}
