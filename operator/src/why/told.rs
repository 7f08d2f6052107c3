//! What a program has told of itself that the rules cannot see from here: its flags, its rights, and what refuses its writes.

use jiff::Timestamp;
use model::names::MANAGED_BY;
use model::words::{Awaited, Turn as Next, Words};
use serde_json::Value;
use snapshot_controller::decide::content::STRANDED;
use snapshot_controller::decide::step::GROUP_HIDDEN;

use super::finding::{Finding, Turn};
use super::judge::{Found, foreign};
use super::next::{awaits, tried_again, without_turn};
use crate::fields::{each, text};

const WITH_THE_RIGHT: &str =
    "the deletion goes on as soon as the snapshot-controller may get, list and watch group snapshots";

/// What the snapshot-controller waits for with a user's object, if it has said more of that than can be seen from here.
/// Only an object that it would go on with from here is asked, so that what it said before it went on counts no more.
pub fn by_controller(found: Found, object: &Value, content: Option<&Value>, events: &[Value]) -> Found {
    let last = events.first().filter(|last| text(last, "/type") == Some("Warning"));
    let event = last.and_then(|last| text(last, "/message")).unwrap_or_default();
    // It names the node of the content, which may have got another since.
    let labels = content.and_then(|content| content.pointer("/metadata/labels"));
    let node = labels.and_then(|labels| labels.get(MANAGED_BY)?.as_str());
    let is_of_now = node.is_none_or(|node| event.contains(&format!("{node:?}")));
    let is_stranded = is_of_now && last.is_some_and(|last| text(last, "/reason") == Some(STRANDED));
    let turn = found.finding.meaning().turn;
    if is_stranded && [Turn::Controller, Turn::Sidecar, Turn::Driver].contains(&turn) {
        return Found::new(Finding::NoNodeFits, without_turn(event), awaits(Awaited::Node));
    }
    if found.finding != Finding::ControllerActs {
        return found;
    }
    if event.starts_with(GROUP_HIDDEN) {
        return Found::new(Finding::GroupHidden, event, WITH_THE_RIGHT);
    }
    for message in [text(object, "/status/error/message").unwrap_or_default(), event] {
        match Words::read(message).turn {
            Some(Next::Waits(Awaited::Node)) => {
                return Found::new(Finding::NoNodeFits, without_turn(message), awaits(Awaited::Node));
            }
            Some(Next::Again { .. }) => {
                let waits = format!("{}; the last answer was: {}", found.waits, without_turn(message));
                return Found::new(Finding::WriteRefused, waits, tried_again(message, None));
            }
            Some(Next::Since { .. } | Next::Waits(_)) | None => {}
        }
    }
    found
}

/// What was found, with the time of the next attempt as the error of the content tells it.
pub fn with_error(found: Found, content: Option<&Value>, now: Timestamp) -> Found {
    let is_told =
        matches!(found.finding, Finding::DriverFails | Finding::DeletionFails | Finding::DeletionInDoubt);
    let Some(error) = content.and_then(|content| content.pointer("/status/error")).filter(|_| is_told) else {
        return found;
    };
    let written: Option<Timestamp> = text(error, "/time").and_then(|time| time.parse().ok());
    match text(error, "/message") {
        Some(message) => Found { next: tried_again(message, written.map(|written| (written, now))), ..found },
        None => found,
    }
}

/// What was found, with the finalizers that a content is kept by: the rules see no names but their own.
pub fn with_finalizers(found: Found, content: Option<&Value>) -> Found {
    let is_kept = |content: &&Value| content.pointer("/metadata/deletionTimestamp").is_some();
    match content.filter(is_kept) {
        Some(content) if found.finding == Finding::ForeignFinalizer => {
            foreign(each(content, "/metadata/finalizers").filter_map(Value::as_str))
        }
        Some(_) | None => found,
    }
}
