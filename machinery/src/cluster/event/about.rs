//! An event, and the object that it is about.

use crate::object::{Body, Object};

/// The namespace of events about cluster-scoped objects.
const DEFAULT_NAMESPACE: &str = "default";

/// The object that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `apiVersion`, such as `apps/v1`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, also the event's; `None` for a cluster-scoped object, whose events are in `default`.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

impl About {
    /// The object as it is.
    #[must_use]
    pub fn of<B: Body>(object: &Object<B>) -> Self {
        Self {
            api_version: B::api_version(),
            kind: B::KIND_NAME.to_owned(),
            namespace: Some(object.namespace()).filter(|it| !it.is_empty()).map(str::to_owned),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            resource_version: object.version().to_owned(),
        }
    }
}

/// The `type` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// For information.
    Normal,
    /// Something is wrong.
    Warning,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// An event to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `involvedObject`.
    pub about: About,
    /// `type`.
    pub severity: Severity,
    /// `reason`, in CamelCase.
    pub reason: String,
    /// `message`; cut to the length that the API accepts.
    pub message: String,
    /// Exempts the event from the limit per object, because it will not be repeated.
    pub last_word: bool,
}

impl Event {
    pub(super) fn namespace(&self) -> &str {
        self.about.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }
}
