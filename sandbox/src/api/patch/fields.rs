//! Sets of fields in the `FieldsV1` form of managedFields, and the comparison of two states as such sets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shape::{ListKind, Shape};

/// A set of paths. The steps of a path are written as in `FieldsV1`: `f:name`, `v:"value"`, `k:{"key":"value"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// Whether the path that ends here is in the set.
    own: bool,
    below: BTreeMap<String, FieldSet>,
}

/// The metadata that the server owns.
const NEVER_OWNED: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

impl FieldSet {
    fn leaf() -> Self {
        Self { own: true, below: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.own && self.below.is_empty()
    }

    fn add(&mut self, step: String, fields: Self) {
        if !fields.is_empty() {
            self.below.insert(step, fields);
        }
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        let Some(map) = value.as_object() else {
            return Self::default();
        };
        let mut fields = Self { own: map.is_empty() || map.contains_key("."), below: BTreeMap::new() };
        for (step, below) in map.iter().filter(|(step, _)| *step != ".") {
            fields.below.insert(step.clone(), Self::from_json(below));
        }
        fields
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut map: Map<String, Value> =
            self.below.iter().map(|(step, f)| (step.clone(), f.to_json())).collect();
        if self.own && !map.is_empty() {
            map.insert(".".into(), json!({}));
        }
        Value::Object(map)
    }

    /// The union of both sets.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.own |= other.own;
        for (step, theirs) in &other.below {
            let joined = all.below.get(step).map_or_else(|| theirs.clone(), |ours| ours.union(theirs));
            all.below.insert(step.clone(), joined);
        }
        all
    }

    /// The paths of this set that are not in the other.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut left = Self { own: self.own && !other.own, below: BTreeMap::new() };
        for (step, ours) in &self.below {
            left.add(
                step.clone(),
                other.below.get(step).map_or_else(|| ours.clone(), |theirs| ours.minus(theirs)),
            );
        }
        left
    }

    /// This set and every named path above one of its paths.
    pub(crate) fn with_holders(&self) -> Self {
        let mut all = self.clone();
        for (step, below) in &mut all.below {
            *below = below.with_holders();
            below.own |= step.starts_with("f:") && !below.below.is_empty();
        }
        all
    }

    /// The intersection of both sets.
    pub(crate) fn both(&self, other: &Self) -> Self {
        let mut common = Self { own: self.own && other.own, below: BTreeMap::new() };
        for (step, ours) in &self.below {
            if let Some(theirs) = other.below.get(step) {
                common.add(step.clone(), ours.both(theirs));
            }
        }
        common
    }

    /// The paths in the form of messages: `.spec.driver`, `.spec.ports[name="x"].port`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(String::new(), &mut paths);
        paths
    }

    fn collect(&self, path: String, paths: &mut Vec<String>) {
        for (step, below) in &self.below {
            let here = match step.split_once(':') {
                Some(("f", name)) => format!("{path}.{name}"),
                Some((_, rest)) => format!("{path}[{rest}]"),
                None => continue,
            };
            below.collect(here, paths);
        }
        if self.own {
            paths.push(path);
        }
    }

    /// Removes the fields of this set from `object`.
    pub(crate) fn remove_from(&self, object: &mut Value) {
        match object {
            Value::Object(map) => {
                for (step, below) in &self.below {
                    let Some(name) = step.strip_prefix("f:") else {
                        continue;
                    };
                    if below.own {
                        map.remove(name);
                    } else if let Some(member) = map.get_mut(name) {
                        below.remove_from(member);
                    }
                }
            }
            Value::Array(items) => items.retain_mut(|item| {
                let step = self.below.iter().find(|(step, _)| names_item(step, item));
                let Some((_, below)) = step else { return true };
                below.remove_from(item);
                !below.own
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Whether a step like `k:{...}` or `v:...` stands for this list item.
fn names_item(step: &str, item: &Value) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    match step.split_once(':') {
        Some(("v", text)) => parsed(text) == *item,
        Some(("k", text)) => parsed(text)
            .as_object()
            .is_some_and(|keys| keys.iter().all(|(key, value)| item.get(key) == Some(value))),
        Some(_) | None => false,
    }
}

/// The step to an item of a list that is merged item by item; None for an atomic list.
fn item_step(kind: &ListKind, item: &Value) -> Option<String> {
    match kind {
        ListKind::Atomic => None,
        ListKind::Set => Some(format!("v:{item}")),
        ListKind::Map(keys) => {
            let named: Map<String, Value> =
                keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
            Some(format!("k:{}", Value::Object(named)))
        }
    }
}

/// The paths of all fields of a value. With `containers` they include maps and lists that are not empty, as for managers
/// that do not apply. The items of a keyed list are always included.
pub(crate) fn of(value: &Value, shape: Shape<'_>, containers: bool) -> FieldSet {
    let mut fields = FieldSet { own: containers, below: BTreeMap::new() };
    match value {
        Value::Object(map) if !map.is_empty() && !shape.is_atomic_map() => {
            for (name, member) in map {
                fields.add(format!("f:{name}"), of(member, shape.member(name), containers));
            }
        }
        Value::Array(items) if !items.is_empty() && shape.list_kind() != ListKind::Atomic => {
            for item in items {
                let mut below = of(item, shape.item(), containers);
                below.own = true;
                fields.add(item_step(&shape.list_kind(), item).unwrap_or_default(), below);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            return FieldSet::leaf();
        }
    }
    fields
}

/// The difference between two states: the fields that were changed or added, and those that were removed.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) changed: FieldSet,
    pub(crate) removed: FieldSet,
}

/// Compares two states of an object.
pub(crate) fn compare(old: Option<&Value>, new: Option<&Value>, shape: Shape<'_>) -> Difference {
    let mut found = Difference::default();
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => found.removed = of(old, shape, true),
        (None, Some(new)) => found.changed = of(new, shape, true),
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) if !shape.is_atomic_map() => {
            for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
                let below = compare(old.get(name), new.get(name), shape.member(name));
                found.put(&format!("f:{name}"), below);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if shape.list_kind() != ListKind::Atomic => {
            let kind = shape.list_kind();
            let index = |items| -> BTreeMap<String, &Value> { steps(&kind, items) };
            let (old, new) = (index(old), index(new));
            for step in old.keys().chain(new.keys().filter(|step| !old.contains_key(*step))) {
                let mut below = compare(old.get(step).copied(), new.get(step).copied(), shape.item());
                below.changed.own |= !old.contains_key(step);
                below.removed.own |= !new.contains_key(step);
                found.put(step, below);
            }
        }
        (Some(_), Some(_)) => found.changed = FieldSet::leaf(),
    }
    found
}

fn steps<'a>(kind: &ListKind, items: &'a [Value]) -> BTreeMap<String, &'a Value> {
    items.iter().filter_map(|item| Some((item_step(kind, item)?, item))).collect()
}

