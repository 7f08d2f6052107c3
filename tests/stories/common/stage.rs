//! A stage of one story: a driver with a name of its own, a class, and the contents made for it.

use std::path::PathBuf;

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use sandbox::driver::{Driver, Method, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::cluster::{Cluster, Kind, cluster, text};
use super::{Sidecar, until};

pub const FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
pub const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
pub const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const GROUP: &str = "snapshot.storage.k8s.io";
const CLASSES: Kind = Kind { group: GROUP, kind: "VolumeSnapshotClass", namespace: None };
const CONTENTS: Kind = Kind { group: GROUP, kind: "VolumeSnapshotContent", namespace: None };
const EVENTS: Kind = Kind { group: "", kind: "Event", namespace: Some("default") };

/// Where a story plays.
pub struct Stage {
    pub cluster: &'static Cluster,
    pub driver: Driver,
    /// The driver's name, and the name of its class.
    pub name: String,
    directory: TempDir,
}

impl Stage {
    /// A stage with an ordinary driver.
    pub async fn set() -> Self {
        Self::with(Options::default()).await
    }

    /// A stage with such a driver; its name is made here.
    pub async fn with(options: Options) -> Self {
        let cluster = cluster().await;
        let name = format!("s-{}.csi.sandbox", Uuid::new_v4().simple());
        let directory = TempDir::new().unwrap();
        let options = Options { name: name.clone(), make_missing_volumes: true, ..options };
        let driver = Driver::start(&directory.path().join("csi.sock"), options).await.unwrap();
        let stage = Self { cluster, driver, name, directory };
        stage.make_class(&json!({})).await;
        stage
    }

    /// Makes the stage's class, with these parameters.
    pub async fn make_class(&self, parameters: &Value) {
        let class = json!({
            "metadata": {"name": self.name}, "driver": self.name, "deletionPolicy": "Delete",
            "parameters": parameters,
        });
        self.cluster.create(&CLASSES, &class).await;
    }

    pub fn classes(&self) -> Api<DynamicObject> {
        self.cluster.api(&CLASSES)
    }

    pub fn contents(&self) -> Api<DynamicObject> {
        self.cluster.api(&CONTENTS)
    }

    /// Starts a sidecar with fast retries, info logs, and these arguments besides.
    pub fn sidecar(&self, more: &[&str]) -> Sidecar {
        self.sidecar_with(&self.cluster.kubeconfig, more)
    }

    pub fn sidecar_with(&self, kubeconfig: &std::path::Path, more: &[&str]) -> Sidecar {
        let mut arguments = vec![
            format!("--kubeconfig={}", text(kubeconfig)),
            format!("--csi-address={}", text(self.driver.socket())),
            "--retry-interval-start=20ms".to_owned(),
            "--retry-interval-max=200ms".to_owned(),
            "-v=2".to_owned(),
        ];
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        Sidecar::start(&self.path("sidecar.log"), &arguments)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A content as the snapshot-controller makes it, with `change` merged in.
    pub async fn content(&self, change: Value) -> Content<'_> {
        let uid = Uuid::new_v4().to_string();
        let name = format!("snapcontent-{uid}");
        let mut object = json!({
            "metadata": {"name": name, "finalizers": [FINALIZER]},
            "spec": {
                "driver": self.name, "deletionPolicy": "Delete", "volumeSnapshotClassName": self.name,
                "source": {"volumeHandle": format!("vol-{uid}")},
                "volumeSnapshotRef": {
                    "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
                    "namespace": "default", "name": "snap", "uid": uid,
                },
            },
        });
        merge(&mut object, change);
        self.cluster.create(&CONTENTS, &object).await;
        Content { stage: self, name, uid }
    }

    /// A content that brings the handle of a snapshot which exists.
    pub async fn given(&self, handle: &str, change: Value) -> Content<'_> {
        let mut given = json!({
            "spec": {"source": {"volumeHandle": null, "snapshotHandle": handle}, "volumeSnapshotClassName": null},
        });
        merge(&mut given, change);
        self.content(given).await
    }

    pub fn calls(&self, method: Method) -> usize {
        self.driver.count(method)
    }

    /// Asserts that the storage holds nothing: the oracle for leaks.
    pub fn storage_is_empty(&self) {
        assert_eq!(self.driver.snapshots().len(), 0, "leaked: {:?}", self.driver.snapshots());
    }
}

/// Merges as a merge patch does, in which null removes.
fn merge(into: &mut Value, change: Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *into, &change) else {
        *into = change;
        return;
    };
    for (key, value) in changes {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value.clone());
        }
    }
}

/// A content on the stage.
pub struct Content<'a> {
    stage: &'a Stage,
    pub name: String,
    pub uid: String,
}

impl Content<'_> {
    /// As it is now; `None` once it is gone.
    pub async fn get(&self) -> Option<Value> {
        let found = self.stage.contents().get_opt(&self.name).await.unwrap()?;
        Some(serde_json::to_value(found).unwrap())
    }

    /// Waits until the object fits.
    pub async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the content {what}"), || async { self.get().await.filter(|object| fits(object)) })
            .await
    }

    /// Waits until it is ready, and nothing is left of the marker.
    pub async fn ready(&self) -> Value {
        self.until("is ready", |object| {
            object["status"]["readyToUse"] == true && object["metadata"]["annotations"][MARKER].is_null()
        })
        .await
    }

    /// Waits for an error whose message holds these words.
    pub async fn error(&self, words: &str) -> Value {
        self.until(&format!("has the error {words:?}"), |object| {
            object["status"]["error"]["message"].as_str().is_some_and(|message| message.contains(words))
        })
        .await
    }

    /// Merges a change in.
    pub async fn patch(&self, change: &Value) {
        let merge = Patch::Merge(change);
        self.stage.contents().patch(&self.name, &PatchParams::default(), &merge).await.unwrap();
    }

    /// Gives it up, as the snapshot-controller does when the user has deleted the VolumeSnapshot.
    pub async fn delete(&self) {
        self.patch(&json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        self.stage.contents().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until it is gone.
    pub async fn gone(&self) {
        until("the content is gone", || async { self.get().await.is_none().then_some(()) }).await;
    }

    /// The Warning events about it.
    pub async fn events(&self) -> Vec<Value> {
        let events = self.stage.cluster.api(&EVENTS);
        let about = ListParams::default().fields(&format!("involvedObject.name={}", self.name));
        let found = events.list(&about).await.unwrap();
        found.items.into_iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    /// Waits for an event with this reason.
    pub async fn event(&self, reason: &str) -> Value {
        until(&format!("there is an event {reason}"), || async {
            self.events().await.into_iter().find(|event| event["reason"] == reason)
        })
        .await
    }

    /// The requests of the sidecar about this content, as "VERB subresource"; `None` on a real cluster.
    pub fn requests(&self) -> Option<Vec<String>> {
        let server = self.stage.cluster.sandbox.as_ref()?;
        let ours = server.requests().into_iter().filter(|request| {
            request.user.starts_with("system:serviceaccount:") && request.path.contains(&self.name)
        });
        let status = |path: &str| if path.ends_with("/status") { " status" } else { "" };
        Some(ours.map(|request| format!("{}{}", request.method, status(&request.path))).collect())
    }
}
