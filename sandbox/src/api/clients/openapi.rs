//! As much of OpenAPI as kubectl needs before it leaves the validation of fields to the server.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::failure::ApiFailure;
use crate::api::http::answer::ApiAnswer;
use crate::api::http::request::Call;
use crate::api::kinds::kind::Kind;
use crate::api::schema::compiled::Schema;
use crate::api::store::state::State;

/// The media type of OpenAPI v2. Old clients decode it as protobuf, whatever its media type is.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// A document that says only `swagger: "2.0"` in protobuf. Without definitions, clients check nothing.
const V2_EMPTY: &[u8] = b"\x0a\x032.0";

/// Answers requests below `/openapi/`.
///
/// # Errors
/// 404 for a group version that is not served.
pub(crate) fn answer(state: &State, call: &Call) -> Result<ApiAnswer, ApiFailure> {
    let path = call.path.strip_prefix("/openapi/").unwrap_or_default();
    match path {
        "v2" if call.accepts().first().is_some_and(|media| media.contains("protobuf")) => {
            Ok(ApiAnswer::bytes(200, V2_PROTOBUF, V2_EMPTY))
        }
        "v2" => {
            let info = json!({"title": "Kubernetes", "version": "v1.36.2-sandbox"});
            Ok(ApiAnswer::json(200, &json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})))
        }
        "v3" => Ok(ApiAnswer::json(200, &index(state))),
        _ => {
            let parts: Vec<&str> = path.split('/').collect();
            match parts.as_slice() {
                ["v3", "api", version] => document(state, "", version),
                ["v3", "apis", group, version] => document(state, group, version),
                _ => Err(ApiFailure::no_page()),
            }
        }
    }
}

fn prefix(kind: &Kind) -> String {
    format!("{}/{}", if kind.group.is_empty() { "api" } else { "apis" }, kind.api_version())
}

fn index(state: &State) -> Value {
    let paths: BTreeMap<String, Value> = state
        .kinds
        .all()
        .iter()
        .map(|kind| prefix(kind))
        .map(|prefix| {
            let url = format!("/openapi/v3/{prefix}");
            (prefix, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

fn document(state: &State, group: &str, version: &str) -> Result<ApiAnswer, ApiFailure> {
    if !state.kinds.serves(group, version) {
        return Err(ApiFailure::no_page());
    }
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in state.kinds.all().iter().filter(|k| k.group == group && k.version == version) {
        let name = schema_name(kind);
        let place = if kind.namespaced { "namespaces/{namespace}/" } else { "" };
        let collection = format!("/{}/{place}{}", prefix(kind), kind.plural);
        paths.insert(
            format!("{collection}/{{name}}"),
            operations(kind, &name, &["get", "put", "patch", "delete"]),
        );
        paths.insert(collection, operations(kind, &name, &["get", "post"]));
        schemas.insert(name, schema(kind));
    }
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2-sandbox"}, "paths": paths,
        "components": {"schemas": schemas},
    });
    Ok(ApiAnswer::json(200, &document))
}

/// The name of a definition, such as `com.example.v1.Widget`, which begins with the reversed group.
fn schema_name(kind: &Kind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').filter(|label| !label.is_empty()).collect();
    let group = if group.is_empty() { "io.k8s.api.core".to_owned() } else { group.join(".") };
    format!("{group}.{}.{}", kind.version, kind.kind)
}

fn gvk(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

/// The operations of a path. Each has its kind, and those that write have the parameter `fieldValidation`.
fn operations(kind: &Kind, schema: &str, methods: &[&str]) -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let reference =
        json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
    let mut out = Map::new();
    for method in methods {
        let mut operation = json!({
            "x-kubernetes-group-version-kind": gvk(kind),
            "responses": {"200": {"description": "OK", "content": reference}},
        });
        if matches!(*method, "post" | "put" | "patch") {
            let names = ["dryRun", "fieldManager", "fieldValidation", "force"];
            operation["parameters"] = names.into_iter().map(parameter).collect();
            operation["requestBody"] = json!({"content": reference});
        }
        out.insert((*method).to_owned(), operation);
    }
    Value::Object(out)
}

fn schema(kind: &Kind) -> Value {
    let mut schema = kind.schema().map_or_else(|| json!({"type": "object"}), |s: &Schema| s.root().clone());
    schema["x-kubernetes-group-version-kind"] = json!([gvk(kind)]);
    schema
}
