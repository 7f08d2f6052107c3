//! A cluster of its own for each story, with a driver, and both programs where a story wants them.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use sandbox::api::{Options, Server};
use sandbox::driver::{self, Driver};
use sandbox::rights;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::runtime::{Builder, Runtime};

/// How long anything may take that should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const NAMESPACE: &str = "team";
pub const DRIVER: &str = "a.csi.test";

/// A kind, by its group, its name, and whether its objects are in a namespace.
#[derive(Clone, Copy)]
pub struct Kind(pub &'static str, pub &'static str, pub bool);

pub const SNAPSHOT: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshot", true);
pub const CONTENT: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshotContent", false);
pub const CLASS: Kind = Kind("snapshot.storage.k8s.io", "VolumeSnapshotClass", false);
pub const CLAIM: Kind = Kind("", "PersistentVolumeClaim", true);
pub const VOLUME: Kind = Kind("", "PersistentVolume", false);

pub const GROUP: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshot", true);
pub const GROUP_CONTENT: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotContent", false);
pub const GROUP_CLASS: Kind = Kind("groupsnapshot.storage.k8s.io", "VolumeGroupSnapshotClass", false);
pub const ROLE: Kind = Kind("rbac.authorization.k8s.io", "ClusterRole", false);
pub const LEASE: Kind = Kind("coordination.k8s.io", "Lease", true);
const POD: Kind = Kind("", "Pod", true);
/// Namespace and name of the Leases of both programs.
pub const CONTROLLER_LEASE: (&str, &str) = ("kube-system", "snapshot-controller-leader");
pub const SIDECAR_LEASE: (&str, &str) = ("driver", "external-snapshotter-leader-a-csi-test");

/// Tells a story.
pub fn story(told: impl Future<Output = ()>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(told);
}

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// What it answers without a cluster.
pub async fn alone(arguments: &[&str]) -> Answer {
    let output = command().args(arguments).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-snapshots"));
    command.env_remove("KUBECONFIG").kill_on_drop(true);
    command
}

/// One of the two programs, in threads of its own. Dropping it ends it at once, as a crash would.
pub struct Program(Option<Runtime>);

