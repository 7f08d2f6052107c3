//! Decodes request bodies in protobuf, for the kinds that typed Go clients send: these clients never fall back to JSON.
//!
//! Answers are always JSON, which clients that send protobuf accept.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::messages::{EVENT_OF_EVENTS, Field, MESSAGES, MapOf, Type};

/// The first bytes of every body in protobuf.
const MAGIC: &[u8] = b"k8s\0";

/// The value of one field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Decodes a body; None for kinds and fields that are not in the table, and for anything that is not protobuf.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    let envelope = wire(body.strip_prefix(MAGIC)?)?;
    let part = |wanted: u64| {
        envelope.iter().find_map(|(number, field)| match field {
            Wire::Bytes(bytes) if *number == wanted => Some(*bytes),
            Wire::Bytes(_) | Wire::Number(_) => None,
        })
    };
    let of = message(part(1)?, &[(1, "apiVersion", Type::Text), (2, "kind", Type::Text)])?;
    let kind = of.get("kind")?.as_str()?;
    let message_of = if of.get("apiVersion")? == "events.k8s.io/v1" { EVENT_OF_EVENTS } else { kind };
    let (_, fields) = MESSAGES.iter().find(|(name, _)| *name == message_of)?;
    let mut object = message(part(2)?, fields)?;
    object["apiVersion"] = of["apiVersion"].clone();
    object["kind"] = kind.into();
    Some(object)
}

/// The fields of a message in order; None if it is truncated or has a wire type that Kubernetes does not use.
fn wire(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(value)
            }
            _ => return None,
        };
        fields.push((tag >> 3, field));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Converts a message to JSON. Go writes empty strings, zeros and zero times if nothing was set, so these are left out.
