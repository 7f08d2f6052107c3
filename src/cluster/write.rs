//! A guarded write: what an object must look like, and what to change about it.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchError, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde::Serialize;
use serde_json::Value;

/// One operation of RFC 6902. Paths are JSON pointers: `/` in a key is written `~1`, `~` is `~0` (see [`key`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Op {
    /// The value at the path must be this one; `null` also fits a path that is not there.
    Test {
        /// Where.
        path: String,
        /// What has to be there.
        value: Value,
    },
    /// Sets a member, or inserts into a list; `-` as the last segment appends.
    Add {
        /// Where; its parent must exist.
        path: String,
        /// What.
        value: Value,
    },
    /// Removes what must be there.
    Remove {
        /// Where.
        path: String,
    },
    /// Sets a member, there or not; its parent must exist.
    Replace {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
}

/// Which half of an object a write changes: the API server ignores what a write says about the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Metadata and spec.
    Main,
    /// Status.
    Status,
}

/// A list of operations on one half of an object, done all or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    half: Half,
    ops: Vec<Op>,
}

/// Why operations do not fit an object.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A test failed, or a path is not there: the object is not what the write expects.
    #[error("the object is not what the write expects")]
    Mismatch(#[source] PatchError),
    /// A path is no JSON pointer: a defect of the program.
    #[error("{0:?} is not a JSON pointer")]
    BadPath(String),
}

impl Write {
    /// A write of metadata or spec, without any operation yet.
    #[must_use]
    pub fn main() -> Self {
        Self { half: Half::Main, ops: Vec::new() }
    }

    /// A write of the status, without any operation yet.
    #[must_use]
    pub fn status() -> Self {
        Self { half: Half::Status, ops: Vec::new() }
    }

    /// Then the value at the path must be this one.
    #[must_use]
    pub fn test(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.then(Op::Test { path: path.into(), value: value.into() })
    }

    /// Then a member is set, or something is inserted into a list.
    #[must_use]
    pub fn add(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.then(Op::Add { path: path.into(), value: value.into() })
    }

    /// Then what is there is removed.
    #[must_use]
    pub fn remove(self, path: impl Into<String>) -> Self {
        self.then(Op::Remove { path: path.into() })
    }

    /// Then a member is set.
    #[must_use]
    pub fn replace(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.then(Op::Replace { path: path.into(), value: value.into() })
    }

    /// Then this.
    #[must_use]
    pub fn then(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }

    /// The operations, in their order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
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
    /// [`ApplyError::Mismatch`] where an API server would answer that the patch does not fit.
    pub fn apply(&self, object: &Value) -> Result<Value, ApplyError> {
        let mut object = object.clone();
        for op in &self.ops {
            if let Some(op) = on_server(op, &object)? {
                json_patch::patch(&mut object, &Patch(vec![op])).map_err(ApplyError::Mismatch)?;
            }
        }
        Ok(object)
    }
}

/// An operation in the library's terms; `None` if it is fulfilled as it stands.
fn on_server(op: &Op, object: &Value) -> Result<Option<PatchOperation>, ApplyError> {
    let pointer =
        |path: &String| PointerBuf::parse(path.clone()).map_err(|_| ApplyError::BadPath(path.clone()));
    Ok(match op {
        Op::Test { path, value } if value.is_null() && object.pointer(path).is_none() => None,
        Op::Test { path, value } => {
            Some(PatchOperation::Test(TestOperation { path: pointer(path)?, value: value.clone() }))
        }
        Op::Replace { path, value } if object.pointer(path).is_some() => {
            Some(PatchOperation::Replace(ReplaceOperation { path: pointer(path)?, value: value.clone() }))
        }
        Op::Add { path, value } | Op::Replace { path, value } => {
            Some(PatchOperation::Add(AddOperation { path: pointer(path)?, value: value.clone() }))
        }
        Op::Remove { path } => Some(PatchOperation::Remove(RemoveOperation { path: pointer(path)? })),
    })
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
            serde_json::to_value(write.ops()).unwrap(),
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
        let absent = Write::status().test("/status", Value::Null).add("/status", json!({"readyToUse": true}));
        let applied = absent.apply(&object()).unwrap();
        assert_eq!(applied["status"]["readyToUse"], true);
        assert!(matches!(absent.apply(&applied), Err(ApplyError::Mismatch(_))));
    }

    #[test]
    fn a_replace_of_what_is_not_there_adds_it_as_on_a_real_server() {
        let write = Write::status().replace("/status", json!({"readyToUse": false}));
        assert_eq!(write.apply(&object()).unwrap()["status"]["readyToUse"], false);
    }

    #[test]
    fn what_does_not_fit_is_a_mismatch() {
        for write in [
            Write::main().test("/metadata/uid", "other"),
            Write::main().test("/metadata/nothing", "x"),
            Write::main().remove("/metadata/annotations/absent"),
            Write::main().add("/metadata/labels/x", "y"),
        ] {
            assert!(matches!(write.apply(&object()), Err(ApplyError::Mismatch(_))), "{write:?}");
        }
    }
}