impl Program {
    fn start(running: impl Future<Output = ()> + Send + 'static) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(running);
        Self(Some(runtime))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A program that goes on to print.
pub struct Running {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Waits for a line with these words.
    pub async fn line(&mut self, words: &[&str]) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().unwrap();
                if words.iter().all(|word| line.contains(word)) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    }
}

/// Where a story plays.
pub struct Stage {
    pub server: Server,
    pub driver: Driver,
    admin: kube::Client,
    directory: TempDir,
}

impl Stage {
    /// A cluster with a class `fast`, a claim `data` and its volume; neither program is started yet.
    pub async fn set() -> Self {
        let stage = Self::bare().await;
        stage.make(CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        stage.make_claim("data").await;
        stage
    }

    /// A cluster with nothing in it but namespaces and accounts, and a driver.
    pub async fn bare() -> Self {
        Self::on(Options::default()).await
    }

    /// The same on a server with these options.
    pub async fn on(options: Options) -> Self {
        let server = Server::start(options).await.unwrap();
        for name in [NAMESPACE, "kube-system", "driver"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            // One of them may be there from the start.
            let _ = server.create(&namespace);
        }
        let directory = TempDir::new().unwrap();
        for (manifest, namespace, name) in [
            (rights::CONTROLLER, "kube-system", "snapshot-controller"),
            (rights::SIDECAR, "driver", "sidecar"),
        ] {
            let account = rights::grant(&server, manifest, namespace, name).unwrap();
            std::fs::write(directory.path().join(name), account).unwrap();
        }
        std::fs::write(directory.path().join("admin"), server.admin_kubeconfig()).unwrap();
        let options = driver::Options {
            name: DRIVER.to_owned(),
            make_missing_volumes: true,
            ..driver::Options::default()
        };
        let driver = Driver::start(&directory.path().join("csi.sock"), options).await.unwrap();
        let admin = Kubeconfig::from_yaml(&server.admin_kubeconfig()).unwrap();
        let admin = kube::Config::from_custom_kubeconfig(admin, &KubeConfigOptions::default()).await.unwrap();
        let admin = kube::Client::try_from(admin).unwrap();
        Self { server, driver, admin, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the snapshot-controller, which takes the lead.
    pub fn controller(&self) -> Program {
        self.controller_with(&[])
    }

    /// The same with more flags.
    pub fn controller_with(&self, flags: &[&str]) -> Program {
        self.controller_as("snapshot-controller", "kube-system", flags)
    }

    /// Starts one that has another account, and its Lease in another namespace.
    pub fn second_controller(&self) -> Program {
        let account = rights::grant(&self.server, rights::CONTROLLER, NAMESPACE, "second").unwrap();
        std::fs::write(self.path("second"), account).unwrap();
        self.controller_as("second", NAMESPACE, &[])
    }

    fn controller_as(&self, kubeconfig: &str, namespace: &str, flags: &[&str]) -> Program {
        use snapshot_controller::{app, settings};
        let kubeconfig = format!("--kubeconfig={}", self.path(kubeconfig).display());
        let namespace = format!("--leader-election-namespace={namespace}");
        let words = [&*kubeconfig, "--retry-interval-start=100ms", "--leader-election", &namespace];
        let words = words.into_iter().chain(flags.iter().copied());
        match settings::parse(words.map(OsString::from), &|_| None) {
            Ok(settings::Command::Run(settings)) => {
                Program::start(async move { app::run(*settings).await.unwrap() })
            }
            other => panic!("{other:?}"),
        }
    }

    /// Starts the sidecar of the driver, which takes the lead.
    pub fn sidecar(&self) -> Program {
        use csi_snapshotter::{run, settings};
        let kubeconfig = format!("--kubeconfig={}", self.path("sidecar").display());
        let socket = format!("--csi-address={}", self.driver.socket().display());
        let election = ["--leader-election", "--leader-election-namespace=driver"];
        let words = [&*kubeconfig, &socket, "--retry-interval-start=100ms"].into_iter().chain(election);
        match settings::parse(words.map(OsString::from), &|_| None) {
            Ok(settings::Command::Run(settings)) => {
                Program::start(async move { run(*settings).await.unwrap() })
            }
            other => panic!("{other:?}"),
        }
    }

    /// The kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("admin")
    }

    /// What the plugin answers to an administrator.
    pub async fn ask(&self, arguments: &[&str]) -> Answer {
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig().display());
        alone(&[arguments, &[&kubeconfig]].concat()).await
    }

    /// Gives a user one right in the namespace, and no other.
    pub fn allow(&self, user: &str, resource: &str, verb: &str) {
        let metadata = json!({"name": user, "namespace": NAMESPACE});
        let grant =
            json!({"apiGroups": ["snapshot.storage.k8s.io"], "resources": [resource], "verbs": [verb]});
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [grant]});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]});
        for object in [role, binding] {
            self.server.create(&object).unwrap();
        }
    }

    /// What it answers to an account that has the rights of its manifest and no others.
    pub async fn ask_as_reader(&self, arguments: &[&str]) -> Answer {
        let path = self.path("reader");
        if !path.exists() {
            let account = rights::grant(&self.server, rights::OPERATOR, "kube-system", "reader").unwrap();
            std::fs::write(&path, account).unwrap();
        }
        alone(&[arguments, &[&format!("--kubeconfig={}", path.display())]].concat()).await
    }

    /// The command that asks the plugin.
    pub fn start(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.args(arguments).arg(format!("--kubeconfig={}", self.kubeconfig().display()));
        command
    }

    /// The plugin, which goes on.
    pub fn follow(&self, arguments: &[&str]) -> Running {
        let mut child = self.start(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { _child: child, lines }
    }

    pub fn api(&self, kind: Kind) -> Api<DynamicObject> {
        self.api_in(kind, NAMESPACE)
    }

    pub fn api_in(&self, Kind(group, name, is_namespaced): Kind, namespace: &str) -> Api<DynamicObject> {
        let plural = match name.to_lowercase() {
            name if name.ends_with('s') => format!("{name}es"),
            name if name.ends_with("policy") => name.trim_end_matches('y').to_owned() + "ies",
            name => name + "s",
        };
        let kind = GroupVersionKind::gvk(group, "v1", name);
        let resource = ApiResource::from_gvk_with_plural(&kind, &plural);
        if is_namespaced {
            Api::namespaced_with(self.admin.clone(), namespace, &resource)
        } else {
            Api::all_with(self.admin.clone(), &resource)
        }
    }

    /// Creates an object, whose kind and name need not be said in it.
    pub async fn make(&self, kind: Kind, name: &str, object: &Value) -> Value {
        self.make_in(kind, NAMESPACE, name, object).await
    }

    pub async fn make_in(&self, kind: Kind, namespace: &str, name: &str, object: &Value) -> Value {
        let Kind(group, kind_name, _) = kind;
        let mut object = object.clone();
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        (object["apiVersion"], object["kind"]) = (version.into(), kind_name.into());
        object["metadata"]["name"] = name.into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let made = self.api_in(kind, namespace).create(&PostParams::default(), &object).await.unwrap();
        serde_json::to_value(made).unwrap()
    }

    /// A bound claim, with the volume that it holds.
    pub async fn make_claim(&self, name: &str) {
        self.make_claim_with(name, &json!({})).await;
    }

    /// The same with more fields in its spec.
    pub async fn make_claim_with(&self, name: &str, more: &Value) {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": format!("volume-of-{name}"),
        });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let claim = self.make(CLAIM, name, &json!({ "spec": spec })).await;
        let volume = json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "volumeMode": "Filesystem",
            "csi": {"driver": DRIVER, "volumeHandle": format!("handle-of-{name}")},
            "claimRef": {"namespace": NAMESPACE, "name": name, "uid": claim["metadata"]["uid"]},
        }});
        self.make(VOLUME, &format!("volume-of-{name}"), &volume).await;
        self.change_status(CLAIM, name, &json!({"phase": "Bound"})).await;
    }

    /// A snapshot of the claim `data` with the class `fast`.
    pub async fn snapshot(&self, name: &str) -> Value {
        let spec =
            json!({"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"});
        self.make(SNAPSHOT, name, &json!({ "spec": spec })).await
    }

    /// Waits until both programs lead.
    pub async fn until_led(&self) {
        for (namespace, name) in [CONTROLLER_LEASE, SIDECAR_LEASE] {
            self.until_in(namespace, LEASE, name, |lease| lease["spec"]["holderIdentity"].is_string()).await;
        }
    }

    /// The pods that the programs would run in: they are named as the Leases name their holders.
    pub async fn make_pods(&self) {
        for ((namespace, name), account) in
            [(CONTROLLER_LEASE, "snapshot-controller"), (SIDECAR_LEASE, "sidecar")]
        {
            let lease = self.api_in(LEASE, namespace).get(name).await.unwrap();
            let holder =
                lease.data["spec"]["holderIdentity"].as_str().unwrap().split('_').next().unwrap().to_owned();
            let pod =
                json!({"spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "i"}]}});
            self.make_in(POD, namespace, &holder, &pod).await;
        }
    }

    /// Waits until an object is as wanted.
    pub async fn until(&self, kind: Kind, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until_in(NAMESPACE, kind, name, wanted).await
    }

    pub async fn until_in(
        &self,
        namespace: &str,
        kind: Kind,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.api_in(kind, namespace).get_opt(name).await.unwrap();
            let found = found.map(|object| serde_json::to_value(object).unwrap()).unwrap_or_default();
            if wanted(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{name} is {found:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn change(&self, kind: Kind, name: &str, change: &Value) {
        self.change_in(NAMESPACE, kind, name, change).await;
    }

    pub async fn change_in(&self, namespace: &str, kind: Kind, name: &str, change: &Value) {
        let api = self.api_in(kind, namespace);
        api.patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    /// Whether the API server refuses a change.
    pub async fn is_refused(&self, kind: Kind, name: &str, change: &Value) -> bool {
        self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(change)).await.is_err()
    }

    pub async fn change_status(&self, kind: Kind, name: &str, status: &Value) {
        let change = json!({ "status": status });
        self.api(kind).patch_status(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    pub async fn delete(&self, kind: Kind, name: &str) {
        self.api(kind).delete(name, &DeleteParams::default()).await.unwrap();
    }
}
