//! A guarded write: a JSON patch that tests what it expects before it changes anything.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchError, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::Value;

use super::error::{ApiError, Failure, in_one_line};

/// The part of an object that a write changes: the API server ignores changes of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Metadata and spec.
    Main,
    /// Status.
    Status,
}

/// A list of operations on one half of an object; all or none take effect. Paths are JSON pointers; escape keys with
/// [`key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    half: Half,
    patch: Patch,
}

impl Write {
    /// A write of metadata or spec, still without operations.
    #[must_use]
    pub fn main() -> Self {
        Self { half: Half::Main, patch: Patch::default() }
    }

    /// A write of the status, still without operations.
    #[must_use]
    pub fn status() -> Self {
        Self { half: Half::Status, patch: Patch::default() }
    }

    /// Tests that the path has this value; `null` also matches a missing path.
    #[must_use]
    pub fn test(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Test(TestOperation { path: pointer(path), value: value.into() }))
    }

    /// Sets a member, or inserts into a list; `-` as the last segment appends. The parent must exist.
    #[must_use]
    pub fn add(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Add(AddOperation { path: pointer(path), value: value.into() }))
    }

    /// Removes the path, which must exist.
    #[must_use]
    pub fn remove(self, path: impl AsRef<str>) -> Self {
        self.then(PatchOperation::Remove(RemoveOperation { path: pointer(path) }))
    }

    /// Sets a member, whether it exists or not. The parent must exist.
    #[must_use]
    pub fn replace(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Replace(ReplaceOperation { path: pointer(path), value: value.into() }))
    }

    fn then(mut self, operation: PatchOperation) -> Self {
        self.patch.0.push(operation);
        self
    }

    /// The operations, in order.
    #[must_use]
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    pub(crate) fn half(&self) -> Half {
        self.half
    }

    /// Applies the operations to an object as the API server does, which differs from the RFC: a test for `null` passes
    /// on a missing path, and a replace of a missing member adds it.
    ///
    /// # Errors
    /// An operation failed, and would fail on an API server.
    pub(crate) fn apply(&self, object: &Value) -> Result<Value, PatchError> {
        let mut object = object.clone();
        for operation in &self.patch.0 {
            if let Some(operation) = on_server(operation, &object) {
                json_patch::patch(&mut object, &[operation])?;
            }
        }
        Ok(object)
    }
}

/// The RFC's operation that does what the server does; `None` if there is nothing to do.
fn on_server(operation: &PatchOperation, object: &Value) -> Option<PatchOperation> {
    let absent = object.pointer(operation.path().as_str()).is_none();
    match operation {
        PatchOperation::Test(test) if test.value.is_null() && absent => None,
        PatchOperation::Replace(ReplaceOperation { path, value }) if absent => {
            Some(PatchOperation::Add(AddOperation { path: path.clone(), value: value.clone() }))
        }
        PatchOperation::Add(_)
        | PatchOperation::Remove(_)
        | PatchOperation::Replace(_)
        | PatchOperation::Move(_)
        | PatchOperation::Copy(_)
        | PatchOperation::Test(_) => Some(operation.clone()),
    }
}

/// Parses a path leniently: a `~` that is not escaped is escaped.
fn pointer(path: impl AsRef<str>) -> PointerBuf {
    let segments = path.as_ref().trim_start_matches('/').split('/');
    PointerBuf::from_tokens(segments.map(|segment| segment.replace("~1", "/").replace("~0", "~")))
}

/// Escapes a key as a segment of a path: `~` as `~0`, `/` as `~1`.
#[must_use]
pub fn key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Why a write to the API server did not happen, as far as a pass cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteFailure {
    /// Somebody else changed the object first.
    LostRace,
    /// The object is gone.
    Gone,
    /// The API server refuses such a write, and will go on to; in its words.
    Refused(String),
    /// Anything else, in words for the log.
    Failed(String),
}

impl From<ApiError> for WriteFailure {
    fn from(error: ApiError) -> Self {
        if matches!(error.failure, Failure::LostRace(_)) {
            Self::LostRace
        } else if matches!(error.failure, Failure::NotFound(_)) {
            Self::Gone
        } else if error.is_for_good() {
            Self::Refused(in_one_line(&error))
        } else {
            Self::Failed(in_one_line(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({"metadata": {"uid": "u", "annotations": {"a/b": "yes"}, "finalizers": ["x", "y"]}})
    }

    #[test]
    fn a_write_is_serialized_as_a_json_patch() {
        let write = Write::main()
            .test("/metadata/uid", "u")
            .add(format!("/metadata/annotations/{}", key("a/b~c")), "yes")
            .remove("/metadata/finalizers/0")
            .replace("/status", json!({}));
        assert_eq!(
            serde_json::to_value(write.patch()).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "yes"},
                {"op": "remove", "path": "/metadata/finalizers/0"},
                {"op": "replace", "path": "/status", "value": {}},
            ])
        );
    }

    #[test]
    fn operations_apply_in_order_and_leave_other_fields_alone() {
        let write = Write::main()
            .test("/metadata/finalizers/0", "x")
            .remove("/metadata/finalizers/0")
            .test("/metadata/finalizers/0", "y")
            .remove("/metadata/annotations/a~1b");
        assert_eq!(
            write.apply(&object()).unwrap(),
            json!({"metadata": {"uid": "u", "annotations": {}, "finalizers": ["y"]}})
        );
    }

    #[test]
    fn a_test_for_null_passes_on_a_missing_path_as_on_a_real_server() {
        let absent = Write::status().test("/status", Value::Null).add("/status", json!({"ready": true}));
        let applied = absent.apply(&object()).unwrap();
        assert_eq!(applied["status"]["ready"], true);
        assert!(absent.apply(&applied).is_err());
    }

    #[test]
    fn a_replace_of_a_missing_member_adds_it_as_on_a_real_server() {
        let write = Write::status().replace("/status", json!({"ready": false}));
        assert_eq!(write.apply(&object()).unwrap()["status"]["ready"], false);
    }

    #[test]
    fn a_failed_test_and_a_missing_parent_are_errors() {
        for write in [
            Write::main().test("/metadata/uid", "other"),
            Write::main().test("/metadata/nothing", "x"),
            Write::main().remove("/metadata/annotations/absent"),
            Write::main().add("/metadata/labels/x", "y"),
        ] {
            assert!(write.apply(&object()).is_err(), "{write:?}");
        }
    }
}
