//! The cluster of the stories: the sandbox's API server, or a real cluster that the environment names.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use sandbox::api::{Options, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

const NAMESPACE: &str = "snapshotter-stories";
const NAMESPACES: Kind = Kind { group: "", name: "Namespace", namespace: None };

/// A kind of version v1, and the namespace of its objects.
pub struct Kind {
    pub group: &'static str,
    pub name: &'static str,
    pub namespace: Option<&'static str>,
}

impl Kind {
    fn resource(&self) -> ApiResource {
        let version = GroupVersionKind::gvk(self.group, "v1", self.name);
        let plural = if self.name.ends_with('s') { "es" } else { "s" };
        ApiResource::from_gvk_with_plural(&version, &format!("{}{plural}", self.name.to_lowercase()))
    }
}

/// The cluster that the stories share.
pub struct Cluster {
    /// The client of the test.
    pub admin: kube::Client,
    /// The kubeconfig of the sidecar.
    pub kubeconfig: PathBuf,
    /// The namespace in which the sidecar may write Leases.
    pub namespace: &'static str,
    /// The sandbox, unless the cluster is a real one.
    pub sandbox: Option<Server>,
    directory: TempDir,
    /// The accounts that were made.
    accounts: Mutex<BTreeSet<String>>,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Runs a story. All stories share one runtime, because they share one cluster.
pub fn story(steps: impl Future<Output = ()>) {
    RUNTIME.block_on(steps);
}

/// The cluster that the stories share.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(Cluster::open).await
}

impl Cluster {
    /// A new sandbox cluster, or the real one.
    pub async fn open() -> Self {
        let directory = TempDir::new().unwrap();
        match (variable("SNAPSHOTTER_TEST_KUBECONFIG"), variable("SNAPSHOTTER_SIDECAR_KUBECONFIG")) {
            (Some(admin), Some(sidecar)) => {
                let admin = client(&std::fs::read_to_string(admin).unwrap()).await;
                let own = config(&std::fs::read_to_string(&sidecar).unwrap()).await;
                // The namespace of the kubeconfig's context is where the sidecar may keep a Lease.
                let namespace = own.default_namespace.leak();
                Self {
                    admin,
                    kubeconfig: sidecar.into(),
                    namespace,
                    sandbox: None,
                    directory,
                    accounts: Mutex::default(),
                }
            }
            (None, None) => Self::sandbox(directory, Options::default()).await,
            _ => {
                panic!("set both SNAPSHOTTER_TEST_KUBECONFIG and SNAPSHOTTER_SIDECAR_KUBECONFIG, or neither")
            }
        }
    }

    /// A sandbox cluster without the snapshot CRDs; `None` with a real cluster.
    pub async fn bare() -> Option<Self> {
        if variable("SNAPSHOTTER_TEST_KUBECONFIG").is_some() {
            return None;
        }
        let options = Options { install_crds: false, ..Options::default() };
        Some(Self::sandbox(TempDir::new().unwrap(), options).await)
    }

    async fn sandbox(directory: TempDir, options: Options) -> Self {
        let server = Server::start(options).await.unwrap();
        let admin = client(&server.admin_kubeconfig()).await;
        let kubeconfig = directory.path().join("sidecar.kubeconfig");
        let accounts = Mutex::default();
        let cluster =
            Self { admin, kubeconfig, namespace: NAMESPACE, sandbox: Some(server), directory, accounts };
        cluster.create(&NAMESPACES, &json!({"metadata": {"name": NAMESPACE}})).await;
        let server = cluster.sandbox.as_ref().unwrap();
        let kubeconfig =
            sandbox::rights::grant(server, sandbox::rights::SIDECAR, NAMESPACE, "csi-snapshotter").unwrap();
        std::fs::write(&cluster.kubeconfig, kubeconfig).unwrap();
        cluster
    }

    /// A kubeconfig of an account that may update but not patch; `None` on a real cluster.
    pub fn without_patch(&self) -> Option<PathBuf> {
        self.account("without-patch", sandbox::rights::SIDECAR, &["patch"])
    }

    /// A kubeconfig of an account with the rights of a manifest, without these verbs on contents; `None` on a real
    /// cluster. An account that is there already is used again.
    pub fn account(&self, name: &str, manifest: &str, without: &[&str]) -> Option<PathBuf> {
        let server = self.sandbox.as_ref()?;
        let path = self.directory.path().join(format!("{name}.kubeconfig"));
        let mut known = self.accounts.lock().unwrap();
        if known.insert(name.to_owned()) {
            let kubeconfig = sandbox::rights::grant_without(server, manifest, NAMESPACE, name, without);
            std::fs::write(&path, kubeconfig.unwrap()).unwrap();
        }
        Some(path)
    }

    pub fn api(&self, kind: &Kind) -> Api<DynamicObject> {
        let resource = kind.resource();
        match kind.namespace {
            Some(namespace) => Api::namespaced_with(self.admin.clone(), namespace, &resource),
            None => Api::all_with(self.admin.clone(), &resource),
        }
    }

    /// Creates an object, after filling in apiVersion and kind.
    pub async fn create(&self, kind: &Kind, object: &Value) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = kind.resource().api_version.into();
        object["kind"] = kind.name.into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let made = self.api(kind).create(&PostParams::default(), &object).await.unwrap();
        serde_json::to_value(made).unwrap()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn client(kubeconfig: &str) -> kube::Client {
    kube::Client::try_from(config(kubeconfig).await).unwrap()
}

async fn config(kubeconfig: &str) -> kube::Config {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}
