//! Who manages which fields: `metadata.managedFields`, kept at every write, and server-side apply upon it.

use serde_json::{Value, json};

use super::clock;
use super::fields::{self, Fields};
use super::object::{list, meta_mut, text};
use super::patch;
use super::shape::Shape;
use super::status::Failure;

/// Who writes.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    /// `status`, or "".
    pub(crate) subresource: &'a str,
}

/// One manager's entry.
#[derive(Debug, Clone)]
struct Entry {
    manager: String,
    operation: &'static str,
    api_version: String,
    subresource: String,
    time: String,
    fields: Fields,
}

impl Entry {
    fn is(&self, writer: &Writer<'_>, operation: &str) -> bool {
        self.manager == writer.manager
            && self.operation == operation
            && self.api_version == writer.api_version
            && self.subresource == writer.subresource
    }

    fn of(writer: &Writer<'_>, operation: &'static str, fields: Fields) -> Self {
        Self {
            manager: writer.manager.into(),
            operation,
            api_version: writer.api_version.into(),
            subresource: writer.subresource.into(),
            time: clock::stamp(),
            fields,
        }
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

fn entries(object: Option<&Value>) -> Vec<Entry> {
    let Some(object) = object else { return Vec::new() };
    list(object, "/metadata/managedFields")
        .iter()
        .map(|entry| Entry {
            manager: text(entry, "/manager").into(),
            operation: if text(entry, "/operation") == "Apply" { "Apply" } else { "Update" },
            api_version: text(entry, "/apiVersion").into(),
            subresource: text(entry, "/subresource").into(),
            time: text(entry, "/time").into(),
            fields: Fields::from_json(entry.get("fieldsV1").unwrap_or(&Value::Null)),
        })
        .collect()
}

fn store(object: &mut Value, entries: &[Entry]) {
    let kept: Vec<Value> = entries.iter().filter(|e| !e.fields.is_empty()).map(Entry::to_json).collect();
    meta_mut(object).insert("managedFields".into(), kept.into());
}

/// Writes into `new` who manages what after a create, update or patch that turned `old` into it.
pub(crate) fn track(old: Option<&Value>, new: &mut Value, schema: Option<&Value>, writer: &Writer<'_>) {
    let nothing = json!({});
    let before = old.map(fields::ownable);
    let after = fields::ownable(new);
    let found = fields::compare(Some(before.as_ref().unwrap_or(&nothing)), Some(&after), Shape::root(schema));
    let (changed, removed) = (fields::rooted(found.changed), fields::rooted(found.removed));
    let mut entries = entries(old);
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

/// Server-side apply: the object that results from applying `config` to `live` (None: not there yet).
///
/// # Errors
/// 409 where fields that others manage would change, unless forced.
pub(crate) fn apply(
    live: Option<&Value>,
    config: &Value,
    schema: Option<&Value>,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, Failure> {
    let shape = Shape::root(schema);
    let base = live.cloned().unwrap_or_else(|| json!({}));
    let wanted = fields::ownable(config);
    let owned = fields::rooted(fields::of(&wanted, shape, false));
    let mut merged = patch::overlay(&base, config, shape);

    let mut entries = entries(live);
    let given_up = entries
        .iter()
        .find(|e| e.is(writer, "Apply"))
        .map_or_else(Fields::default, |own| own.fields.minus(&owned));
    let others = |entries: &[Entry]| {
        entries
            .iter()
            .filter(|e| !e.is(writer, "Apply"))
            .fold(Fields::default(), |all, e| all.union(&e.fields))
    };
    given_up.minus(&others(&entries)).remove_from(&mut merged);

    let found = fields::compare(Some(&fields::ownable(&base)), Some(&fields::ownable(&merged)), shape);
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut().filter(|e| !e.is(writer, "Apply")) {
        let contested = entry.fields.both(&found.changed).both(&owned);
        if contested.is_empty() {
            continue;
        }
        conflicts.extend(contested.paths().into_iter().map(|path| (entry.manager.clone(), path)));
        entry.fields = entry.fields.minus(&contested);
    }
    if !force && !conflicts.is_empty() {
        return Err(Failure::apply_conflict(&conflicts));
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
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        track(Some(&old), &mut new, None, &by("y"));
        let owned: Vec<_> =
            list(&new, "/metadata/managedFields").iter().map(|e| e["fieldsV1"].clone()).collect();
        assert_eq!(owned, [json!({"f:data": {"f:b": {}}}), json!({"f:data": {"f:a": {}}})]);
    }
}
