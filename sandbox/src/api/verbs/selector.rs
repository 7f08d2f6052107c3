//! Parses label and field selectors, and matches objects with them.

use serde_json::Value;

use crate::api::failure::ApiFailure;
use crate::api::kinds::events;
use crate::api::kinds::kind::{Kind, View};
use crate::api::object::{meta, text};

/// The objects that a list or a watch selects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Label>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Label {
    key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

#[derive(Debug, Clone)]
struct Field {
    path: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`, either of which may be empty.
    ///
    /// # Errors
    /// 400 if one cannot be parsed, or the kind cannot be selected by that field.
    pub(crate) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, ApiFailure> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(kind, fields)? })
    }

    /// Whether every object is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object, in its stored form, is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.fields.iter().all(|f| (field(object, &f.path) == f.value) == f.equal)
            && self.labels.iter().all(|l| l.matches(object))
    }
}

fn field<'a>(object: &'a Value, path: &str) -> std::borrow::Cow<'a, str> {
    let found = match path {
        "metadata.name" => return meta(object, "name").into(),
        "source" => return text(object, "/source/component").into(),
        _ => path.split('.').try_fold(object, |here, member| here.get(member)),
    };
    match found {
        Some(Value::String(text)) => text.as_str().into(),
        Some(other @ (Value::Bool(_) | Value::Number(_))) => other.to_string().into(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => "".into(),
    }
}

impl Label {
    fn matches(&self, object: &Value) -> bool {
        let label = object.get("metadata").and_then(|m| m.get("labels")).and_then(|l| l.get(&self.key));
        let label = label.and_then(Value::as_str);
        let number = || label.and_then(|l| l.parse::<i64>().ok());
        match &self.test {
            Test::Exists => label.is_some(),
            Test::Absent => label.is_none(),
            Test::In(values) => label.is_some_and(|l| values.iter().any(|v| v == l)),
            Test::NotIn(values) => !label.is_some_and(|l| values.iter().any(|v| v == l)),
            Test::Greater(than) => number().is_some_and(|n| n > *than),
            Test::Less(than) => number().is_some_and(|n| n < *than),
        }
    }
}

/// The only name that a field selector selects, or "".
pub(crate) fn only_name(fields: &str) -> &str {
    let mut named = fields.split(',').filter_map(|part| part.trim().strip_prefix("metadata.name="));
    named.next().map_or("", |name| name.trim_start_matches('='))
}

fn parse_fields(kind: &Kind, selector: &str) -> Result<Vec<Field>, ApiFailure> {
    let mut fields = Vec::new();
    for part in selector.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = part.split_once('=') {
            (path, value.trim_start_matches('='), true)
        } else {
            return Err(ApiFailure::bad_request(format!("invalid field selector: {part}")));
        };
        let known = path == "metadata.name"
            || (path == "metadata.namespace" && kind.namespaced)
            || kind.selectable.iter().any(|s| s == path);
        if !known {
            return Err(ApiFailure::bad_request(format!("field label not supported: {path}")));
        }
        let path = if kind.view == View::EventsV1 { events::stored_field(path) } else { path.into() };
        fields.push(Field { path, value: value.into(), equal });
    }
    Ok(fields)
}

/// Splits at commas that are not inside parentheses.
fn parts(selector: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (index, byte) in selector.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&selector[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).collect()
}

fn parse_labels(selector: &str) -> Result<Vec<Label>, ApiFailure> {
    parts(selector).into_iter().map(parse_label).collect()
}

fn parse_label(part: &str) -> Result<Label, ApiFailure> {
    let bad = || ApiFailure::bad_request(format!("unable to parse requirement: {part}"));
    let label = |key: &str, test: Test| {
        let key = key.trim();
        if is_key(key) { Ok(Label { key: key.to_owned(), test }) } else { Err(bad()) }
    };
    if let Some(key) = part.strip_prefix('!') {
        return label(key, Test::Absent);
    }
    if let Some((key, values)) = part.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(bad)?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        return match key.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => label(key, Test::In(values)),
            Some((key, "notin")) => label(key, Test::NotIn(values)),
            Some(_) | None => Err(bad()),
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return label(key, Test::NotIn(vec![value.trim().into()]));
    }
    if let Some((key, value)) = part.split_once('=') {
        return label(key, Test::In(vec![value.trim_start_matches('=').trim().into()]));
    }
    if let Some((key, value)) = part.split_once('>') {
        return label(key, Test::Greater(value.trim().parse().map_err(|_| bad())?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return label(key, Test::Less(value.trim().parse().map_err(|_| bad())?));
    }
    label(part, Test::Exists)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_a_label_requirement_is_understood() {
        let object = json!({"metadata": {"labels": {"a": "1", "b": "x"}}});
        for (selector, selected) in [
            ("a", true),
            ("!a", false),
            ("c", false),
            ("!c", true),
            ("a=1", true),
            ("a==2", false),
            ("a!=2", true),
            ("c!=2", true),
            ("b in (x, y),a", true),
            ("b notin (x)", false),
            ("c notin (x)", true),
            ("a>0", true),
            ("a<1", false),
        ] {
            let labels = parse_labels(selector).expect(selector);
            assert_eq!(Selector { labels, fields: Vec::new() }.matches(&object), selected, "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for selector in ["a b c", "a in x", "a in (x", "a>x", "=b"] {
            assert!(parse_labels(selector).is_err(), "{selector}");
        }
    }
}
