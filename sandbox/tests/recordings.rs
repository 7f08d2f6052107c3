//! The sandbox answers every recorded request as a real API server did.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

mod common;
#[path = "recordings/compare.rs"]
mod compare;
#[path = "recordings/discovery.rs"]
mod discovery;

use std::time::Duration;

use common::{Ask, Client, Next};
use compare::Learned;
use http::Method;
use sandbox::api::{Options, Server};
use sandbox::crds;
use serde_json::{Value, json};

const RECORDINGS: &str = include_str!("recordings/apiserver-1.36.jsonl");
const CONTENTS: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";

/// How long a watch has to stay silent after its last recorded event.
const SILENCE: Duration = Duration::from_millis(250);

/// How long an event may take. A bookmark is sent a second after its version.
const PATIENCE: Duration = Duration::from_secs(3);

/// The exchanges that cannot pass, each with its reason.
const EXCEPTIONS: [(u64, &str); 0] = [];

struct Replay {
    learned: Learned,
    admin: Client,
    sidecar: Client,
    exchanges: Vec<Value>,
}

#[tokio::test]
async fn every_recorded_exchange_passes() {
    let server = Server::start(Options { install_crds: false, ..Options::default() }).await.expect("starts");
    for mut crd in crds::all().expect("the CRDs are YAML") {
        for version in crd["spec"]["versions"].as_array_mut().expect("versions") {
            version.as_object_mut().expect("a version").remove("selectableFields");
        }
        server.install(&crd).expect("a valid CRD");
    }
    let admin = Client::admin(&server);
    let sidecar = admin.with_token(Some(&sidecar_token(&admin).await));
    let mut exchanges: Vec<Value> =
        RECORDINGS.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    exchanges.sort_by_key(|exchange| exchange["n"].as_u64());
    assert_eq!(exchanges.len(), 134);
    let mut replay = Replay { learned: Learned::default(), admin, sidecar, exchanges };
    let mut failed = Vec::new();
    for index in 0..134 {
        let exchange = replay.exchanges[index].clone();
        let n = exchange["n"].as_u64().expect("a number");
        if EXCEPTIONS.iter().any(|(exception, _)| *exception == n) || n == 93 {
            continue;
        }
        let mut differences = Vec::new();
        replay.prepare(n).await;
        replay.exchange(&exchange, &mut differences).await;
        if !differences.is_empty() {
            failed.push(format!("n={n} {}\n    {}", exchange["why"], differences.join("\n    ")));
        }
    }
    assert!(failed.is_empty(), "{} exchanges differ:\n{}", failed.len(), failed.join("\n"));
}

/// The token of an account with the rights of the recorded one, which are fewer than those that are deployed.
async fn sidecar_token(admin: &Client) -> String {
    let rules = json!([
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch", "create", "update", "patch"]},
        {"apiGroups": ["snapshot.storage.k8s.io"], "resources": ["volumesnapshotcontents"],
         "verbs": ["get", "list", "watch", "update", "patch"]},
    ]);
    let (accounts, rbac) =
        ("/api/v1/namespaces/default/serviceaccounts", "/apis/rbac.authorization.k8s.io/v1");
    let name = json!({"name": "csi-snapshotter"});
    let subject = json!({"kind": "ServiceAccount", "name": "csi-snapshotter", "namespace": "default"});
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "csi-snapshotter"});
    for (path, body) in [
        (accounts.to_owned(), json!({"metadata": name})),
        (format!("{rbac}/clusterroles"), json!({"metadata": name, "rules": rules})),
        (
            format!("{rbac}/clusterrolebindings"),
            json!({"metadata": name, "subjects": [subject], "roleRef": role}),
        ),
    ] {
        let (status, answer) = admin.create(&path, &body).await;
        assert_eq!(status, 201, "{answer}");
    }
    let (status, answer) =
        admin.create(&format!("{accounts}/csi-snapshotter/token"), &json!({"spec": {}})).await;
    assert_eq!(status, 201, "{answer}");
    answer["status"]["token"].as_str().expect("a token").to_owned()
}

/// A content like the recorded ones.
fn content(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
        "metadata": {
            "name": name, "labels": labels,
            "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"],
        },
        "spec": {
            "deletionPolicy": "Delete", "driver": "lab.csi.example.com", "source": {"volumeHandle": "v"},
            "volumeSnapshotClassName": "rec",
            "volumeSnapshotRef": {
                "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "name": format!("vs-{name}"),
                "namespace": "default", "uid": uid_of(name),
            },
        },
    })
}

/// The uid in the recorded snapshot reference of a content.
fn uid_of(name: &str) -> String {
    let of_name = |object: &Value| {
        (object["metadata"]["name"] == name).then(|| object["spec"]["volumeSnapshotRef"]["uid"].clone())
    };
    let find = |exchange: Value| {
        let response = &exchange["response"];
        let items = response["body"]["items"].as_array().cloned().unwrap_or_default();
        let events = response["events"].as_array().cloned().unwrap_or_default();
        let objects = items.into_iter().chain(events.into_iter().map(|event| event["object"].clone()));
        objects.filter_map(|object| of_name(&object)).find_map(|uid| uid.as_str().map(str::to_owned))
    };
    let exchanges =
        RECORDINGS.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    exchanges.into_iter().find_map(find).unwrap_or_default()
}

