//! An API object as we hold it: the metadata we use, and the body of its kind.
//!
//! Two promises, for every kind: reading keeps only what decisions use (no managedFields, no
//! annotations of others, however large), and a field of the wrong type reads as absent instead of failing
//! the whole list it stands in.

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod lenient;
mod skip;

pub use lenient::Fields;
use skip::{Parts, Read};

/// A kind: its place in the API, and how its body is read.
pub trait Body: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// [`ClusterResourceScope`](k8s_openapi::ClusterResourceScope) or
    /// [`NamespaceResourceScope`](k8s_openapi::NamespaceResourceScope).
    type Scope: 'static;
    /// API group, "" for the core kinds.
    const GROUP: &'static str;
    /// API version.
    const VERSION: &'static str;
    /// Kind, as in manifests.
    const KIND_NAME: &'static str;
    /// Resource name, as in paths.
    const PLURAL: &'static str;
    /// Fields of the metadata that decisions use, of those that are dropped otherwise: `labels`, `ownerReferences`.
    const KEEPS: &'static [&'static str] = &[];
    /// Takes what this kind needs out of the object.
    fn read(fields: &mut Fields) -> Self;
    /// Whether an annotation is one that decisions use.
    fn keeps(annotation: &str) -> bool;
}

/// An object of kind `B`, slim. Never written back whole: writes are patches.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<B> {
    /// Name, uid, resourceVersion, times, finalizers, and the annotations that `B` keeps. An annotations map
    /// of which nothing is kept stays as an empty map: a patch must know whether there is one.
    pub metadata: ObjectMeta,
    /// The rest.
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

impl<B> Object<B> {
    /// `metadata.name`, "" where a server left it out (none does).
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// What tells it from others of its kind: `namespace/name`, or the name alone where it has no namespace.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        match self.metadata.namespace.as_deref() {
            Some(namespace) if !namespace.is_empty() => format!("{namespace}/{}", self.name()).into(),
            Some(_) | None => self.name().into(),
        }
    }

    /// Whether somebody has asked for its deletion.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// `metadata.uid`, "" where a server left it out (none does).
    #[must_use]
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The value of an annotation that this kind keeps.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }
}
