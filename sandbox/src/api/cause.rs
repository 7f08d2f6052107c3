//! The reason why one field of an object was refused.

use serde_json::{Value, json};

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Such as `FieldValueInvalid`.
    pub(crate) reason: String,
    /// Dotted path of the field; `<nil>` means the whole object.
    pub(crate) field: String,
    /// A sentence for a person.
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn new(reason: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), field: field.into(), message: message.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("FieldValueInvalid", field, message)
    }

    pub(crate) fn required(field: impl Into<String>) -> Self {
        Self::new("FieldValueRequired", field, "is required")
    }

    /// Whether validation rules are skipped because of this cause: they may fail on an object of the wrong shape.
    pub(crate) fn hides_rules(&self) -> bool {
        ["NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"]
            .iter()
            .any(|r| self.reason.strip_prefix("FieldValue") == Some(r))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}
