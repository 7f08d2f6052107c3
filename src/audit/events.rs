//! The events by which sidecars reported what the storage may hold without a reference.

use machinery::object::{Body, Fields};
use serde_json::Value;

use model::facts::Kind;

use super::report::Content;
use crate::metrics::kind_label;

/// core/v1 Event, reduced to what says that a snapshot may be orphaned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    reason: String,
    message: String,
    component: String,
    name: String,
}

impl Body for Event {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "Event";
    const PLURAL: &'static str = "events";

    fn read(fields: &mut Fields) -> Self {
        let mut about = Fields::of(fields.take("involvedObject").unwrap_or_default());
        let mut source = Fields::of(fields.take::<Value>("source").unwrap_or_default());
        Self {
            reason: fields.take("reason").unwrap_or_default(),
            message: fields.take("message").unwrap_or_default(),
            component: source.take("component").unwrap_or_default(),
            name: about.take("name").unwrap_or_default(),
        }
    }

    fn keeps(_annotation: &str) -> bool {
        false
    }
}

impl Event {
    /// The content that it is about and what it says, if it reports a possible orphan of this driver and kind.
    pub fn orphan(self, kind: Kind, driver: &str) -> Option<(Content, String)> {
        let is_ours = self.component.strip_suffix(driver).is_some_and(|rest| rest.ends_with(' '));
        (is_ours && self.reason == kind.names().may_be_orphaned).then(|| {
            let content = Content { kind: kind_label(kind), name: self.name, deletes: false };
            (content, format!("an event says: {}", self.message))
        })
    }
}
