//! Renders events as API objects and patches.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::about::Event;

/// The API's limit of a message, in bytes; the rest is cut.
pub const LONGEST_MESSAGE: usize = 1024;
/// The API's limit of a name, in bytes.
const LONGEST_NAME: usize = 253;

pub(super) fn first(name: &str, component: &str, event: &Event, message: &str, wall: Timestamp) -> Value {
    let about = &event.about;
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": event.namespace()},
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "uid": about.uid,
            "resourceVersion": about.resource_version,
        },
        "type": event.severity.word(),
        "reason": event.reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": Time(wall),
        "lastTimestamp": Time(wall),
        "count": 1,
    });
    if let Some(namespace) = &about.namespace {
        object["involvedObject"]["namespace"] = json!(namespace);
    }
    object
}

pub(super) fn repeated(count: u32, message: &str, wall: Timestamp) -> Value {
    json!({"count": count, "message": message, "lastTimestamp": Time(wall)})
}

/// The message, cut at a character boundary to the API's limit.
pub(super) fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

/// The name of an Event: the object's name and a unique number. The object's name is cut to the API's limit, without a
/// `.` or `-` at its end.
pub(super) fn event_name(object: &str, number: u64) -> String {
    let suffix = format!(".{number:016x}");
    let stem = &object[..object.floor_char_boundary(LONGEST_NAME - suffix.len())];
    format!("{}{suffix}", stem.trim_end_matches(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_a_character_boundary() {
        let long = "é".repeat(1000);
        assert_eq!(shortened(&long).len(), 1024);
        let odd = format!("x{long}");
        assert_eq!(shortened(&odd).len(), 1023);
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn an_event_name_is_valid_however_long_the_name_of_the_object() {
        assert_eq!(event_name("snapcontent-1", 0xabc), "snapcontent-1.0000000000000abc");
        assert_eq!(event_name(&"a".repeat(253), 1).len(), 253);
        let dots = format!("{}.-.", "a".repeat(233));
        assert_eq!(event_name(&dots.repeat(2), 1), format!("{}.{:016x}", "a".repeat(233), 1));
    }
}