fn message(bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    for (number, field) in wire(bytes)? {
        let (_, name, kind) = fields.iter().find(|(known, ..)| *known == number)?;
        match (kind, field) {
            (Type::Texts, Wire::Bytes(bytes)) => push(&mut object, name, text(bytes)?.into()),
            (Type::Many(fields), Wire::Bytes(bytes)) => push(&mut object, name, message(bytes, fields)?),
            (Type::Inline(fields), Wire::Bytes(bytes)) => {
                if let Value::Object(inner) = message(bytes, fields)? {
                    object.extend(inner);
                }
            }
            (Type::Map(of), Wire::Bytes(bytes)) => {
                let (key, value) = entry(bytes, *of)?;
                if let Value::Object(map) = object.entry(*name).or_insert_with(|| json!({})) {
                    map.insert(key, value);
                }
            }
            (_, field) => {
                let value = single(*kind, &field)?;
                let unset = value.is_null()
                    || (matches!(kind, Type::Text) && value == "")
                    || (matches!(kind, Type::Count) && value == 0);
                if !unset {
                    object.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Some(Value::Object(object))
}

fn push(object: &mut Map<String, Value>, name: &str, item: Value) {
    if let Value::Array(items) = object.entry(name).or_insert_with(|| json!([])) {
        items.push(item);
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn single(kind: Type, field: &Wire<'_>) -> Option<Value> {
    match (kind, field) {
        (Type::Text | Type::Optional, Wire::Bytes(bytes)) => Some(text(bytes)?.into()),
        (Type::Int | Type::Count, Wire::Number(number)) => Some(number.cast_signed().into()),
        (Type::Flag, Wire::Number(number)) => Some((*number != 0).into()),
        (Type::Time, Wire::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%SZ"),
        (Type::MicroTime, Wire::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%S%.6fZ"),
        (Type::One(fields), Wire::Bytes(bytes)) => message(bytes, fields),
        (Type::Json, Wire::Bytes(bytes)) => match wire(bytes)?.as_slice() {
            [(1, Wire::Bytes(json))] => serde_json::from_slice(json).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Converts seconds and nanoseconds since 1970 to a time. If both are zero, there is no time.
fn time(bytes: &[u8], format: &str) -> Option<Value> {
    let parts = message(bytes, &[(1, "seconds", Type::Int), (2, "nanos", Type::Int)])?;
    let number = |name: &str| parts.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (seconds, nanos) = (number("seconds"), i32::try_from(number("nanos")).ok()?);
    if seconds == 0 && nanos == 0 {
        return Some(Value::Null);
    }
    Some(Timestamp::new(seconds, nanos).ok()?.strftime(format).to_string().into())
}

fn entry(bytes: &[u8], of: MapOf) -> Option<(String, Value)> {
    let (mut key, mut value) = ("", &[][..]);
    for (number, field) in wire(bytes)? {
        match (number, field) {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(bytes)) => value = bytes,
            (_, _) => {}
        }
    }
    let value = match of {
        MapOf::Text => text(value)?.into(),
        MapOf::Bytes => BASE64_STANDARD.encode(value).into(),
        MapOf::Quantity => message(value, &[(1, "string", Type::Text)])?.get("string")?.clone(),
    };
    Some((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a field of bytes: its tag, its length and its content.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[number << 3 | 2, length], content].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let of = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC, &field(1, &of), &field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read_and_what_was_not_set_is_left_out() {
        let metadata = [field(1, b"s"), field(2, b""), field(8, b"")].concat();
        let data = [field(1, b"k"), field(2, b"v")].concat();
        let raw = [field(1, &metadata), field(2, &data), field(3, b"Opaque")].concat();
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "dg=="},
                            "type": "Opaque"});
        assert_eq!(decode(&body("Secret", &raw)), Some(secret));
    }

    #[test]
    fn a_field_that_is_not_in_the_table_is_not_dropped_silently() {
        let metadata = field(1, &[field(1, b"s"), vec![7 << 3, 3]].concat());
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "generation": 3}});
        assert_eq!(decode(&body("Secret", &metadata)), Some(secret));
        for unknown in [field(15, b"x"), field(1, &field(15, b"x"))] {
            assert_eq!(decode(&body("Secret", &unknown)), None);
        }
    }

    #[test]
    fn a_claim_is_read_with_its_selector_and_its_managers() {
        let fields = field(7, &field(1, br#"{"f:a":{}}"#));
        let metadata = field(17, &[field(1, b"m"), fields].concat());
        let metadata = [[0x8a, 0x01].as_slice(), &metadata[1..]].concat();
        let label = [field(1, b"a"), field(2, b"b")].concat();
        let spec = [field(4, &field(1, &label)), field(9, b"gold")].concat();
        let raw = [field(1, &metadata), field(2, &spec), field(3, &field(1, b""))].concat();
        let claim = decode(&body("PersistentVolumeClaim", &raw)).expect("read");
        assert_eq!(claim["metadata"]["managedFields"], json!([{"manager": "m", "fieldsV1": {"f:a": {}}}]));
        let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "volumeAttributesClassName": "gold"});
        assert_eq!((&claim["spec"], &claim["status"]), (&spec, &json!({})));
    }

    #[test]
    fn a_volume_is_read_with_its_source_as_a_member_of_its_spec() {
        let source = [field(1, b"d"), field(2, b"h"), vec![3 << 3, 0], field(4, b"")].concat();
        let source = [[0xb2, 0x01].as_slice(), &field(22, &source)[1..]].concat();
        let capacity = [field(1, b"storage"), field(2, &field(1, b"1Gi"))].concat();
        let spec = [field(1, &capacity), field(2, &source), field(5, b"Retain")].concat();
        let volume = decode(&body("PersistentVolume", &field(2, &spec))).expect("read");
        let spec = json!({"capacity": {"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Retain",
                          "csi": {"driver": "d", "volumeHandle": "h", "readOnly": false}});
        assert_eq!(volume["spec"], spec);
        let another = field(2, &field(2, &field(5, b"")));
        assert_eq!(decode(&body("PersistentVolume", &another)), None, "of another source");
    }

    #[test]
    fn what_is_empty_behind_a_pointer_was_set_and_another_empty_value_was_not() {
        let spec = [field(1, b""), vec![5 << 3, 0]].concat();
        let metadata = [field(1, b"l"), vec![7 << 3, 0]].concat();
        let lease = decode(&body("Lease", &[field(1, &metadata), field(2, &spec)].concat())).expect("read");
        assert_eq!(lease["spec"], json!({"holderIdentity": "", "leaseTransitions": 0}));
        assert_eq!(lease["metadata"], json!({"name": "l"}));
        let claim = decode(&body("PersistentVolumeClaim", &field(2, &field(5, b"")))).expect("read");
        assert_eq!(claim["spec"], json!({"storageClassName": ""}));
    }

    #[test]
    fn an_event_is_read_as_its_group_writes_it() {
        let regarding = field(8, &[field(1, b"Secret"), field(3, b"s")].concat());
        let raw = [field(4, b"c"), regarding, field(10, b"n")].concat();
        let of = [field(1, b"events.k8s.io/v1"), field(2, b"Event")].concat();
        let event = decode(&[MAGIC, &field(1, &of), &field(2, &raw)].concat());
        let read = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "reportingController": "c",
                          "regarding": {"kind": "Secret", "name": "s"}, "note": "n"});
        assert_eq!(event, Some(read));
    }

    #[test]
    fn an_unknown_kind_and_a_cut_body_are_not_read() {
        assert_eq!(decode(&body("Widget", b"")), None);
        let whole = body("Secret", &field(1, &field(1, b"s")));
        assert!(decode(&whole).is_some());
        assert_eq!(decode(&whole[..whole.len() - 1]), None);
        assert_eq!(decode(b"{}"), None);
    }
}
