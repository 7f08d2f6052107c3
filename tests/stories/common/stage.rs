//! The stage of one story: a driver with a unique name, its class, and its contents.

use std::path::PathBuf;

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use sandbox::driver::{Call, Capabilities, Driver, Fault, Method, Options, SnapshotRecord, Times, proto};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;
use uuid::Uuid;

use super::cluster::{Cluster, Kind, cluster, text};
use super::{PATIENCE, Sidecar, until};

pub const FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
pub const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
pub const DELETION_SECRET: &str = "snapshot.storage.kubernetes.io/deletion-secret-name";
pub const DELETION_SECRET_NAMESPACE: &str = "snapshot.storage.kubernetes.io/deletion-secret-namespace";
pub const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const GROUP: &str = "snapshot.storage.k8s.io";
const CLASSES: Kind = Kind { group: GROUP, name: "VolumeSnapshotClass", namespace: None };
const CONTENTS: Kind = Kind { group: GROUP, name: "VolumeSnapshotContent", namespace: None };
const SECRETS: Kind = Kind { group: "", name: "Secret", namespace: Some("default") };
const EVENTS: Kind = Kind { group: "", name: "Event", namespace: Some("default") };

/// The options of a driver without the group capability.
pub fn without_groups() -> Options {
    let capabilities = Capabilities { groups: false, ..Capabilities::default() };
    Options { capabilities, ..Options::default() }
}

/// The environment of one story.
pub struct Stage {
    pub cluster: &'static Cluster,
    pub driver: Driver,
    /// The name of the driver and of its class.
    pub name: String,
    directory: TempDir,
}

impl Stage {
    /// A stage with an ordinary driver.
    pub async fn set() -> Self {
        Self::with(Options::default()).await
    }

    /// A stage with these options, except the name.
    pub async fn with(options: Options) -> Self {
        Self::within(cluster().await, options).await
    }

    /// A stage in its own sandbox cluster, whose API server the story may disturb; on a real cluster, in that one.
    pub async fn set_apart() -> Self {
        // Leaking is fine: the process ends with the stories.
        let cluster = Box::leak(Box::new(Cluster::open().await));
        Self::within(cluster, Options::default()).await
    }

    /// A stage in its own sandbox cluster without snapshot CRDs and so without a class; `None` on a real cluster.
    pub async fn set_bare() -> Option<Self> {
        let cluster = Box::leak(Box::new(Cluster::bare().await?));
        Some(Self::without_class(cluster, Options::default()).await)
    }

    /// Installs the CRDs of these groups.
    pub fn install_crds(&self, groups: &[&str]) {
        let server = self.cluster.sandbox.as_ref().unwrap();
        for crd in sandbox::crds::all().unwrap() {
            if groups.iter().any(|group| crd["spec"]["group"] == *group) {
                server.install(&crd).unwrap();
            }
        }
    }

    async fn within(cluster: &'static Cluster, options: Options) -> Self {
        let stage = Self::without_class(cluster, options).await;
        stage.make_class(&stage.name, &json!({})).await;
        stage
    }

    async fn without_class(cluster: &'static Cluster, options: Options) -> Self {
        let name = format!("s-{}.csi.sandbox", Uuid::new_v4().simple());
        let directory = TempDir::new().unwrap();
        let options = Options { name: name.clone(), make_missing_volumes: true, ..options };
        let driver = Driver::start(&directory.path().join("csi.sock"), options).await.unwrap();
        Self { cluster, driver, name, directory }
    }

    /// Creates a class of the driver, with `change` merged in.
    pub async fn make_class(&self, name: &str, change: &Value) {
        let mut class = json!({"metadata": {"name": name}, "driver": self.name, "deletionPolicy": "Delete"});
        merge(&mut class, change.clone());
        self.cluster.create(&CLASSES, &class).await;
    }

    /// Merges a change into the class of the stage.
    pub async fn change_class(&self, change: &Value) {
        let merge = Patch::Merge(change);
        self.classes().patch(&self.name, &PatchParams::default(), &merge).await.unwrap();
    }

    /// Creates a Secret with this base64 data in the namespace default. Returns its name.
    pub async fn secret(&self, data: &Value) -> String {
        let name = format!("secret-{}", Uuid::new_v4());
        self.secret_named(&name, data).await;
        name
    }

