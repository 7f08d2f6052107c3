//! An API server, and a strict server-side apply like that of `kubectl apply --server-side`.

use http::{Method, header};
use http_body_util::BodyExt;
use sandbox::api::{Options, Server};
use serde_json::{Value, json};

use crate::common::{Ask, Client};

/// The definitions of the monitoring kinds, as far as our manifests need them.
const MONITORING: &str = include_str!("monitoring-crds.yaml");

/// A cluster with or without the snapshot CRDs.
pub struct Cluster {
    pub server: Server,
    pub client: Client,
}

/// The answer to an apply.
pub struct Applied {
    pub status: u16,
    pub body: Value,
    pub warnings: Vec<String>,
}

impl Cluster {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// A cluster without any snapshot CRD.
    pub async fn bare() -> Self {
        Self::with(Options { install_crds: false, ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        let server = Server::start(options).await.expect("starts");
        let client = Client::admin(&server);
        Self { server, client }
    }

    /// A cluster with the kinds of the Prometheus operator and the namespace of Longhorn.
    pub async fn for_manifests() -> Self {
        let cluster = Self::bare().await;
        for crd in documents(MONITORING) {
            cluster.server.install(&crd).expect("installed");
        }
        let longhorn = json!({"metadata": {"name": "longhorn-system"}});
        assert_eq!(cluster.client.create("/api/v1/namespaces", &longhorn).await.0, 201);
        cluster
    }

    /// The path of the collection that this object belongs to.
    pub async fn path(&self, object: &Value) -> String {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let base = if api_version.contains('/') {
            format!("/apis/{api_version}")
        } else {
            format!("/api/{api_version}")
        };
        let (status, resources) = self.client.json(Method::GET, &base, "", &Value::Null).await;
        assert_eq!(status, 200, "{api_version} is not served");
        let resource = resources["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|resource| {
                resource["kind"] == kind && !resource["name"].as_str().is_some_and(|n| n.contains('/'))
            })
            .unwrap_or_else(|| panic!("{kind} of {api_version} is not served"));
        let plural = resource["name"].as_str().unwrap_or_default();
        if resource["namespaced"] == true {
            let namespace = Some(text("/metadata/namespace")).filter(|n| !n.is_empty()).unwrap_or("default");
            format!("{base}/namespaces/{namespace}/{plural}")
        } else {
            format!("{base}/{plural}")
        }
    }

    /// Server-side apply with strict field validation.
    pub async fn apply(&self, object: &Value) -> Applied {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = self.path(object).await;
        let ask = Ask {
            method: Method::PATCH,
            path: format!("{path}/{name}?fieldManager=test&fieldValidation=Strict"),
            content_type: Some("application/apply-patch+yaml".to_owned()),
            body: object.to_string().into(),
            ..Ask::default()
        };
        let (parts, body) = self.client.open(&ask).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let warnings = parts.headers.get_all(header::WARNING).iter();
        Applied {
            status: parts.status.as_u16(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            warnings: warnings.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect(),
        }
    }

    /// The same, and checks that the server accepts it without any warning except that v1beta1 is deprecated.
    pub async fn apply_well(&self, object: &Value) -> Value {
        let Applied { status, body, warnings } = self.apply(object).await;
        assert!(matches!(status, 200 | 201), "{status} {}: {body}", object["metadata"]["name"]);
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let expected: &[&str] = if version.ends_with("/v1beta1") { &["deprecated"] } else { &[] };
        let fits = warnings.len() == expected.len()
            && warnings.iter().zip(expected).all(|(warning, word)| warning.contains(word));
        assert!(fits, "{}: {warnings:?}", object["metadata"]["name"]);
        body
    }
}

/// The documents of a YAML file.
pub fn documents(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n").filter(|document| {
        document.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#') && line != "---")
    });
    documents.map(|document| serde_saphyr::from_str(document).expect("YAML")).collect()
}
