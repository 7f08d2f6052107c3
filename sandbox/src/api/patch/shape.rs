//! Says how each list and map of an object merges: as one value, as a set, or item by item under keys.

use serde_json::Value;

use crate::api::schema::node;

/// How a list is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// It is replaced as a whole.
    Atomic,
    /// It is a set of plain values.
    Set,
    /// Its items are objects that are identified by these members.
    Map(Vec<String>),
}

/// A place in an object: its schema, if the kind has one, and the name of the member, from which the merge rules of
/// core kinds follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    schema: Option<&'a Value>,
    name: &'a str,
}

impl<'a> Shape<'a> {
    /// The root of an object. The schema is None for kinds without one.
    pub(crate) fn root(schema: Option<&'a Value>) -> Self {
        Self { schema, name: "" }
    }

    pub(crate) fn member(&self, name: &'a str) -> Self {
        Self { schema: self.schema.and_then(|s| node::child(s, name)), name }
    }

    pub(crate) fn item(&self) -> Self {
        // Of all lists only ownerReferences has items that are replaced as a whole.
        let name = if self.name == "ownerReferences" { "ownerReference" } else { "" };
        Self { schema: self.schema.and_then(|s| s.get("items")), name }
    }

    /// Whether a map is replaced as a whole.
    pub(crate) fn is_atomic_map(&self) -> bool {
        match self.schema {
            Some(schema) => schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic"),
            None => matches!(
                self.name,
                "involvedObject" | "ownerReference" | "regarding" | "roleRef" | "selector"
            ),
        }
    }

    pub(crate) fn list_kind(&self) -> ListKind {
        let Some(schema) = self.schema else {
            return core_list(self.name);
        };
        match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => ListKind::Set,
            Some("map") => {
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                ListKind::Map(
                    keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
                )
            }
            Some(_) | None => ListKind::Atomic,
        }
    }
}

/// How the lists of metadata and of core kinds are merged.
fn core_list(name: &str) -> ListKind {
    let key = match name {
        "finalizers" => return ListKind::Set,
        "ownerReferences" => "uid",
        "conditions" => "type",
        "ports" => "containerPort",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" | "secrets" => "name",
        _ => return ListKind::Atomic,
    };
    ListKind::Map(vec![key.to_owned()])
}

/// Whether two items of a keyed list have the same keys.
pub(crate) fn same_item(keys: &[String], a: &Value, b: &Value) -> bool {
    keys.iter().all(|key| a.get(key) == b.get(key))
}
