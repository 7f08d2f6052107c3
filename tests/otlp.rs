//! Traces of the real binary, as a collector receives them.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use sandbox::api::{Options as ApiOptions, Server};
use sandbox::driver::{Driver, Fault, Method, Options, Times};
use sandbox::process::{Process, Signal};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::NamedService;

/// In base64 and as it is.
const SECRET: (&str, &str) = ("aHVudGVyMi1vdGxw", "hunter2-otlp");
const PATIENCE: Duration = Duration::from_secs(30);

/// The collector's TraceService: takes every batch as it comes.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<u8>>>);

impl NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<Body>> for Collector {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let taken = self.0.clone();
        Box::pin(async move {
            let batch = request.into_body().collect().await.unwrap().to_bytes();
            taken.lock().unwrap().extend_from_slice(&batch);
            let trailers = http::HeaderMap::from_iter([("grpc-status", "0")].map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            }));
            // An empty message behind its five bytes of head.
            let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(async { Some(Ok(trailers)) });
            let answer = http::Response::builder().header("content-type", "application/grpc");
            Ok(answer.body(Body::new(body)).unwrap())
        })
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(collector.clone());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, endpoint)
    }

    fn holds(&self, text: &str) -> bool {
        self.0.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    }
}

async fn create(admin: &kube::Client, group: &str, kind: &str, namespace: Option<&str>, mut object: Value) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    object["apiVersion"] = resource.api_version.clone().into();
    object["kind"] = kind.into();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
        None => Api::all_with(admin.clone(), &resource),
    };
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

/// A content whose calls carry a Secret.
async fn content(admin: &kube::Client, driver: &str) {
    const GROUP: &str = "snapshot.storage.k8s.io";
    let data = json!({"metadata": {"name": "creds"}, "data": {"password": SECRET.0}});
    create(admin, "", "Secret", Some("default"), data).await;
    let class = json!({"metadata": {"name": "class"}, "driver": driver, "deletionPolicy": "Delete"});
    create(admin, GROUP, "VolumeSnapshotClass", None, class).await;
    let content = json!({
        "metadata": {
            "name": "content-1",
            "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"],
            "annotations": {
                "snapshot.storage.kubernetes.io/deletion-secret-name": "creds",
                "snapshot.storage.kubernetes.io/deletion-secret-namespace": "default",
            },
        },
        "spec": {
            "driver": driver, "deletionPolicy": "Delete", "volumeSnapshotClassName": "class",
            "source": {"volumeHandle": "vol-1"},
            "volumeSnapshotRef": {"kind": "VolumeSnapshot", "namespace": "default", "name": "s", "uid": "u-1"},
        },
    });
    create(admin, GROUP, "VolumeSnapshotContent", None, content).await;
}

fn sidecar(directory: &Path, kubeconfig: &str, endpoint: &str) -> Process {
    let path = directory.join("kubeconfig");
    std::fs::write(&path, kubeconfig).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_csi-snapshotter"));
    command
        .args([format!("--kubeconfig={}", path.display()), "-v=0".to_owned()])
        .arg(format!("--csi-address={}", directory.join("csi.sock").display()))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    Process::start(command, &directory.join("log")).unwrap()
}

async fn ends(mut process: Process) -> (Option<i32>, String, Duration) {
    let start = Instant::now();
    process.signal(Signal::TERM).unwrap();
    let code = process.exit_code(PATIENCE).await.unwrap();
    (code, process.log(), start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_a_collector_receives_the_documented_spans_without_secrets_and_the_last_ones_at_the_end() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::TempDir::new().unwrap();
    let server = Server::start(ApiOptions::default()).await.unwrap();
    let kubeconfig = Kubeconfig::from_yaml(&server.admin_kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let admin = kube::Client::try_from(config).unwrap();
    let options = Options { make_missing_volumes: true, ..Options::default() };
    let name = options.name.clone();
    let driver = Driver::start(&directory.path().join("csi.sock"), options).await.unwrap();
    let quoted = format!("cannot log in with {}", SECRET.1);
    driver.script().fail(
        Method::CreateSnapshot,
        Fault::Before(tonic::Status::internal(quoted)),
        Times::Next(1),
    );
    content(&admin, &name).await;

    let (collector, endpoint) = Collector::start().await;
    let process = sidecar(directory.path(), &server.admin_kubeconfig(), &endpoint);
    let twice = driver.wait_for_calls(|calls| {
        calls.iter().filter(|call| call.method == Method::CreateSnapshot).count() == 2
    });
    tokio::time::timeout(PATIENCE, twice).await.unwrap();
    let (code, log, took) = ends(process).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!log.contains("traces"), "{log}");
    for text in [
        "pass",
        "content-1",
        "csi.v1.Identity/GetPluginInfo",
        "csi.v1.Controller/CreateSnapshot",
        "get secrets",
        "patch volumesnapshotcontents",
        "patch volumesnapshotcontents/status",
        "rpc.grpc.status_code",
        "http.response.status_code",
        "cannot log in with ***stripped***",
        "service.name",
        "csi-snapshotter",
    ] {
        assert!(collector.holds(text), "no {text} among what was sent");
    }
    for secret in [SECRET.0, SECRET.1] {
        assert!(!collector.holds(secret) && !log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_without_a_collector_the_work_goes_on_and_one_line_says_so() {
    let directory = tempfile::TempDir::new().unwrap();
    let server = Server::start(ApiOptions::default()).await.unwrap();
    let driver = Driver::start(&directory.path().join("csi.sock"), Options::default()).await.unwrap();
    let process = sidecar(directory.path(), &server.admin_kubeconfig(), "http://127.0.0.1:1");
    let asked = driver.wait_for_calls(|calls| !calls.is_empty());
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    let (code, log, took) = ends(process).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(log.matches("traces do not reach the collector").count(), 1, "{log}");
}
