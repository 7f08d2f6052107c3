//! A compiled structural schema, which checks custom resources by types and limits and then by validation rules.

use std::collections::{HashMap, HashSet};

use kube_cel::{CompiledSchema, Validator};
use regex::Regex;
use serde_json::{Map, Value};

use super::limits::{count, format, has_type, number};
use super::node::{child, join, path_name};
use super::prune;
use crate::api::cause::Cause;

/// A schema that is compiled once and used for every object.
pub(crate) struct Schema {
    root: Value,
    /// The patterns that [`walk`] finds. The rare ones inside of `anyOf` and its like are compiled when they are needed.
    patterns: HashMap<String, Regex>,
    rules: Option<(Validator, CompiledSchema)>,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl Schema {
    /// Compiles an `openAPIV3Schema`.
    ///
    /// # Errors
    /// If a pattern or a rule does not compile.
    pub(crate) fn compile(root: Value) -> Result<Self, String> {
        let mut patterns = HashMap::new();
        let mut has_rules = false;
        walk(&root, &mut |node| {
            has_rules |= node.get("x-kubernetes-validations").is_some();
            let typed = ["type", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"];
            if !typed.iter().any(|key| node.get(key).is_some()) {
                return Err("a field has no type".to_owned());
            }
            if let Some(pattern) = node.get("pattern").and_then(Value::as_str) {
                let regex = Regex::new(pattern).map_err(|e| format!("pattern {pattern:?}: {e}"))?;
                patterns.insert(pattern.to_owned(), regex);
            }
            Ok(())
        })?;
        let rules = if has_rules {
            let compiled = kube_cel::compile_schema(&root);
            if let Some(error) = compiled.compilation_errors().first() {
                return Err(format!("x-kubernetes-validations: {error}"));
            }
            Some((Validator::new(), compiled))
        } else {
            None
        };
        Ok(Self { root, patterns, rules })
    }

    /// The schema as the CRD has it.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// Removes unknown fields, adds their paths to `unknown`, and fills in defaults.
    pub(crate) fn normalise(&self, object: &mut Value, unknown: &mut Vec<String>) {
        prune::unknown(&self.root, object, "", true, unknown);
        prune::fill(&self.root, object);
    }

    /// Everything that is wrong with the object. Transition rules compare it with `old`.
    pub(crate) fn check(&self, object: &Value, old: Option<&Value>, mut causes: Vec<Cause>) -> Vec<Cause> {
        self.node(&self.root, object, "", &mut causes);
        let Some((validator, compiled)) = &self.rules else {
            return causes;
        };
        if causes.iter().any(Cause::hides_rules) {
            let why = "some validation rules were not checked because the object was invalid";
            causes.push(Cause::invalid("<nil>", why));
            return causes;
        }
        if let Err(errors) = validator.validate_compiled(compiled, object, old) {
            causes.extend(errors.as_slice().iter().map(|error| {
                let field = if error.field_path.is_empty() { "<nil>" } else { error.field_path.as_str() };
                Cause::new(error.reason.as_deref().unwrap_or("FieldValueInvalid"), field, &error.message)
            }));
        }
        causes
    }

    fn node(&self, schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
        if !has_type(schema, value) {
            let wanted = schema.get("type").and_then(Value::as_str).unwrap_or("integer or string");
            causes.push(Cause::new(
                "FieldValueTypeInvalid",
                path_name(path),
                format!("must be of type {wanted}"),
            ));
            return;
        }
        if value.is_null() {
            return;
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            let list: Vec<String> = allowed.iter().map(Value::to_string).collect();
            let message = format!("supported values: {}", list.join(", "));
            causes.push(Cause::new("FieldValueNotSupported", path_name(path), message));
        }
        self.junctors(schema, value, path, causes);
        match value {
            Value::Object(map) => self.map(schema, map, path, causes),
            Value::Array(items) => self.items(schema, items, path, causes),
            Value::String(text) => self.text(schema, text, path, causes),
            Value::Number(value) => number(schema, value, path, causes),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn map(&self, schema: &Value, map: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = required.as_str().unwrap_or_default();
            if !map.contains_key(name) {
                causes.push(Cause::required(join(path, name)));
            }
        }
        count(schema, ["minProperties", "maxProperties"], map.len(), path, causes);
        for (name, value) in map {
            if path.is_empty() && matches!(name.as_str(), "metadata" | "apiVersion" | "kind") {
                continue;
            }
            if let Some(child) = child(schema, name) {
                self.node(child, value, &join(path, name), causes);
            }
        }
    }

    fn items(&self, schema: &Value, items: &[Value], path: &str, causes: &mut Vec<Cause>) {
        count(schema, ["minItems", "maxItems"], items.len(), path, causes);
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let here = format!("{path}[{index}]");
            if let Some(identity) = identity(schema, item)
                && !seen.insert(identity)
            {
                causes.push(Cause::new("FieldValueDuplicate", &here, "is already in the list"));
            }
            if let Some(child) = schema.get("items") {
                self.node(child, item, &here, causes);
            }
        }
    }

    fn text(&self, schema: &Value, text: &str, path: &str, causes: &mut Vec<Cause>) {
        count(schema, ["minLength", "maxLength"], text.chars().count(), path, causes);
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && let Some(regex) = self.patterns.get(pattern).cloned().or_else(|| Regex::new(pattern).ok())
            && !regex.is_match(text)
        {
            causes.push(Cause::invalid(path, format!("does not match {pattern}")));
        }
        format(schema, text, path, causes);
    }

    /// Checks `allOf`, `anyOf`, `oneOf` and `not`.
    fn junctors(&self, schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
        let judged = |name: &str| -> Option<Vec<Vec<Cause>>> {
            let parts = schema.get(name)?.as_array()?.iter();
            Some(parts.map(|part| self.found(part, value, path)).collect())
        };
        let fitting = |found: &[Vec<Cause>]| found.iter().filter(|causes| causes.is_empty()).count();
        let mut refuse = |why: &str, more: Vec<Cause>| {
            causes.push(Cause::invalid(path_name(path), why));
            causes.extend(more);
        };
        if let Some(found) = judged("allOf").filter(|found| fitting(found) < found.len()) {
            refuse("must validate all the schemas (allOf)", found.concat());
        }
        if let Some(found) = judged("anyOf").filter(|found| fitting(found) == 0) {
            let nearest = found.into_iter().min_by_key(Vec::len).unwrap_or_default();
            refuse("must validate at least one schema (anyOf)", nearest);
        }
        if let Some(found) = judged("oneOf").filter(|found| fitting(found) != 1) {
            let none = fitting(&found) == 0;
            let nearest = found.into_iter().filter(|_| none).min_by_key(Vec::len).unwrap_or_default();
            refuse("must validate one and only one schema (oneOf)", nearest);
        }
        if schema.get("not").is_some_and(|part| self.found(part, value, path).is_empty()) {
            refuse("must not validate the schema (not)", Vec::new());
        }
    }

    /// Everything that is wrong with a value by one schema alone.
    fn found(&self, schema: &Value, value: &Value, path: &str) -> Vec<Cause> {
        let mut causes = Vec::new();
        self.node(schema, value, path, &mut causes);
        causes
    }
}

/// What makes an item of a `set` or `map` list unique, as text.
fn identity(schema: &Value, item: &Value) -> Option<String> {
    match schema.get("x-kubernetes-list-type")?.as_str()? {
        "set" => Some(item.to_string()),
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys")?.as_array()?;
            let values: Vec<String> = keys
                .iter()
                .map(|k| item.get(k.as_str().unwrap_or_default()).unwrap_or(&Value::Null).to_string())
                .collect();
            Some(values.join(","))
        }
        _ => None,
    }
}

/// Visits every node that has its own type, so none inside of `allOf` and its like.
fn walk(schema: &Value, visit: &mut impl FnMut(&Value) -> Result<(), String>) -> Result<(), String> {
    visit(schema)?;
    for child in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        walk(child, visit)?;
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = schema.get(key).filter(|c| c.is_object()) {
            walk(child, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        let rule = json!([{"rule": "self == oldSelf", "message": "cannot change"}]);
        Schema::compile(json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 0},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "fixed": {"type": "string", "x-kubernetes-validations": rule},
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }}}}))
        .expect("compiles")
    }

    fn fields(causes: &[Cause]) -> Vec<(&str, &str)> {
        causes.iter().map(|c| (c.reason.as_str(), c.field.as_str())).collect()
    }

    #[test]
    fn junctors_ranges_and_formats_are_checked() {
        let any = json!([{"required": ["a"]}, {"required": ["b"]}]);
        let small = json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9,
                           "exclusiveMaximum": true, "multipleOf": 2});
        let of = |format: &str, kind: &str| json!({"type": kind, "format": format});
        for (mut schema, good, bad, field) in [
            (json!({"anyOf": any}), json!({"b": 1}), json!({}), "<nil>"),
            (json!({"oneOf": any}), json!({"b": 1}), json!({"a": 1, "b": 1}), "<nil>"),
            (json!({"oneOf": any}), json!({"a": 1}), json!({}), "<nil>"),
            (json!({"allOf": any}), json!({"a": 1, "b": 1}), json!({"a": 1}), "<nil>"),
            (json!({"not": {"required": ["a"]}}), json!({}), json!({"a": 1}), "<nil>"),
            (
                json!({"properties": {"a": {"type": "string", "not": {"pattern": "^x"}}}}),
                json!({"a": "y"}),
                json!({"a": "x"}),
                "a",
            ),
            (json!({"properties": {"a": small}}), json!({"a": 2}), json!({"a": 0}), "a"),
            (json!({"properties": {"a": small}}), json!({"a": 8}), json!({"a": 9}), "a"),
            (json!({"properties": {"a": small}}), json!({"a": 4}), json!({"a": 3}), "a"),
            (
                json!({"properties": {"a": of("int32", "integer")}}),
                json!({"a": -1}),
                json!({"a": 1_u64 << 31}),
                "a",
            ),
            (
                json!({"properties": {"a": of("int64", "integer")}}),
                json!({"a": 1_u64 << 31}),
                json!({"a": u64::MAX}),
                "a",
            ),
            (
                json!({"properties": {"a": of("byte", "string")}}),
                json!({"a": "YQ=="}),
                json!({"a": "YQ"}),
                "a",
            ),
        ] {
            schema["type"] = "object".into();
            let schema = Schema::compile(schema).expect("compiles");
            assert_eq!(schema.check(&good, None, Vec::new()), [], "{good} by {:?}", schema.root());
            let causes = schema.check(&bad, None, Vec::new());
            assert_eq!(causes.first().map(|c| c.field.as_str()), Some(field), "{bad} by {:?}", schema.root());
        }
    }

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let mut object = json!({"kind": "K", "spec": {"size": 1, "x": 1, "open": {"y": 2}}});
        let mut unknown = Vec::new();
        schema().normalise(&mut object, &mut unknown);
        assert_eq!(object, json!({"kind": "K", "spec": {"size": 1, "mode": "a", "open": {"y": 2}}}));
        assert_eq!(unknown, ["spec.x"]);
    }

    #[test]
    fn a_wrong_shape_hides_the_rules_and_a_low_number_does_not() {
        let old = json!({"spec": {"size": 1, "fixed": "a"}});
        let causes = schema().check(&json!({"spec": {"size": "1", "fixed": "b"}}), Some(&old), Vec::new());
        assert_eq!(fields(&causes), [("FieldValueTypeInvalid", "spec.size"), ("FieldValueInvalid", "<nil>")]);
        let causes = schema().check(&json!({"spec": {"size": -1, "fixed": "b"}}), Some(&old), Vec::new());
        assert_eq!(
            fields(&causes),
            [("FieldValueInvalid", "spec.size"), ("FieldValueInvalid", "spec.fixed")]
        );
    }

    #[test]
    fn a_field_without_a_type_is_refused() {
        let broken = json!({"type": "object", "properties": {"status": {"description": "of no type"}}});
        assert!(Schema::compile(broken).is_err());
    }

    #[test]
    fn a_rule_that_does_not_compile_is_refused() {
        let broken = json!({"type": "object", "x-kubernetes-validations": [{"rule": "self +"}]});
        assert!(Schema::compile(broken).is_err());
    }
}
