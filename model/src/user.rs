//! What users make, a VolumeSnapshot or a VolumeGroupSnapshot, in one view: how they are bound to a content is the same.

use jiff::Timestamp;
use machinery::object::{Fields, Metadata};
use serde_json::Value;

use crate::facts::Kind;
use crate::names::content_of_member;

/// An object that can be seen as [`User`].
pub trait UserObject {
    /// The view that decisions use.
    fn user(&self) -> User<'_>;
}

/// A user's object as decisions see it.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// Which kind.
    pub kind: Kind,
    /// `metadata`.
    pub metadata: &'a Metadata,
    /// It is to be taken of a claim, or of several, so that a content is made for it.
    pub is_dynamic: bool,
    /// `spec.source.volumeSnapshotContentName` or `.volumeGroupSnapshotContentName`.
    pub given_content: Option<&'a str>,
    /// `spec.volumeSnapshotClassName` or `.volumeGroupSnapshotClassName`.
    pub class_name: Option<&'a str>,
    /// `status`.
    pub status: Option<&'a SnapshotStatus>,
    /// Name and uid of the group snapshot that it is a member of.
    pub group: Option<(&'a str, &'a str)>,
}

impl<'a> User<'a> {
    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.metadata.name()
    }

    /// `metadata.namespace`.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        &self.metadata.namespace
    }

    /// `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> &'a str {
        self.metadata.uid()
    }

    /// `namespace/name`.
    #[must_use]
    pub fn key(&self) -> String {
        self.metadata.key()
    }

    /// Whether somebody has asked for its deletion.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.metadata.is_deleting()
    }

    /// Whether it has a finalizer.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.metadata.has_finalizer(finalizer)
    }

    /// Whether it is ready to use, as its status says.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.is_some_and(|status| status.ready == Some(true) && status.content.is_some())
    }

    /// The driver has said when it was taken: nothing may be taken for it again.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        self.status.is_some_and(|status| status.creation_time.is_some())
    }

    /// Whether anything was written into its status yet.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.status.is_some()
    }

    /// Something may change that it waits for: it is not ready, or its status tells of a problem.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let has_problem = self.status.is_some_and(|status| status.error.is_some());
        !self.is_deleting() && (!self.is_ready() || has_problem)
    }

    /// The name of its content: the bound one, else the given one, else the one that it is going to have.
    #[must_use]
    pub fn content_name(&self) -> String {
        let bound = self.status.and_then(|status| status.content.as_deref());
        match (bound.or(self.given_content), self.group) {
            (Some(known), _) => known.to_owned(),
            (None, Some(_)) => content_of_member(self.name()),
            (None, None) => self.kind.content_of(self.uid()),
        }
    }
}

/// `status` of a VolumeSnapshot, and of a VolumeGroupSnapshot, which has no size and no group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SnapshotStatus {
    /// `boundVolumeSnapshotContentName`, or `boundVolumeGroupSnapshotContentName`.
    pub content: Option<Box<str>>,
    /// `creationTime`.
    pub creation_time: Option<Timestamp>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// Whether `restoreSize` says more than 0.
    pub has_size: bool,
    /// `volumeGroupSnapshotName`.
    pub group: Option<Box<str>>,
    /// `error.message`; "" where there is an error without one.
    pub error: Option<Box<str>>,
}

impl SnapshotStatus {
    pub(crate) fn read(value: Value, kind: Kind) -> Self {
        let mut fields = Fields::of(value);
        Self {
            content: text(&mut fields, &kind.word("boundVolumeSnapshotContentName")),
            creation_time: fields.take("creationTime"),
            ready: fields.take("readyToUse"),
            has_size: fields.take("restoreSize").is_some_and(|quantity| is_size(&quantity)),
            group: text(&mut fields, "volumeGroupSnapshotName"),
            error: fields
                .take::<Value>("error")
                .map(|error| Fields::of(error).take("message").unwrap_or_default()),
        }
    }
}

pub(crate) fn text(fields: &mut Fields, name: &str) -> Option<Box<str>> {
    let text: Option<Box<str>> = fields.take(name);
    text.filter(|text| !text.is_empty())
}

/// Whether a quantity is there and not zero.
fn is_size(quantity: &Value) -> bool {
    let digits = match quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return false,
    };
    digits.chars().take_while(|c| c.is_ascii_digit() || *c == '.').any(|c| ('1'..='9').contains(&c))
}
