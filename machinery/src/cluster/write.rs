//! A guarded write: what an object must look like, and what to change about it.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchError, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::Value;

/// Which half of an object a write changes: the API server ignores what a write says about the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Metadata and spec.
    Main,
    /// Status.
    Status,
}

/// A list of operations on one half of an object, done all or not at all. Paths are JSON pointers: `/` in a key is
/// written `~1`, `~` is `~0` (see [`key`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    half: Half,
    patch: Patch,
}

impl Write {
    /// A write of metadata or spec, without any operation yet.
    #[must_use]
    pub fn main() -> Self {
        Self { half: Half::Main, patch: Patch::default() }
    }

    /// A write of the status, without any operation yet.
    #[must_use]
    pub fn status() -> Self {
        Self { half: Half::Status, patch: Patch::default() }
    }

    /// Then the value at the path must be this one; `null` also fits a path that is not there.
    #[must_use]
    pub fn test(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Test(TestOperation { path: pointer(path), value: value.into() }))
    }

    /// Then a member is set, or something is inserted into a list; `-` as the last segment appends. The parent must exist.
    #[must_use]
    pub fn add(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Add(AddOperation { path: pointer(path), value: value.into() }))
    }

    /// Then what must be there is removed.
    #[must_use]
    pub fn remove(self, path: impl AsRef<str>) -> Self {
        self.then(PatchOperation::Remove(RemoveOperation { path: pointer(path) }))
    }

    /// Then a member is set, there or not; its parent must exist.
    #[must_use]
    pub fn replace(self, path: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.then(PatchOperation::Replace(ReplaceOperation { path: pointer(path), value: value.into() }))
    }

    fn then(mut self, operation: PatchOperation) -> Self {
        self.patch.0.push(operation);
        self
    }

    /// The operations, in their order.
    #[must_use]
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// The half that is written.
    #[must_use]
    pub fn half(&self) -> Half {
        self.half
    }

    /// The object as the operations leave it, by the API server's reading of them rather than the RFC's: a test for
    /// `null` passes where there is nothing, and a replace of a member that is not there adds it.
    ///
    /// # Errors
    /// The patch does not fit, as an API server would answer.
    pub fn apply(&self, object: &Value) -> Result<Value, PatchError> {
        let mut object = object.clone();
        for operation in &self.patch.0 {
            if let Some(operation) = on_server(operation, &object) {
                json_patch::patch(&mut object, &[operation])?;
            }
        }
        Ok(object)
    }
}

/// An operation as the RFC has to read it to do what the server does; `None` if it is fulfilled as it stands.
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

/// A path as the library has it. Whatever the text, it becomes a pointer: what is escaped stays so, what should have been
/// is.
fn pointer(path: impl AsRef<str>) -> PointerBuf {
    let segments = path.as_ref().trim_start_matches('/').split('/');
    PointerBuf::from_tokens(segments.map(|segment| segment.replace("~1", "/").replace("~0", "~")))
}

/// A key as a segment of a path.
#[must_use]
pub fn key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({"metadata": {"uid": "u", "annotations": {"a/b": "yes"}, "finalizers": ["x", "y"]}})
    }

    #[test]
    fn a_write_goes_out_in_the_words_of_the_rfc() {
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
    fn operations_apply_in_order_and_leave_the_rest() {
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
    fn a_test_for_null_fits_what_is_not_there_as_on_a_real_server() {
        let absent = Write::status().test("/status", Value::Null).add("/status", json!({"ready": true}));
        let applied = absent.apply(&object()).unwrap();
        assert_eq!(applied["status"]["ready"], true);
        assert!(absent.apply(&applied).is_err());
    }

    #[test]
    fn a_replace_of_what_is_not_there_adds_it_as_on_a_real_server() {
        let write = Write::status().replace("/status", json!({"ready": false}));
        assert_eq!(write.apply(&object()).unwrap()["status"]["ready"], false);
    }

    #[test]
    fn what_does_not_fit_is_a_mismatch() {
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
