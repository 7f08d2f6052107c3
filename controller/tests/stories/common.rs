//! A cluster of its own for each story, with one snapshot-controller that has the deployed rights.

mod real;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;
use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use sandbox::api::{Options, Server};
use sandbox::process::Process;
use sandbox::rights;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// How long anything may take that should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const NAMESPACE: &str = "team";
pub const DRIVER: &str = "a.csi.test";
pub const HELD: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
pub const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
pub const CLAIM_FINALIZER: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";

/// A kind, by its group, its name, and whether its objects are in a namespace.
#[derive(Clone, Copy)]
pub struct Kind(&'static str, &'static str, bool);

pub const SNAPSHOT: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshot", true);
pub const CONTENT: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshotContent", false);
pub const CLASS: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshotClass", false);
pub const GROUP: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshot", true);
pub const GROUP_CONTENT: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotContent", false);
pub const GROUP_CLASS: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotClass", false);
pub const CLAIM: Kind = Kind("", "PersistentVolumeClaim", true);
pub const VOLUME: Kind = Kind("", "PersistentVolume", false);
pub const NODE: Kind = Kind("", "Node", false);
pub const NAMESPACES: Kind = Kind("", "Namespace", false);
pub const EVENT: Kind = Kind("", "Event", true);
pub const DEFINITION: Kind = Kind("apiextensions.k8s.io", "CustomResourceDefinition", false);
pub const LEASE: Kind = Kind("coordination.k8s.io", "Lease", true);
pub const ROLE: Kind = Kind("rbac.authorization.k8s.io", "ClusterRole", false);

/// What the log says about another controller.
pub const RIVAL: &str = "another snapshot-controller seems to work in this cluster";

/// Where a story plays.
pub struct Stage {
    /// The sandbox, unless the cluster is a real one.
    sandbox: Option<Server>,
    /// Another controller plays in it. Without one, none may be suspected.
    pub has_rival: bool,
    admin: kube::Client,
    kubeconfig: PathBuf,
    directory: TempDir,
}

/// Tells a story that needs the sandbox: on a real cluster it is skipped, and says why.
pub fn in_sandbox(why: &str, told: impl Future<Output = ()>) {
    if real::named().is_none() {
        return story(told);
    }
    let thread = std::thread::current();
    eprintln!("skipped on a real cluster: {}: {why}", thread.name().unwrap_or_default());
}

/// Tells a story.
pub fn story(told: impl Future<Output = ()>) {
    let _alone = real::named().map(|_| real::alone());
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(told);
}

impl Stage {
    /// A cluster with a class, a claim `data` and its volume; the controller is not started yet.
    pub async fn set() -> Self {
        let stage = Self::bare().await;
        stage.make(CLASS, "fast", &class(DRIVER)).await;
        stage.make_claim("data", DRIVER).await;
        stage
    }

    /// A cluster with nothing in it but a namespace.
    pub async fn bare() -> Self {
        match real::named() {
            None => Self::on(Options::default()).await,
            Some(real) => {
                let admin = std::fs::read_to_string(real.admin).unwrap();
                let stage = Self::with(None, &admin, real.controller, TempDir::new().unwrap()).await;
                real::clear(&stage).await;
                stage
            }
        }
    }

    /// The same in a sandbox with these options.
    pub async fn on(options: Options) -> Self {
        let server = Server::start(options).await.unwrap();
        for name in [NAMESPACE, "kube-system"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            // One of them may be there from the start.
            let _ = server.create(&namespace);
        }
        let directory = TempDir::new().unwrap();
        let account =
            rights::grant(&server, rights::CONTROLLER, "kube-system", "snapshot-controller").unwrap();
        let kubeconfig = directory.path().join("controller.kubeconfig");
        std::fs::write(&kubeconfig, account).unwrap();
        let admin = server.admin_kubeconfig();
        Self::with(Some(server), &admin, kubeconfig, directory).await
    }

    async fn with(sandbox: Option<Server>, admin: &str, kubeconfig: PathBuf, directory: TempDir) -> Self {
        let admin = Kubeconfig::from_yaml(admin).unwrap();
        let admin = kube::Config::from_custom_kubeconfig(admin, &KubeConfigOptions::default()).await.unwrap();
        let admin = kube::Client::try_from(admin).unwrap();
        Self { sandbox, has_rival: false, admin, kubeconfig, directory }
    }

