//! The metadata of an object. There may be tens of thousands of objects, so it is kept as small as possible.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value};

use super::compact::{Identity, Second};
use super::lenient::Fields;
use super::shared::{Shared, share};

/// `metadata`, as far as it is used. A text that is missing is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    identity: Identity,
    /// `namespace`; empty for a cluster-scoped object.
    pub namespace: Shared,
    /// Whether the spec was changed since its creation: `generation` is above 1.
    pub is_edited: bool,
    created: Option<Second>,
    deleted: Option<Second>,
    /// `finalizers`.
    pub finalizers: Option<Finalizers>,
    /// `labels`, those that the kind keeps; empty but present as the annotations.
    pub labels: Option<Pairs>,
    /// `annotations`, those that the kind keeps. If it keeps none of them, the list is empty but present: a patch must know
    /// whether there is one.
    pub annotations: Option<Pairs>,
    /// `ownerReferences`, if the kind keeps them.
    pub owner_references: Option<Box<[OwnerReference]>>,
}

/// Finalizers in their order. Most objects of a kind have the same ones, so the whole list is kept once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalizers(Shared);

impl Finalizers {
    /// After each name; no qualified name has one.
    const END: char = '\n';

    /// Each name.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(Self::END)
    }
}

impl<N: AsRef<str>> FromIterator<N> for Finalizers {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut text = String::new();
        for name in names {
            text.push_str(name.as_ref());
            text.push(Self::END);
        }
        Self(share(&text))
    }
}

/// Labels or annotations, in order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Box<[(Shared, Shared)]>);

impl Pairs {
    /// The pairs of a JSON object whose value is a text.
    fn of(map: Map<String, Value>) -> Self {
        let pair = |(key, value): (String, Value)| Some((share(&key), share(value.as_str()?)));
        Self::sorted(map.into_iter().filter_map(pair).collect())
    }

    fn sorted(mut pairs: Vec<(Shared, Shared)>) -> Self {
        pairs.sort_unstable();
        Self(pairs.into())
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|at| &*self.0[at].1)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self::sorted(
            pairs.into_iter().map(|(key, value)| (share(key.as_ref()), share(value.as_ref()))).collect(),
        )
    }
}

impl Metadata {
    /// Reads JSON leniently: a field of the wrong type is absent.
    pub(super) fn read(fields: Map<String, Value>) -> Self {
        let mut fields = Fields::of(Value::Object(fields));
        let text = |fields: &mut Fields, name: &str| fields.take::<String>(name).unwrap_or_default();
        let time = |fields: &mut Fields, name: &str| fields.take(name).and_then(Second::of);
        Self {
            identity: Identity::new(
                &text(&mut fields, "name"),
                &text(&mut fields, "uid"),
                &text(&mut fields, "resourceVersion"),
            ),
            namespace: share(&text(&mut fields, "namespace")),
            is_edited: fields.take::<i64>("generation").is_some_and(|generation| generation > 1),
            created: time(&mut fields, "creationTimestamp"),
            deleted: time(&mut fields, "deletionTimestamp"),
            finalizers: fields.take::<Vec<String>>("finalizers").map(Finalizers::from_iter),
            labels: fields.take("labels").map(Pairs::of),
            annotations: fields.take("annotations").map(Pairs::of),
            owner_references: fields.take("ownerReferences"),
        }
    }

    /// `name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.name()
    }

    /// `uid`.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.identity.uid()
    }

    /// `resourceVersion`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.identity.version()
    }

    /// `creationTimestamp`.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.created?.time()
    }

    /// `deletionTimestamp`.
    #[must_use]
    pub fn deleted(&self) -> Option<Timestamp> {
        self.deleted?.time()
    }

    /// The [key](crate::queue::Key) of the object: `namespace/name`, or the name alone if it is cluster-scoped.
    #[must_use]
    pub fn key(&self) -> String {
        if self.namespace.is_empty() {
            self.name().to_owned()
        } else {
            format!("{}/{}", self.namespace, self.name())
        }
    }

    /// Whether it is set: somebody has asked for the deletion of the object.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deleted.is_some()
    }

    /// The names of its finalizers, in their order.
    pub fn finalizer_names(&self) -> impl Iterator<Item = &str> {
        self.finalizers.iter().flat_map(Finalizers::iter)
    }

    /// Whether the object has a finalizer.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizer_names().any(|held| held == finalizer)
    }

    /// The value of an annotation, if the kind keeps it.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finalizers_stay_as_they_were_read() {
        for names in [&[][..], &["a"], &["b", "a", "a"], &[""], &["a", ""]] {
            let finalizers: Finalizers = names.iter().collect();
            assert_eq!(finalizers.iter().collect::<Vec<_>>(), names);
        }
        let read = |finalizers: Value| {
            let Value::Object(fields) = serde_json::json!({ "finalizers": finalizers }) else { panic!() };
            Metadata::read(fields)
        };
        assert!(read(Value::Null).finalizers.is_none() && read("a".into()).finalizers.is_none());
        let held = read(serde_json::json!(["example.com/a", "example.com/b"]));
        assert!(held.has_finalizer("example.com/b") && !held.has_finalizer("example.com"));
    }
}
