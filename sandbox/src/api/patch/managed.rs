//! Keeps `metadata.managedFields` up to date with every write, and implements server-side apply.

use serde_json::{Map, Value, json};

use super::fields::{self, FieldSet};
use super::merge;
use super::shape::Shape;
use crate::api::clock;
use crate::api::failure::ApiFailure;
use crate::api::object::{meta_mut, text};

/// The field manager of kubectl for server-side apply, and the annotation of its client-side apply.
const KUBECTL: &str = "kubectl";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The manager of the fields that existed before any manager was recorded.
const BEFORE: &str = "before-first-apply";

/// The manager that writes.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    /// `status`, or "".
    pub(crate) subresource: &'a str,
}

/// One entry of managedFields.
#[derive(Debug, Clone)]
struct Entry {
    manager: String,
    operation: &'static str,
    api_version: String,
    subresource: String,
    time: String,
    fields: FieldSet,
}

impl Entry {
    fn is(&self, writer: &Writer<'_>, operation: &str) -> bool {
        self.manager == writer.manager
            && self.operation == operation
            && self.api_version == writer.api_version
            && self.subresource == writer.subresource
    }

    fn of(writer: &Writer<'_>, operation: &'static str, fields: FieldSet) -> Self {
        Self {
            manager: writer.manager.into(),
            operation,
            api_version: writer.api_version.into(),
            subresource: writer.subresource.into(),
            time: clock::stamp(),
            fields,
        }
    }

    /// The name of the manager in the message of a conflict.
    fn who(&self) -> String {
        let place = match self.subresource.as_str() {
            "" => String::new(),
            subresource => format!(" with subresource {subresource:?}"),
        };
        let version = match self.operation {
            "Update" => format!(" using {}", self.api_version),
            _ => String::new(),
        };
        format!("{:?}{place}{version}", self.manager)
    }

    fn to_json(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json(),
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.as_str().into();
        }
        entry
    }
}

fn entries(managers: Option<&Value>) -> Vec<Entry> {
    let managers = managers.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    managers
        .iter()
        .map(|entry| Entry {
            manager: text(entry, "/manager").into(),
            operation: if text(entry, "/operation") == "Apply" { "Apply" } else { "Update" },
            api_version: text(entry, "/apiVersion").into(),
            subresource: text(entry, "/subresource").into(),
            time: text(entry, "/time").into(),
            fields: FieldSet::from_json(entry.get("fieldsV1").unwrap_or(&Value::Null)),
        })
        .collect()
}

fn managers(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/managedFields")
}

fn store(object: &mut Value, entries: &[Entry]) {
    let mut kept: Vec<&Entry> = entries.iter().filter(|e| !e.fields.is_empty()).collect();
    kept.sort_by_key(|e| (e.operation, &e.time, &e.manager, &e.api_version, &e.subresource));
    let kept: Vec<Value> = kept.into_iter().map(Entry::to_json).collect();
    if kept.is_empty() {
        meta_mut(object).remove("managedFields");
    } else {
        meta_mut(object).insert("managedFields".into(), kept.into());
    }
}

/// The entries that a write starts with: those in the request if they are valid; none if the request has an empty entry,
/// or an empty list for a built-in kind, since that is how clients reset them; otherwise those of the old state. A
/// write to a subresource cannot set them.
fn known(old: &Value, named: Option<&Value>, custom: bool, writer: &Writer<'_>) -> Vec<Entry> {
    let is_whole = |entry: &Value| {
        text(entry, "/fieldsType") == "FieldsV1" && matches!(text(entry, "/operation"), "Apply" | "Update")
    };
    match named.and_then(Value::as_array).map(Vec::as_slice).filter(|_| writer.subresource.is_empty()) {
        Some([]) if custom => entries(managers(old)),
        Some([]) => Vec::new(),
        Some([one]) if one.as_object().is_some_and(Map::is_empty) => Vec::new(),
        Some(list) if list.iter().all(is_whole) => entries(named),
        Some(_) | None => entries(managers(old)),
    }
}

