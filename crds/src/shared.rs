//! Types that several kinds share.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What happens to the storage when the object goes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The storage goes too.
    Delete,
    /// The storage stays.
    Retain,
}

/// A failure, as users see it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotError {
    /// What went wrong and what to do about it. Holds nothing confidential.
    pub message: Option<String>,
    /// When it went wrong.
    #[serde(default)]
    #[schemars(schema_with = "date_time")]
    pub time: Option<String>,
}

/// A reference to another object.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ObjectReference {
    /// API version of the object.
    pub api_version: Option<String>,
    /// Part of the object that is meant, if not the whole.
    pub field_path: Option<String>,
    /// Kind of the object.
    pub kind: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// Namespace of the object.
    pub namespace: Option<String>,
    /// Version of the object that is meant, if one is.
    pub resource_version: Option<String>,
    /// Uid of the object; empty until the two are bound to each other.
    pub uid: Option<String>,
}

/// A time as RFC 3339 text.
#[must_use]
pub fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// A quantity: a number, or text such as `1Gi`.
#[must_use]
pub fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "pattern": "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
        "x-kubernetes-int-or-string": true,
    })
}
