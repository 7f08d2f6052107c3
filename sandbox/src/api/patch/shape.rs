//! Says how each list and map of an object merges: as one value, as a set, or item by item under keys.

use serde_json::Value;

use crate::api::schema::node;

/// How two states of one list become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// As a whole.
    Atomic,
    /// Plain values, each once.
    Set,
    /// Objects that are distinguished by these members.
    Map(Vec<String>),
}

/// A place in an object: the schema there, if the kind has one, and the member's name, by which the lists of
/// core kinds are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    schema: Option<&'a Value>,
    name: &'a str,
}

impl<'a> Shape<'a> {
    /// The top of an object; None for kinds without a schema.
    pub(crate) fn root(schema: Option<&'a Value>) -> Self {
        Self { schema, name: "" }
    }

    pub(crate) fn member(&self, name: &'a str) -> Self {
        Self { schema: self.schema.and_then(|s| node::child(s, name)), name }
    }

    pub(crate) fn item(&self) -> Self {
        // References to owners are the one list whose items are values as a whole.
        let name = if self.name == "ownerReferences" { "ownerReference" } else { "" };
        Self { schema: self.schema.and_then(|s| s.get("items")), name }
    }

    /// Whether a map is one value.
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

/// The lists of metadata and of the core kinds served here that do not merge as one value.
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

/// Whether two items of a keyed list are the same one.
pub(crate) fn same_item(keys: &[String], a: &Value, b: &Value) -> bool {
    keys.iter().all(|key| a.get(key) == b.get(key))
}