/// Updates managedFields in `new` after a create, update or patch of `old`. `named` are the entries in the request. An
/// existing object without entries gets none until a client applies to it.
pub(crate) fn track(
    old: Option<&Value>,
    new: &mut Value,
    named: Option<&Value>,
    schema: Option<&Value>,
    writer: &Writer<'_>,
) {
    let nothing = json!({});
    let before = old.map(fields::ownable);
    let after = fields::ownable(new);
    let found = fields::compare(Some(before.as_ref().unwrap_or(&nothing)), Some(&after), Shape::root(schema));
    let (changed, removed) = (fields::rooted(found.changed), fields::rooted(found.removed));
    let mut entries = old.map(|old| known(old, named, schema.is_some(), writer)).unwrap_or_default();
    if old.is_some() && entries.is_empty() {
        store(new, &entries);
        return;
    }
    for entry in &mut entries {
        entry.fields = entry.fields.minus(&removed);
        if !entry.is(writer, "Update") {
            entry.fields = entry.fields.minus(&changed);
        }
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|e| e.is(writer, "Update")) {
            Some(own) => {
                own.fields = own.fields.union(&changed);
                own.time = clock::stamp();
            }
            None => entries.push(Entry::of(writer, "Update", changed)),
        }
    }
    store(new, &entries);
}