impl Difference {
    fn put(&mut self, step: &str, below: Self) {
        self.changed.add(step.to_owned(), below.changed);
        self.removed.add(step.to_owned(), below.removed);
    }
}

/// The part of an object that managers can own.
pub(crate) fn ownable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Object(map) = &mut object {
        map.remove("apiVersion");
        map.remove("kind");
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.retain(|name, _| !NEVER_OWNED.contains(&name.as_str()));
            if metadata.is_empty() {
                map.remove("metadata");
            }
        }
    }
    object
}

/// The set without its root and without the containers that no manager owns.
pub(crate) fn rooted(mut fields: FieldSet) -> FieldSet {
    fields.own = false;
    if let Some(metadata) = fields.below.get_mut("f:metadata") {
        metadata.own = false;
        if metadata.is_empty() {
            fields.below.remove("f:metadata");
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_its_wire_form() {
        let wire = json!({"f:spec": {".": {}, "f:a": {}}, "f:metadata": {"f:finalizers": {"v:\"x\"": {}}}});
        assert_eq!(FieldSet::from_json(&wire).to_json(), wire);
    }

    #[test]
    fn what_one_writer_adds_and_another_removes_is_told_apart() {
        let old = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"x": 1, "y": 2}});
        let new = json!({"metadata": {"finalizers": ["b", "c"]}, "spec": {"x": 1, "z": 3}});
        let found = compare(Some(&old), Some(&new), Shape::root(None));
        assert_eq!(found.changed.paths(), [".metadata.finalizers[\"c\"]", ".spec.z"]);
        assert_eq!(found.removed.paths(), [".metadata.finalizers[\"a\"]", ".spec.y"]);
    }

    #[test]
    fn removing_owned_places_leaves_the_rest() {
        let mut object = json!({"env": [{"name": "a", "value": "1"}, {"name": "b"}], "x": 1, "y": 2});
        let owned = json!({"f:env": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}, "f:x": {}});
        FieldSet::from_json(&owned).remove_from(&mut object);
        assert_eq!(object, json!({"env": [{"name": "b"}], "y": 2}));
    }
}
