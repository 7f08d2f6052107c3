//! JSON patch (RFC 6902) as the real server applies it.

use std::collections::HashMap;

use json_patch::PatchOperation;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::failure::ApiFailure;

/// The value of an operation as the client wrote it; None if it is null or missing.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// Applies a JSON patch. As in the real server, `replace` adds a missing member, `test` for null succeeds if there is
/// nothing, and any other `test` compares encoded values.
///
/// # Errors
/// 400 if the body is not a patch, 422 if it cannot be applied to the object.
pub(crate) fn json_patch(object: &mut Value, body: &[u8]) -> Result<(), ApiFailure> {
    let bad = |e: serde_json::Error| ApiFailure::bad_request(format!("not a JSON patch: {e}"));
    let operations: Vec<Value> = serde_json::from_slice(body).map_err(bad)?;
    let written: Vec<Written<'_>> = serde_json::from_slice(body).map_err(bad)?;
    for (operation, written) in operations.into_iter().zip(written) {
        apply(object, operation, written.value)?;
    }
    Ok(())
}

fn apply(object: &mut Value, mut operation: Value, written: Option<&RawValue>) -> Result<(), ApiFailure> {
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    let absent = is_absent_member(object, &path);
    let name = operation.get("op").and_then(Value::as_str).unwrap_or_default().to_owned();
    match (name.as_str(), written) {
        ("test", None) if absent => return Ok(()),
        ("test", Some(written)) => {
            let equal = object.pointer(&path).is_some_and(|live| is_encoded(live, written));
            let misfit = || ApiFailure::patch_misfit(&format!("the test of {path:?} failed"));
            return if equal { Ok(()) } else { Err(misfit()) };
        }
        ("replace", _) if absent => operation["op"] = "add".into(),
        (_, _) => {}
    }
    if let Value::Object(members) = &mut operation
        && matches!(name.as_str(), "test" | "add" | "replace")
    {
        members.entry("value").or_insert(Value::Null);
    }
    let parsed: PatchOperation = serde_json::from_value(operation)
        .map_err(|e| ApiFailure::bad_request(format!("not a JSON patch operation: {e}")))?;
    json_patch::patch_unsafe(object, &[parsed]).map_err(|e| ApiFailure::patch_misfit(&e.to_string()))
}

/// Whether the path leads to a member that its object does not have.
fn is_absent_member(object: &Value, path: &str) -> bool {
    let Some((parent, member)) = path.rsplit_once('/') else {
        return false;
    };
    let member = member.replace("~1", "/").replace("~0", "~");
    object.pointer(parent).and_then(Value::as_object).is_some_and(|map| !map.contains_key(&member))
}

/// Whether a value is written as the real server encodes it. The layout of maps and lists does not matter, but strings
/// and numbers are compared byte by byte.
fn is_encoded(live: &Value, written: &RawValue) -> bool {
    let written = written.get();
    match live {
        Value::Object(map) => {
            serde_json::from_str::<HashMap<String, &RawValue>>(written).is_ok_and(|members| {
                members.len() == map.len()
                    && map.iter().all(|(key, value)| members.get(key).is_some_and(|w| is_encoded(value, w)))
            })
        }
        Value::Array(items) => serde_json::from_str::<Vec<&RawValue>>(written).is_ok_and(|list| {
            list.len() == items.len() && items.iter().zip(list).all(|(value, w)| is_encoded(value, w))
        }),
        Value::String(_) => encoded(live) == written,
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => float.to_string() == written,
            None => number.to_string() == written,
        },
        Value::Null => written == "null",
        Value::Bool(value) => written == if *value { "true" } else { "false" },
    }
}

/// A string as Go encodes it in JSON.
fn encoded(text: &Value) -> String {
    let mut out = text.to_string();
    for (plain, escaped) in [
        ("<", r"\u003c"),
        (">", r"\u003e"),
        ("&", r"\u0026"),
        ("\u{2028}", r"\u2028"),
        ("\u{2029}", r"\u2029"),
    ] {
        if out.contains(plain) {
            out = out.replace(plain, escaped);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(object: &Value, patch: &str) -> Result<Value, ApiFailure> {
        let mut object = object.clone();
        json_patch(&mut object, patch.as_bytes()).map(|()| object)
    }

    #[test]
    fn a_test_for_null_passes_where_there_is_nothing() {
        let object = json!({"a": {"c": 1}});
        for (path, value, passes) in [("/a/b", "null", true), ("/a/b", "1", false), ("/a/c", "null", false)] {
            let patch = format!(r#"[{{"op":"test","path":"{path}","value":{value}}}]"#);
            assert_eq!(patched(&object, &patch).is_ok(), passes, "{path} {value}");
        }
    }

    #[test]
    fn a_test_compares_what_was_written_with_what_go_would_write() {
        let object =
            json!({"v": {"s": "a<b>&\u{2028}", "e": "é\n/", "n": 1, "f": 1.5, "z": null, "l": [true]}});
        for (path, value, passes) in [
            ("/v/s", r#""a\u003cb\u003e\u0026\u2028""#, true),
            ("/v/s", "\"a<b>&\u{2028}\"", false),
            ("/v/s", r#""a\u003Cb\u003e\u0026\u2028""#, false),
            ("/v/e", r#""é\n/""#, true),
            ("/v/e", r#""\u00e9\n/""#, false),
            ("/v/e", r#""é\n\/""#, false),
            ("/v/n", "1", true),
            ("/v/n", "1.0", false),
            ("/v/n", "\"1\"", false),
            ("/v/f", "1.5", true),
            ("/v/f", "15e-1", false),
            ("/v/l", "[ true ]", true),
            ("/v/l", "[true, true]", false),
            (
                "/v",
                r#"{"l":[true], "z":null,"f":1.5,"n":1,"e":"é\n/","s":"a\u003cb\u003e\u0026\u2028"}"#,
                true,
            ),
            ("/v", r#"{"l":[true],"z":null,"f":1.5,"n":1,"e":"é\n/","s":"a<b>&\u2028"}"#, false),
            ("/v", r#"{"l":[true],"f":1.5,"n":1,"e":"é\n/","s":"a\u003cb\u003e\u0026\u2028"}"#, false),
        ] {
            let patch = format!(r#"[{{"op":"test","path":"{path}","value":{value}}}]"#);
            let result = patched(&object, &patch);
            assert_eq!(result.is_ok(), passes, "{path} {value}");
            if let Err(refusal) = result {
                assert_eq!((refusal.code, refusal.details), (422, json!({})));
            }
        }
    }

    #[test]
    fn replace_adds_a_member_and_remove_of_nothing_fails() {
        let replaced = patched(&json!({}), r#"[{"op":"replace","path":"/a","value":1}]"#).expect("fits");
        assert_eq!(replaced, json!({"a": 1}));
        let refused = patched(&json!({}), r#"[{"op":"remove","path":"/a"}]"#).expect_err("does not fit");
        assert_eq!((refused.code, refused.details), (422, json!({})));
    }
}