    /// Creates a Secret with this name.
    pub async fn secret_named(&self, name: &str, data: &Value) {
        self.cluster.create(&SECRETS, &json!({"metadata": {"name": name}, "data": data})).await;
    }

    pub fn secrets(&self) -> Api<DynamicObject> {
        self.cluster.api(&SECRETS)
    }

    /// Takes a snapshot in the storage without the sidecar. Returns its handle.
    pub async fn snapshot_of_another(&self, name: &str) -> String {
        let channel = sandbox::driver::connect(self.driver.socket()).await.unwrap();
        let mut client = proto::controller_client::ControllerClient::new(channel);
        let request = proto::CreateSnapshotRequest {
            source_volume_id: format!("vol-{name}"),
            name: name.to_owned(),
            ..proto::CreateSnapshotRequest::default()
        };
        client.create_snapshot(request).await.unwrap().into_inner().snapshot.unwrap().snapshot_id
    }

    pub fn classes(&self) -> Api<DynamicObject> {
        self.cluster.api(&CLASSES)
    }

    pub fn contents(&self) -> Api<DynamicObject> {
        self.cluster.api(&CONTENTS)
    }

    /// Starts a sidecar with fast retries, info logs and these arguments.
    pub fn sidecar(&self, more: &[&str]) -> Sidecar {
        self.sidecar_with(&self.cluster.kubeconfig, more)
    }

    /// Starts a sidecar with its own log, for stories with several replicas.
    pub fn sidecar_apart(&self, more: &[&str]) -> Sidecar {
        let log = self.path(&format!("{}.log", Uuid::new_v4()));
        Sidecar::start(&log, &self.arguments(&self.cluster.kubeconfig, more))
    }

    /// Starts the sidecar of a node.
    pub fn sidecar_of(&self, node: &str) -> Sidecar {
        let log = self.path(&format!("{node}.log"));
        Sidecar::start_on(node, &log, &self.arguments(&self.cluster.kubeconfig, &["--node-deployment"]))
    }

    pub fn sidecar_with(&self, kubeconfig: &std::path::Path, more: &[&str]) -> Sidecar {
        Sidecar::start(&self.path("sidecar.log"), &self.arguments(kubeconfig, more))
    }

    fn arguments(&self, kubeconfig: &std::path::Path, more: &[&str]) -> Vec<String> {
        let mut arguments = vec![
            format!("--kubeconfig={}", text(kubeconfig)),
            format!("--csi-address={}", text(self.driver.socket())),
            "--retry-interval-start=20ms".to_owned(),
            "--retry-interval-max=200ms".to_owned(),
            "-v=2".to_owned(),
        ];
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Creates a content as the snapshot-controller does, with `change` merged in.
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

    /// A content that exists already.
    pub fn known(&self, name: &str) -> Content<'_> {
        let uid = name.strip_prefix("snapcontent-").unwrap_or_default().to_owned();
        Content { stage: self, name: name.to_owned(), uid }
    }

