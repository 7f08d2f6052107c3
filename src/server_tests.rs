//! Tests of the API client against the sandbox's API server: TLS, tokens, RBAC, writes, leases.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use machinery::cluster::client::{Clients, clients, config};
use machinery::cluster::error::{ApiError, Failure};
use machinery::cluster::event::{About, Event, Severity, recorder};
use machinery::cluster::limit::Rate;
use machinery::cluster::objects::Objects;
use machinery::cluster::secret::{SecretError, secret};
use machinery::cluster::write::Write;
use machinery::lead::{Candidate, ElectionEnd, Elector, Lease, Timing, identity};
use machinery::leadership::Leadership;
use model::content::SingleContent;
use model::facts::Kind;
use sandbox::api::{Options, Server};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

const CONTENTS: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";

fn wall() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_nanosecond(since.as_nanos().try_into().unwrap()).unwrap()
}

fn connect(kubeconfig: &str, leadership: Leadership, metrics: &Metrics) -> Clients {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig).unwrap();
    let config = config(&Some(path).into(), "test").unwrap();
    let rate = Rate { qps: 100.0, burst: 200 };
    clients(&config, rate, leadership, &metrics.base.rest).unwrap()
}

async fn post(client: &Client, path: &str, body: Value) -> Value {
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .unwrap();
    serde_json::from_str(&client.request_text(request).await.unwrap()).unwrap()
}

/// Creates a service account with these rules, and returns a kubeconfig for it.
async fn account(server: &Server, admin: &Client, name: &str, rules: Value) -> String {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    post(admin, "/api/v1/namespaces/default/serviceaccounts", json!({"metadata": {"name": name}})).await;
    post(admin, &format!("{rbac}/clusterroles"), json!({"metadata": {"name": name}, "rules": rules})).await;
    let binding = json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]});
    post(admin, &format!("{rbac}/clusterrolebindings"), binding).await;
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{name}/token");
    let token = post(
        admin,
        &path,
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}),
    )
    .await;
    server.kubeconfig_for(token["status"]["token"].as_str().unwrap())
}

/// A minimal CRD for this test.
fn definition() -> Value {
    let status = json!({"type": "object", "properties": {"readyToUse": {"type": "boolean"}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "volumesnapshotcontents.snapshot.storage.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"}},
        "spec": {"group": "snapshot.storage.k8s.io", "scope": "Cluster",
            "names": {"kind": "VolumeSnapshotContent", "plural": "volumesnapshotcontents",
                "singular": "volumesnapshotcontent", "listKind": "VolumeSnapshotContentList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}, "status": status}}}}]}})
}

fn content(name: &str) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
        "metadata": {"name": name, "finalizers": ["a.example.com/x"]},
        "spec": {"deletionPolicy": "Delete", "driver": "d", "source": {"volumeHandle": "v"},
            "volumeSnapshotRef": {"name": "s", "namespace": "default", "uid": "40d3215a-df74-487b-b7c5-3d19974060cc"}}})
}

fn lease_rules() -> Value {
    json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
        "verbs": ["get", "watch", "list", "delete", "update", "create"]})
}

/// Two equal events are one Event that counts two.
async fn one_event_for_two(admin: &Client, api: Client, metrics: &Metrics, name: &str, uid: &str) {
    let (recorder, writer) =
        recorder(api, "csi-snapshotter d".to_owned(), metrics.events_dropped.clone(), wall);
    for _ in 0..2 {
        recorder.record(Event {
            about: About {
                api_version: "snapshot.storage.k8s.io/v1".into(),
                kind: "VolumeSnapshotContent".into(),
                namespace: None,
                name: name.into(),
                uid: uid.into(),
                resource_version: "1".into(),
            },
            severity: Severity::Warning,
            reason: "SnapshotCreationFailed".into(),
            message: "why".into(),
            last_word: false,
        });
    }
    drop(recorder);
    writer.run(CancellationToken::new(), Duration::ZERO).await;
    let request = http::Request::get(format!(
        "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}"
    ))
    .body(vec![])
    .unwrap();
    let events: Value = serde_json::from_str(&admin.request_text(request).await.unwrap()).unwrap();
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
    assert_eq!(events["items"][0]["count"], 2);
}

