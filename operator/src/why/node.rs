//! The tree: one node for each object of the chain, with its state and what was last said of it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::fields::{text, words};
use crate::text::age::since;
use crate::text::out::harmless;
use crate::unread::Unread;

/// An object, or what stands in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its kind.
    pub kind: String,
    /// Its key.
    pub name: String,
    /// How it is, in a few words.
    pub state: String,
    /// What else matters, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it is made of, or bound to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}

fn age(object: &Value, place: &str, now: Timestamp) -> Option<String> {
    text(object, place)?.parse().ok().map(|then| since(then, now))
}

impl Node {
    pub fn new(kind: &str, name: &str, state: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned(), state: state.into(), ..Self::default() }
    }

    /// One that could not be read.
    pub fn unread(kind: &str, name: &str, unread: &Unread) -> Self {
        Self::new(kind, name, unread.to_string())
    }

    /// An object with what every kind has: its age, its deletion, and its error.
    pub fn of(kind: &str, name: &str, object: &Value, state: &str, now: Timestamp) -> Self {
        let age_of = |place: &str| age(object, place, now);
        let mut states: Vec<String> = vec![state.to_owned()];
        states.extend(age_of("/metadata/creationTimestamp").map(|age| format!("{age} old")));
        let mut node = Self::new(kind, name, "");
        if let Some(age) = age_of("/metadata/deletionTimestamp") {
            states.push(format!("being deleted for {age}"));
            let held = words(object, "/metadata/finalizers");
            if !held.is_empty() {
                node.notes.push(format!("finalizers: {}", held.join(", ")));
            }
        }
        states.retain(|state| !state.is_empty());
        node.state = states.join(", ");
        if let Some(message) = text(object, "/status/error/message") {
            let age = age_of("/status/error/time").map_or_else(String::new, |age| format!(" ({age} ago)"));
            node.notes.push(format!("error{age}: {}", harmless(message)));
        }
        node
    }

    /// Adds the last events, the newest first.
    pub fn add_events(&mut self, events: &Result<Vec<Value>, Unread>, now: Timestamp) {
        match events {
            Err(unread) => self.notes.push(format!("events: {unread}")),
            Ok(events) => self.notes.extend(events.iter().map(|event| {
                let (severity, reason) = (text(event, "/type"), text(event, "/reason"));
                let age = at(event).map_or_else(|| "?".to_owned(), |then| since(then, now));
                let message = harmless(text(event, "/message").unwrap_or_default());
                let [severity, reason] = [severity, reason].map(Option::unwrap_or_default);
                format!("{age} ago {severity} {reason}: {message}")
            })),
        }
    }
}

/// When an event was last seen.
pub fn at(event: &Value) -> Option<Timestamp> {
    let places = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    places.iter().find_map(|place| text(event, place)?.parse().ok())
}