/// Applies `config` to `live` on the server side, and returns the result. `live` is None if the object does not exist.
///
/// # Errors
/// 400 if the configuration has managedFields, 409 if fields of other managers would change, unless it is forced.
pub(crate) fn apply(
    live: Option<&Value>,
    config: &Value,
    schema: Option<&Value>,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, ApiFailure> {
    if managers(config).is_some_and(|managers| !managers.is_null()) {
        return Err(ApiFailure::bad_request("metadata.managedFields must be nil"));
    }
    let shape = Shape::root(schema);
    let base = live.cloned().unwrap_or_else(|| json!({}));
    let wanted = fields::ownable(config);
    let owned = fields::rooted(fields::of(&wanted, shape, false));
    let mut merged = merge::overlay(&base, config, shape);

    let mut entries = entries(managers(&base));
    if live.is_some() && entries.is_empty() {
        let all = fields::rooted(fields::of(&fields::ownable(&base), shape, true));
        entries.push(Entry::of(&Writer { manager: BEFORE, ..writer.clone() }, "Update", all));
    }
    let given_up = entries
        .iter()
        .find(|e| e.is(writer, "Apply"))
        .map_or_else(FieldSet::default, |own| own.fields.with_holders().minus(&owned.with_holders()));
    let others = |entries: &[Entry]| {
        entries
            .iter()
            .filter(|e| !e.is(writer, "Apply"))
            .fold(FieldSet::default(), |all, e| all.union(&e.fields))
    };
    fields::rooted(given_up.minus(&others(&entries).with_holders())).remove_from(&mut merged);

    let found = fields::compare(Some(&fields::ownable(&base)), Some(&fields::ownable(&merged)), shape);
    let own =
        if writer.manager == KUBECTL { applied_last(&base, shape, writer) } else { FieldSet::default() };
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut().filter(|e| !e.is(writer, "Apply")) {
        let contested = entry.fields.both(&found.changed).both(&owned);
        if contested.is_empty() {
            continue;
        }
        let conflicting = contested.minus(&own).paths();
        conflicts.extend(conflicting.into_iter().map(|path| (entry.who(), path)));
        entry.fields = entry.fields.minus(&contested);
    }
    if !force && !conflicts.is_empty() {
        return Err(ApiFailure::apply_conflict(&conflicts));
    }
    match entries.iter_mut().find(|e| e.is(writer, "Apply")) {
        Some(own) if own.fields == owned && found.changed.is_empty() && found.removed.is_empty() => {}
        Some(own) => {
            own.fields = owned;
            own.time = clock::stamp();
        }
        None => entries.push(Entry::of(writer, "Apply", owned)),
    }
    store(&mut merged, &entries);
    note_applied(&mut merged, config, writer);
    Ok(merged)
}

/// The fields that kubectl's client-side apply has written and that have not changed since. kubectl may change them by
/// server-side apply, although their entry has the name of another manager.
fn applied_last(live: &Value, shape: Shape<'_>, writer: &Writer<'_>) -> FieldSet {
    let noted = live.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
    let noted = noted.and_then(Value::as_str).and_then(|noted| serde_json::from_str::<Value>(noted).ok());
    let Some(noted) = noted.filter(|noted| text(noted, "/apiVersion") == writer.api_version) else {
        return FieldSet::default();
    };
    let noted = fields::ownable(&noted);
    let since = fields::compare(Some(&noted), Some(&fields::ownable(live)), shape);
    fields::rooted(fields::of(&noted, shape, false)).minus(&since.changed).minus(&since.removed)
}

/// Updates the annotation of kubectl's client-side apply, if there is one, after kubectl has applied on the server.
fn note_applied(merged: &mut Value, config: &Value, writer: &Writer<'_>) {
    let note =
        meta_mut(merged).get_mut("annotations").and_then(|annotations| annotations.get_mut(LAST_APPLIED));
    let Some(note) = note.filter(|_| writer.manager == KUBECTL) else { return };
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = meta_mut(&mut config).get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
    *note = format!("{config}\n").into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::object::list;

    fn by(manager: &str) -> Writer<'_> {
        Writer { manager, api_version: "v1", subresource: "" }
    }

    fn config(value: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "data": value})
    }

    #[test]
    fn a_field_left_out_of_the_next_apply_is_removed() {
        let first =
            apply(None, &config(&json!({"a": "1", "b": "2"})), None, &by("x"), false).expect("applies");
        let second =
            apply(Some(&first), &config(&json!({"a": "1"})), None, &by("x"), false).expect("applies");
        assert_eq!(second["data"], json!({"a": "1"}));
    }

    #[test]
    fn a_field_of_another_manager_is_a_conflict_unless_forced() {
        let first = apply(None, &config(&json!({"a": "1"})), None, &by("x"), false).expect("applies");
        let other = config(&json!({"a": "2"}));
        let refused = apply(Some(&first), &other, None, &by("y"), false).expect_err("conflict");
        assert_eq!(refused.details["causes"][0]["field"], ".data.a");
        assert_eq!(refused.message, "Apply failed with 1 conflict: conflict with \"x\": .data.a");
        let forced = apply(Some(&first), &other, None, &by("y"), true).expect("forced");
        assert_eq!(forced["data"]["a"], "2");
        let managers: Vec<_> =
            list(&forced, "/metadata/managedFields").iter().map(|e| text(e, "/manager")).collect();
        assert_eq!(managers, ["y"], "x owned nothing else");
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let old = apply(None, &config(&json!({"a": "1", "b": "1"})), None, &by("x"), false).expect("applies");
        let mut new = old.clone();
        new["data"]["a"] = "2".into();
        track(Some(&old), &mut new, None, None, &by("y"));
        let owned: Vec<_> =
            list(&new, "/metadata/managedFields").iter().map(|e| e["fieldsV1"].clone()).collect();
        assert_eq!(owned, [json!({"f:data": {"f:b": {}}}), json!({"f:data": {"f:a": {}}})]);
    }

    #[test]
    fn kubectl_takes_over_on_the_server_what_it_applied_itself_and_nothing_else() {
        let noted = config(&json!({"a": "1", "b": "1"})).to_string();
        let mut live = config(&json!({"a": "1", "b": "1"}));
        live["metadata"]["annotations"] = json!({LAST_APPLIED: noted});
        let made = track_new(&live, "kubectl-client-side-apply");
        let wanted = config(&json!({"a": "2"}));
        let refused = apply(Some(&made), &wanted, None, &by("another"), false).expect_err("not kubectl");
        assert_eq!(refused.details["causes"][0]["field"], ".data.a");
        let taken = apply(Some(&made), &wanted, None, &by(KUBECTL), false).expect("its own");
        assert_eq!(taken["data"], json!({"a": "2", "b": "1"}));
        assert_eq!(taken["metadata"]["annotations"][LAST_APPLIED], format!("{wanted}\n"));
        let mut changed = made.clone();
        changed["data"]["a"] = "9".into();
        track(Some(&made), &mut changed, None, None, &by("y"));
        let refused = apply(Some(&changed), &wanted, None, &by(KUBECTL), false).expect_err("y's now");
        assert_eq!(refused.details["causes"][0]["field"], ".data.a");
    }

    #[test]
    fn a_write_can_rename_managers_and_forget_them_but_not_by_what_cannot_be_read() {
        let old = apply(None, &config(&json!({"a": "1"})), None, &by("x"), false).expect("applies");
        let left = |named: &Value, schema: Option<&Value>| -> Vec<String> {
            let mut new = old.clone();
            track(Some(&old), &mut new, Some(named), schema, &by("y"));
            list(&new, "/metadata/managedFields").iter().map(|e| text(e, "/manager").into()).collect()
        };
        let mut renamed = old["metadata"]["managedFields"].clone();
        renamed[0]["manager"] = "z".into();
        for (named, managers) in [
            (renamed, &["z"][..]),
            (json!([]), &[]),
            (json!([{}]), &[]),
            (json!([{"manager": "z", "operation": "Update"}]), &["x"]),
            (json!([{"manager": "z", "fieldsType": "FieldsV1"}]), &["x"]),
            (Value::Null, &["x"]),
        ] {
            assert_eq!(left(&named, None), managers, "{named}");
        }
        assert_eq!(left(&json!([]), Some(&json!({}))), ["x"], "custom resources lose empty lists");
    }

    #[test]
    fn those_who_apply_come_first_and_own_references_as_wholes() {
        let mut wanted = config(&json!({"a": "1"}));
        let first = track_new(&wanted, "x");
        wanted["metadata"]["ownerReferences"] = json!([{"uid": "u", "name": "n"}]);
        let applied = apply(Some(&first), &wanted, None, &by("y"), false).expect("nothing changes");
        let managers = list(&applied, "/metadata/managedFields");
        assert_eq!(managers.iter().map(|e| text(e, "/manager")).collect::<Vec<_>>(), ["y", "x"]);
        let owners = json!({"k:{\"uid\":\"u\"}": {}});
        assert_eq!(managers[0]["fieldsV1"]["f:metadata"]["f:ownerReferences"], owners);
    }

    fn track_new(object: &Value, manager: &str) -> Value {
        let mut made = object.clone();
        track(None, &mut made, None, None, &by(manager));
        made
    }

    #[test]
    fn a_map_goes_with_its_last_place_and_stays_as_long_as_another_manages_one() {
        let both = apply(None, &config(&json!({"a": "1"})), None, &by("x"), false).expect("applies");
        let other = apply(Some(&both), &config(&json!({"b": "1"})), None, &by("y"), false).expect("applies");
        let mut bare = config(&Value::Null);
        bare.as_object_mut().expect("an object").remove("data");
        let left = apply(Some(&other), &bare, None, &by("x"), false).expect("applies");
        assert_eq!(left["data"], json!({"b": "1"}));
        let left = apply(Some(&left), &bare, None, &by("y"), false).expect("applies");
        assert_eq!(left.get("data"), None);
        let mut held = other.clone();
        held["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]["."] = json!({});
        let left = apply(Some(&held), &bare, None, &by("x"), false).expect("applies");
        assert_eq!(left["data"], json!({"b": "1"}), "x managed the map itself as well");
    }

    #[test]
    fn what_nobody_managed_before_the_first_apply_is_a_conflict_as_well() {
        let live = config(&json!({"a": "1"}));
        let mut new = live.clone();
        new["data"]["b"] = "1".into();
        track(Some(&live), &mut new, None, None, &by("y"));
        assert_eq!(managers(&new), None, "nothing is written down");
        let refused =
            apply(Some(&live), &config(&json!({"a": "2"})), None, &by("x"), false).expect_err("conflict");
        let message = "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a";
        assert_eq!(refused.message, message);
        let mut named = config(&json!({"a": "1"}));
        named["metadata"]["managedFields"] = json!([{}]);
        assert_eq!(apply(Some(&live), &named, None, &by("x"), false).expect_err("named").code, 400);
    }
}