#[tokio::test]
async fn writes_secrets_and_events_work_with_and_without_the_right_to_patch() {
    let options = Options { install_crds: false, ..Options::default() };
    let server = Server::start(options).await.unwrap();
    server.install(&definition()).unwrap();
    let metrics = Metrics::new().unwrap();
    let admin = connect(&server.admin_kubeconfig(), Leadership::always(), &metrics).api;
    for patch in [true, false] {
        let name = if patch { "with" } else { "without" };
        let verbs = if patch {
            json!(["get", "list", "watch", "update", "patch"])
        } else {
            json!(["get", "list", "watch", "update"])
        };
        let rules = json!([
            {"apiGroups": ["snapshot.storage.k8s.io"], "resources": ["volumesnapshotcontents", "volumesnapshotcontents/status"], "verbs": verbs},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch", "create", "update", "patch"]},
        ]);
        let it = connect(&account(&server, &admin, name, rules).await, Leadership::always(), &metrics);
        let made = post(&admin, CONTENTS, content(name)).await;
        let uid = made["metadata"]["uid"].as_str().unwrap();
        let objects = Objects::<SingleContent>::new(it.api.clone());
        let being_created = Kind::Single.names().marker;
        let mark = Write::main()
            .test("/metadata/uid", uid)
            .test("/metadata/annotations", Value::Null)
            .add("/metadata/annotations", json!({ being_created: "yes" }));
        let marked = objects.write(name, &mark).await.unwrap();
        assert_eq!(marked.annotation(being_created), Some("yes"));
        assert!(matches!(
            objects.write(name, &mark).await,
            Err(ApiError { failure: Failure::LostRace(_), .. })
        ));
        let status = Write::status().test("/metadata/uid", uid).add("/status", json!({"readyToUse": false}));
        assert_eq!(
            objects.write(name, &status).await.unwrap().body.status.unwrap().ready_to_use,
            Some(false)
        );
        let invalid = Write::status().add("/status", json!({"readyToUse": "no"}));
        let error = objects.write(name, &invalid).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Invalid(_)), "{error:?}");
        assert!(matches!(
            objects.write("absent", &mark).await,
            Err(ApiError { failure: Failure::NotFound(_), .. })
        ));
        let error = secret(&it.api, "default", "s").await.unwrap_err();
        assert!(matches!(error, SecretError::Forbidden { .. }));

        one_event_for_two(&admin, it.api, &metrics, name, uid).await;
    }
    assert_eq!(metrics.events_dropped.get(), 0);
    post(
        &admin,
        "/api/v1/namespaces/default/secrets",
        json!({"metadata": {"name": "s"}, "data": {"k": "aHVudGVyMg=="}}),
    )
    .await;
    assert_eq!(secret(&admin, "default", "s").await.unwrap().into_inner()["k"], "hunter2");
    assert!(matches!(secret(&admin, "default", "t").await, Err(SecretError::NotFound { .. })));
}

#[tokio::test]
async fn a_lease_passes_from_one_replica_to_the_next_within_a_second_without_patch() {
    let server = Server::start(Options::default()).await.unwrap();
    let metrics = Metrics::new().unwrap();
    let admin = connect(&server.admin_kubeconfig(), Leadership::always(), &metrics).api;
    let kubeconfig = account(&server, &admin, "elector", json!([lease_rules()])).await;
    let timing = Timing {
        lease_duration: Duration::from_secs(12),
        renew_deadline: Duration::from_secs(8),
        retry_period: Duration::from_secs(1),
    };
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let leadership = Leadership::elected();
        let client = connect(&kubeconfig, leadership.clone(), &metrics).lead;
        let candidate = Candidate {
            identity: identity("host"),
            lease_duration: timing.lease_duration,
            namespace: "default".into(),
            name: "external-snapshotter-leader-d".into(),
            labels: [("app".to_owned(), "x".to_owned())].into(),
        };
        let stop = CancellationToken::new();
        let elector = Elector::new(
            Lease::new(client, "default", &candidate.name),
            candidate,
            timing,
            leadership.clone(),
            wall,
        );
        let task = tokio::spawn(elector.run(stop.clone().cancelled_owned()));
        if replicas.is_empty() {
            leadership.held().await;
        }
        replicas.push((leadership, stop, task));
    }
    let renewed = || server.requests().iter().filter(|request| request.method == "PUT").count() >= 2;
    while !renewed() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(replicas[0].0.holds());
    while let Some(n) = replicas.iter().position(|replica| replica.0.holds()) {
        let (leadership, stop, task) = replicas.remove(n);
        let start = Instant::now();
        stop.cancel();
        assert_eq!(task.await.unwrap(), ElectionEnd::Stopped);
        assert!(!leadership.holds());
        if replicas.is_empty() {
            break;
        }
        let others: Vec<_> = replicas.iter().map(|replica| Box::pin(replica.0.held())).collect();
        futures_util::future::select_all(others).await;
        assert!(start.elapsed() < Duration::from_secs(1));
    }
    for request in server.requests().iter().filter(|request| request.path.contains("leases")) {
        assert_ne!(request.method, "PATCH");
    }
}

#[tokio::test]
async fn a_server_with_insecure_skip_tls_verify_needs_no_certificate_authority() {
    let server = Server::start(Options::default()).await.unwrap();
    let given = server.admin_kubeconfig();
    let without: Vec<_> = given.lines().filter(|line| !line.contains("certificate-authority-data")).collect();
    let insecure =
        without.join("\n").replace("    server:", "    insecure-skip-tls-verify: true\n    server:");
    assert_ne!(given, insecure);
    let clients = connect(&insecure, Leadership::always(), &Metrics::new().unwrap());
    for client in [clients.watch, clients.api, clients.lead] {
        let request = http::Request::get("/api/v1/namespaces/default").body(Vec::new()).unwrap();
        client.request_text(request).await.unwrap();
    }
}
