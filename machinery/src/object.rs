//! An API object of any kind, reduced to the metadata and the fields that we use.
//!
//! # Promises
//! - Only what decisions use stays in memory: no managedFields, no annotations of others.
//! - A field of the wrong type reads as absent, so that one odd object does not fail a whole list.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod body;
mod lenient;
mod skip;

pub use body::Body;
pub use lenient::Fields;
use skip::{Parts, Read};

/// An object of kind `B`, in part: write it back by patches only.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<B> {
    /// The metadata, with the annotations that `B` keeps. If it keeps none of them, the map is empty but present: a
    /// patch must know whether there is one.
    pub metadata: ObjectMeta,
    /// The fields outside the metadata.
    pub body: B,
}

impl<'de, B: Body> Deserialize<'de> for Object<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read(Parts { mut metadata, rest, kind: _ }) = Read::<Parts<B>>::deserialize(deserializer)?;
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.retain(|key, value| B::keeps(key) && value.is_string());
        }
        let metadata = serde_json::from_value(Value::Object(metadata)).unwrap_or_default();
        Ok(Self { metadata, body: B::read(&mut Fields::of(Value::Object(rest))) })
    }
}

impl<B: Body> kube::Resource for Object<B> {
    type DynamicType = ();
    type Scope = B::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        B::KIND_NAME.into()
    }
    fn group((): &()) -> Cow<'_, str> {
        B::GROUP.into()
    }
    fn version((): &()) -> Cow<'_, str> {
        B::VERSION.into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        B::PLURAL.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The [key](crate::queue::Key) of an object: `namespace/name`, or the name alone if it is cluster-scoped.
pub(crate) fn key(metadata: &ObjectMeta) -> Cow<'_, str> {
    let name = metadata.name.as_deref().unwrap_or_default();
    match metadata.namespace.as_deref() {
        Some(namespace) if !namespace.is_empty() => format!("{namespace}/{name}").into(),
        Some(_) | None => name.into(),
    }
}

impl<B> Object<B> {
    /// `metadata.name`, "" if missing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its [key](crate::queue::Key).
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        key(&self.metadata)
    }

    /// Whether `metadata.deletionTimestamp` is set.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it has a finalizer.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.metadata.finalizers.iter().flatten().any(|held| held == finalizer)
    }

    /// `metadata.uid`, "" if missing.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The value of an annotation, if the kind keeps it.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }
}