    /// Creates a content for a handle that exists in the storage.
    pub async fn given(&self, handle: &str, change: Value) -> Content<'_> {
        let mut given = json!({
            "spec": {"source": {"volumeHandle": null, "snapshotHandle": handle}, "volumeSnapshotClassName": null},
        });
        merge(&mut given, change);
        self.content(given).await
    }

    /// The requests of the sidecar about an object, as "VERB subresource"; `None` on a real cluster.
    pub fn requests_about(&self, name: &str) -> Option<Vec<String>> {
        let server = self.cluster.sandbox.as_ref()?;
        let ours = server.requests().into_iter().filter(|request| {
            request.user.starts_with("system:serviceaccount:") && request.path.contains(name)
        });
        let status = |path: &str| if path.ends_with("/status") { " status" } else { "" };
        Some(ours.map(|request| format!("{}{}", request.method, status(&request.path))).collect())
    }

    pub fn calls(&self, method: Method) -> usize {
        self.driver.count(method)
    }

    /// Waits until the driver was called `count` times.
    pub async fn calls_reach(&self, method: Method, count: usize) {
        let reached = self
            .driver
            .wait_for_calls(|calls| calls.iter().filter(|call| call.method == method).count() >= count);
        tokio::time::timeout(PATIENCE, reached).await.expect("the driver is not called");
    }

    /// Lets every CreateSnapshot fail without effect, until the script is cleared.
    pub fn creations_fail(&self) {
        let fault = Fault::before(Code::Internal);
        self.driver.script().fail(Method::CreateSnapshot, fault, Times::UntilCleared);
    }

    /// The seconds between the starts of consecutive calls of this method.
    pub fn pauses(&self, method: Method) -> Vec<f64> {
        let calls = self.driver.calls();
        let calls: Vec<_> = calls.iter().filter(|call| call.method == method).collect();
        calls.windows(2).map(|pair| (pair[1].started - pair[0].started).as_secs_f64()).collect()
    }

    /// The only call of this method.
    pub fn call(&self, method: Method) -> Call {
        let calls = self.driver.calls();
        let [call] = calls.iter().filter(|call| call.method == method).collect::<Vec<_>>()[..] else {
            panic!("not one call of {method:?}: {calls:?}");
        };
        call.clone()
    }

    /// The only snapshot in the storage.
    pub fn only_snapshot(&self) -> SnapshotRecord {
        let stored = self.driver.snapshots();
        let [snapshot] = &stored[..] else { panic!("not one snapshot: {stored:?}") };
        snapshot.clone()
    }

    /// Asserts that no snapshot leaked.
    pub fn storage_is_empty(&self) {
        assert_eq!(self.driver.snapshots().len(), 0, "leaked: {:?}", self.driver.snapshots());
    }
}

/// Merges like a JSON merge patch, in which null removes a field.
pub fn merge(into: &mut Value, change: Value) {
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
    /// The object now; `None` once it is gone.
    pub async fn get(&self) -> Option<Value> {
        let found = self.stage.contents().get_opt(&self.name).await.unwrap()?;
        Some(serde_json::to_value(found).unwrap())
    }

    /// Waits until the object satisfies `fits`.
    pub async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the content {what}"), || async { self.get().await.filter(|object| fits(object)) })
            .await
    }

    /// Waits until the content is ready and the marker is removed.
    pub async fn ready(&self) -> Value {
        self.until("is ready", |object| {
            object["status"]["readyToUse"] == true && object["metadata"]["annotations"][MARKER].is_null()
        })
        .await
    }

    pub async fn ready_or_error(&self) -> Value {
        self.until("is ready or has an error", |object| {
            object["status"]["readyToUse"] == true || object["status"]["error"].is_object()
        })
        .await
    }

    /// Waits for a `status.error` whose message contains these words.
    pub async fn error(&self, words: &str) -> Value {
        self.until(&format!("has the error {words:?}"), |object| {
            object["status"]["error"]["message"].as_str().is_some_and(|message| message.contains(words))
        })
        .await
    }

    pub async fn patch(&self, change: &Value) {
        let merge = Patch::Merge(change);
        self.stage.contents().patch(&self.name, &PatchParams::default(), &merge).await.unwrap();
    }

    pub async fn patch_status(&self, status: &Value) {
        let merge = Patch::Merge(json!({ "status": status }));
        self.stage.contents().patch_status(&self.name, &PatchParams::default(), &merge).await.unwrap();
    }

    /// Deletes the content without the annotation of the snapshot-controller.
    pub async fn delete_only(&self) {
        self.stage.contents().delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Annotates and deletes the content, as the snapshot-controller does after the user deleted the VolumeSnapshot.
    pub async fn delete(&self) {
        self.patch(&json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        self.delete_only().await;
    }

    pub async fn gone(&self) {
        until("the content is gone", || async { self.get().await.is_none().then_some(()) }).await;
    }

    /// The events about the content.
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

    /// Waits for an event with this reason and at least this count.
    pub async fn event_counted(&self, reason: &str, count: i64) -> Value {
        until(&format!("there are {count} events {reason} in one"), || async {
            let counted = |event: &Value| event["count"].as_i64().is_some_and(|number| number >= count);
            self.events().await.into_iter().find(|event| event["reason"] == reason && counted(event))
        })
        .await
    }

    /// See [`Stage::requests_about`].
    pub fn requests(&self) -> Option<Vec<String>> {
        self.stage.requests_about(&self.name)
    }
}