    /// The sandbox, for a story that is told in one only.
    pub fn server(&self) -> &Server {
        self.sandbox.as_ref().unwrap()
    }

    /// The kubeconfig of the controller.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Takes verbs on a resource from the controller. Gives back all its rules as they were, for [`Stage::grant`].
    pub async fn refuse(&self, resource: &str, verbs: &[&str]) -> Value {
        let rules = self.get(ROLE, "snapshot-controller").await.unwrap()["rules"].clone();
        let mut fewer = rules.clone();
        for rule in fewer.as_array_mut().unwrap() {
            if rule["resources"].as_array().unwrap().iter().any(|it| it == resource) {
                let granted = rule["verbs"].as_array_mut().unwrap();
                granted.retain(|verb| !verbs.iter().any(|without| verb == without));
            }
        }
        self.grant(&fewer).await;
        rules
    }

    /// Gives the controller these rules.
    pub async fn grant(&self, rules: &Value) {
        self.change(ROLE, "snapshot-controller", &json!({ "rules": rules })).await;
    }

    /// Waits until the controller has made this many more requests of a method to paths that end so.
    pub async fn until_tried(&self, method: &str, path_end: &str, times: usize) {
        let tries = || {
            let requests = self.server().requests();
            let ours = requests.iter().filter(|request| request.user.contains("snapshot-controller"));
            ours.filter(|request| request.method == method && request.path.ends_with(path_end)).count()
        };
        let (before, end) = (tries(), Instant::now() + PATIENCE);
        while tries() < before + times {
            assert!(Instant::now() < end, "{} of {method} {path_end}\n{}", tries() - before, self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets the controller read nodes.
    pub fn grant_nodes(&self) {
        rights::grant_more(self.server(), rights::CONTROLLER_NODES, "kube-system", "snapshot-controller")
            .unwrap();
    }

    /// Installs the kinds of a group.
    pub fn install(&self, group: &str) {
        for crd in sandbox::crds::all().unwrap() {
            if crd["spec"]["group"] == group {
                self.server().install(&crd).unwrap();
            }
        }
    }

    /// Starts the controller with fast retries.
    pub fn controller(&self, more: &[&str]) -> Process {
        let mut command = StdCommand::new(env!("CARGO_BIN_EXE_snapshot-controller"));
        command
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .args(["-v=4", "--retry-interval-start=100ms", "--retry-interval-max=1m"])
            .args(more);
        Process::start(Command::from(command), &self.directory.path().join("controller.log")).unwrap()
    }

    pub fn api(&self, kind: Kind) -> Api<DynamicObject> {
        self.api_in(kind, NAMESPACE)
    }

    /// The same, in another namespace.
    pub fn api_in(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        let Kind(group, name, namespaced) = kind;
        let plural = if name.ends_with('s') { "es" } else { "s" };
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(group, "v1", name),
            &format!("{}{plural}", name.to_lowercase()),
        );
        if namespaced {
            Api::namespaced_with(self.admin.clone(), namespace, &resource)
        } else {
            Api::all_with(self.admin.clone(), &resource)
        }
    }

    /// Creates an object, whose kind and name need not be said in it.
    pub async fn make(&self, kind: Kind, name: &str, object: &Value) -> Value {
        let Kind(group, kind_name, _) = kind;
        let mut object = object.clone();
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        (object["apiVersion"], object["kind"]) = (version.into(), kind_name.into());
        object["metadata"]["name"] = name.into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let made = self.api(kind).create(&PostParams::default(), &object).await.unwrap();
        serde_json::to_value(made).unwrap()
    }

    /// A bound claim, with the volume that it holds.
    pub async fn make_claim(&self, name: &str, driver: &str) {
        let claim = json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": format!("volume-of-{name}"),
        }});
        let claim = self.make(CLAIM, name, &claim).await;
        let volume = json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "volumeMode": "Filesystem",
            "csi": {"driver": driver, "volumeHandle": format!("handle-of-{name}")},
            "claimRef": {"namespace": NAMESPACE, "name": name, "uid": claim["metadata"]["uid"]},
        }});
        self.make(VOLUME, &format!("volume-of-{name}"), &volume).await;
        self.change_status(CLAIM, name, &json!({"phase": "Bound"})).await;
    }

    /// A snapshot of a claim.
    pub async fn snapshot(&self, name: &str, claim: &str) -> Value {
        let spec = json!({"source": {"persistentVolumeClaimName": claim}, "volumeSnapshotClassName": "fast"});
        self.make(SNAPSHOT, name, &json!({"spec": spec})).await
    }

    /// An object, `None` if it is not there.
    pub async fn get(&self, kind: Kind, name: &str) -> Option<Value> {
        let found = self.api(kind).get_opt(name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// Waits until an object is as wanted.
    pub async fn until(&self, kind: Kind, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.get(kind, name).await;
            if let Some(found) = &found
                && wanted(found)
            {
                return found.clone();
            }
            assert!(Instant::now() < end, "{name} is {found:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the objects of a kind are as wanted.
    pub async fn until_some(&self, kind: Kind, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.api(kind).list(&ListParams::default()).await.unwrap();
            let found: Vec<_> =
                found.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect();
            if wanted(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{found:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an object is gone.
    pub async fn until_gone(&self, kind: Kind, name: &str) {
        let end = Instant::now() + PATIENCE;
        while let Some(found) = self.get(kind, name).await {
            assert!(Instant::now() < end, "{name} is still there: {found:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The content of a snapshot, once it is there.
    pub async fn content_of(&self, snapshot: &Value) -> Value {
        let name = content_name(snapshot);
        self.until(CONTENT, &name, |_| true).await
    }

    /// What a sidecar does: says that the snapshot of a content is taken and ready.
    pub async fn take(&self, content: &str) {
        let status = json!({
            "snapshotHandle": format!("handle-{content}"), "readyToUse": true, "restoreSize": 1 << 30,
            "creationTime": 1_767_225_600_000_000_000_i64,
        });
        self.change_status(CONTENT, content, &status).await;
    }

    /// What a sidecar does once the snapshot of a content is deleted in the storage: lets the content go.
    pub async fn let_go(&self, content: &str) {
        self.change(CONTENT, content, &json!({"metadata": {"finalizers": null}})).await;
    }

    pub async fn change(&self, kind: Kind, name: &str, change: &Value) {
        self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    pub async fn change_status(&self, kind: Kind, name: &str, status: &Value) {
        let change = json!({ "status": status });
        self.api(kind).patch_status(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    pub async fn delete(&self, kind: Kind, name: &str) {
        self.api(kind).delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// A ready snapshot of the claim `data`; its content's name.
    pub async fn ready(&self, name: &str) -> String {
        let snapshot = self.snapshot(name, "data").await;
        let content = content_name(&self.content_of(&snapshot).await["spec"]["volumeSnapshotRef"].clone());
        self.take(&content).await;
        self.until(SNAPSHOT, name, |snapshot| snapshot["status"]["readyToUse"] == true).await;
        content
    }

    /// Waits for an event about an object of this name.
    pub async fn event(&self, name: &str, reason: &str) -> Value {
        self.event_saying(name, reason, "").await
    }

    /// The same with these words.
    pub async fn event_saying(&self, name: &str, reason: &str, words: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        let says = |event: &&Value| event["message"].as_str().unwrap().contains(words);
        loop {
            let events = self.events(name).await;
            if let Some(event) = events.iter().filter(says).find(|event| event["reason"] == reason) {
                return event.clone();
            }
            assert!(Instant::now() < end, "{events:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The events about an object of this name.
    pub async fn events(&self, name: &str) -> Vec<Value> {
        let all = self.api(EVENT).list(&ListParams::default()).await.unwrap();
        let all = all.items.into_iter().map(|event| serde_json::to_value(event).unwrap());
        all.filter(|event| event["involvedObject"]["name"] == name).collect()
    }

    /// What the controller has written, events left out.
    pub fn writes(&self) -> Vec<String> {
        let requests = self.server().requests();
        let ours = requests.iter().filter(|request| request.user.contains("snapshot-controller"));
        ours.filter(|request| !request.path.contains("/events") && request.method != "GET")
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("controller.log")).unwrap_or_default()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let log = self.log();
        assert!(std::thread::panicking() || self.has_rival == log.contains(RIVAL), "{log}");
    }
}

pub fn class(driver: &str) -> Value {
    json!({"driver": driver, "deletionPolicy": "Delete"})
}

/// The name of the content of a snapshot, or of the reference to one.
pub fn content_name(snapshot: &Value) -> String {
    let uid = snapshot.pointer("/metadata/uid").or_else(|| snapshot.get("uid"));
    format!("snapcontent-{}", uid.unwrap().as_str().unwrap())
}

/// Whether an object has a finalizer.
pub fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|held| held == finalizer))
}
