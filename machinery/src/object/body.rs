//! What a kind says of itself.

use std::fmt::Debug;

use super::lenient::Fields;

/// A kind: its group, version and names, and how its fields are read.
pub trait Body: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// API group, "" for the core group.
    const GROUP: &'static str;
    /// API version, such as `v1`.
    const VERSION: &'static str;
    /// `kind`, as in manifests.
    const KIND_NAME: &'static str;
    /// Plural resource name, as in paths.
    const PLURAL: &'static str;
    /// Metadata fields that are kept although they are dropped by default: `labels`, `ownerReferences`.
    const KEEPS: &'static [&'static str] = &[];
    /// Reads the fields outside the metadata.
    fn read(fields: &mut Fields) -> Self;
    /// Whether an annotation is kept.
    fn keeps(annotation: &str) -> bool;
    /// Whether a label is kept, of a kind that keeps `labels`.
    #[must_use]
    fn keeps_label(_label: &str) -> bool {
        true
    }

    /// `apiVersion`, as in manifests.
    #[must_use]
    fn api_version() -> String {
        api_version(Self::GROUP, Self::VERSION)
    }

    /// The path of the objects of a namespace, or of all.
    #[must_use]
    fn path(namespace: Option<&str>) -> String {
        path(Self::GROUP, Self::VERSION, Self::PLURAL, namespace)
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The path of the objects of a resource, in a namespace or of all.
pub(crate) fn path(group: &str, version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if group.is_empty() { "api" } else { "apis" };
    let of = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
    format!("/{root}/{}{of}/{plural}", api_version(group, version))
}