impl Replay {
    /// Does what happened just before an exchange and was not recorded.
    async fn prepare(&self, n: u64) {
        if n != 60 {
            return;
        }
        for page in 0..5 {
            let labels = json!({"page": if page % 2 == 1 { "yes" } else { "no" }, "n": page.to_string()});
            let (status, answer) =
                self.admin.create(CONTENTS, &content(&format!("page-{page}"), &labels)).await;
            assert_eq!(status, 201, "{answer}");
        }
    }

    /// Does what happened while a watch was open.
    async fn meanwhile(&mut self, n: u64, out: &mut Vec<String>) {
        let label = |page: u64, labels: Value| {
            (format!("{CONTENTS}/page-{page}"), json!({"metadata": {"labels": labels}}))
        };
        let labels = match n {
            75 => vec![label(1, json!({"seen": "1"}))],
            76 => vec![label(1, json!({"page": "no"})), label(0, json!({"page": "yes"}))],
            79 => vec![label(3, json!({"seen": "2"}))],
            83 => vec![label(4, json!({"seen": "4"}))],
            _ => Vec::new(),
        };
        for (path, patch) in labels {
            assert_eq!(self.admin.merge(&path, &patch).await.0, 200, "{path}");
        }
        if n == 75 {
            assert_eq!(self.admin.delete(&format!("{CONTENTS}/page-2")).await.0, 200);
            assert_eq!(self.admin.create(CONTENTS, &content("page-9", &json!({"page": "yes"}))).await.0, 201);
        }
        if n == 92 {
            let exchange = self.exchanges[92].clone();
            assert_eq!(exchange["n"], 93);
            let before = out.len();
            self.plain(&exchange, out).await;
            out[before..].iter_mut().for_each(|difference| *difference = format!("(n=93) {difference}"));
        }
    }

    /// The client of an exchange, which has the credentials that were used for it.
    fn client(&self, n: u64) -> Client {
        match n {
            131 => self.admin.with_token(None),
            132 => self.admin.with_token(Some("nonsense")),
            133 | 134 => self.sidecar.clone(),
            _ => self.admin.clone(),
        }
    }

    fn ask(&self, request: &Value) -> Ask {
        let text = |field: &str| request[field].as_str().map(str::to_owned);
        let mut body = request["body"].clone();
        self.learned.quote_body(&mut body);
        Ask {
            method: text("method").and_then(|m| m.parse().ok()).unwrap_or(Method::GET),
            path: self.learned.quote(&text("path").unwrap_or_default()),
            accept: text("accept"),
            content_type: text("content_type"),
            body: match body {
                Value::Null => bytes::Bytes::new(),
                Value::String(raw) => raw.into(),
                other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string().into()
                }
            },
        }
    }

    async fn exchange(&mut self, exchange: &Value, out: &mut Vec<String>) {
        if exchange["response"].get("events").is_some() {
            self.watch(exchange, out).await;
        } else {
            self.plain(exchange, out).await;
        }
    }

    async fn plain(&mut self, exchange: &Value, out: &mut Vec<String>) {
        let (request, recorded) = (&exchange["request"], &exchange["response"]);
        let client = self.client(exchange["n"].as_u64().unwrap_or_default());
        let reply = client.send(&self.ask(request)).await;
        if recorded["status"] != reply.status || recorded["content_type"] != *reply.content_type {
            out.push(format!(
                "recorded {} {}, here {} {}: {}",
                recorded["status"],
                recorded["content_type"],
                reply.status,
                reply.content_type,
                reply.json()
            ));
            return;
        }
        self.learned.compare(&recorded["body"], &reply.json(), out);
    }

    async fn watch(&mut self, exchange: &Value, out: &mut Vec<String>) {
        let (request, recorded) = (&exchange["request"], &exchange["response"]);
        let n = exchange["n"].as_u64().unwrap_or_default();
        let ask = self.ask(request);
        let mut watch = self.admin.watch_as(&ask.path, ask.accept.as_deref()).await;
        if recorded["status"] != watch.status {
            out.push(format!("status: recorded {}, here {}", recorded["status"], watch.status));
            return;
        }
        self.meanwhile(n, out).await;
        for (index, event) in recorded["events"].as_array().into_iter().flatten().enumerate() {
            let mut found = Vec::new();
            match watch.within(PATIENCE).await {
                Next::Event(ours) if event.get("type").is_some() => {
                    self.learned.event(event, &ours, &mut found);
                }
                Next::Event(ours) => self.learned.compare(event, &ours, &mut found),
                other @ (Next::Quiet | Next::End) => {
                    found.push(format!("recorded {}, here {other:?}", event["type"]));
                }
            }
            out.extend(found.into_iter().map(|difference| format!("event {index}: {difference}")));
        }
        let after = if n == 82 { watch.within(PATIENCE).await } else { watch.within(SILENCE).await };
        match (n, after) {
            (80..=82, Next::End) => {}
            (82, other) => out.push(format!("the stream ought to end, here {other:?}")),
            (_, Next::Quiet) => {}
            (_, other) => out.push(format!("recorded nothing more, here {other:?}")),
        }
    }
}
