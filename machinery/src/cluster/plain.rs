//! Objects of any kind as plain JSON, for programs that only show what is there. Not for Secrets: see
//! [`super::secret`].

use kube::Client;
use kube::api::{GetParams, PostParams};
use kube::core::{Request as Builder, request};
use serde_json::Value;

use super::error::{ApiError, Request};
use super::pages::{Which, fold};
use super::request::{json, segment};
use crate::object::{Body, path};

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// API group, "" for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural name, as in paths.
    pub plural: &'static str,
}

impl Resource {
    /// The resource of a kind.
    #[must_use]
    pub const fn of<B: Body>() -> Self {
        Self { group: B::GROUP, version: B::VERSION, plural: B::PLURAL }
    }

    /// `plural.group`, as rights and messages name it.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn below(&self, namespace: Option<&str>) -> Builder {
        Builder::new(self.path(namespace))
    }

    fn path(&self, namespace: Option<&str>) -> String {
        path(self.group, self.version, self.plural, namespace.map(segment).as_deref())
    }

    fn request(&self, verb: &'static str, namespace: Option<&str>, name: &str) -> Request {
        let name = match (namespace, name) {
            (Some(namespace), "") => namespace.to_owned(),
            (Some(namespace), name) => format!("{namespace}/{name}"),
            (None, name) => name.to_owned(),
        };
        Request { verb, resource: self.full_name(), name }
    }
}

/// Reads an object, of a namespace unless its kind is cluster-scoped.
///
/// # Errors
/// [`Failure::NotFound`](super::error::Failure::NotFound) if there is none, and the others.
pub async fn get(
    client: &Client,
    resource: &Resource,
    namespace: Option<&str>,
    name: &str,
) -> Result<Value, ApiError> {
    let request = resource.request("get", namespace, name);
    json(client, &request, resource.below(namespace).get(&segment(name), &GetParams::default())).await
}

/// Reads objects in pages, each into what `add` makes of it.
///
/// # Errors
/// Any [`ApiError`].
pub async fn list<T: Default>(
    client: &Client,
    resource: &Resource,
    which: &Which<'_>,
    add: impl FnMut(&mut T, Value),
) -> Result<T, ApiError> {
    let request = resource.request("list", which.namespace, "");
    fold(client, &request, &resource.path(which.namespace), which, add).await
}

/// Posts what is answered and never stored, such as a review of rights.
///
/// # Errors
/// Any [`ApiError`].
pub async fn review(client: &Client, resource: &Resource, question: &Value) -> Result<Value, ApiError> {
    let request = resource.request("create", None, "");
    let body = serde_json::to_vec(question).map_err(request::Error::SerializeBody);
    let post = body.and_then(|body| resource.below(None).create(&PostParams::default(), body));
    json(client, &request, post).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stub::server;
    use super::*;

    const THINGS: Resource = Resource { group: "example.com", version: "v1", plural: "things" };

    #[tokio::test]
    async fn a_list_is_read_page_by_page_of_a_namespace_and_a_selector() {
        let (client, log) = server(|seen| {
            let is_first = !seen.path.contains("continue");
            let (token, items) =
                if is_first { ("next", json!([{"a": 1}, {"a": 2}])) } else { ("", json!(null)) };
            (200, json!({"kind": "ThingList", "metadata": {"continue": token}, "items": items}))
        });
        let which = Which { namespace: Some("a b"), labels: "x=y", page: 2, ..Which::default() };
        let found: Vec<Value> =
            list(&client, &THINGS, &which, |all: &mut Vec<_>, one| all.push(one)).await.unwrap();
        assert_eq!(found, [json!({"a": 1}), json!({"a": 2})]);
        let paths: Vec<_> = log.lock().unwrap().iter().map(|seen| seen.path.clone()).collect();
        assert!(paths.len() == 2 && paths[1].contains("continue=next"), "{paths:?}");
        for path in paths {
            assert!(path.starts_with("/apis/example.com/v1/namespaces/a%20b/things?"), "{path}");
            assert!(path.contains("limit=2") && path.contains("labelSelector=x%3Dy"), "{path}");
        }
    }

    #[tokio::test]
    async fn what_failed_is_named_as_rights_name_it() {
        let (client, _) = server(|_| (403, json!({"code": 403, "reason": "Forbidden"})));
        let error = get(&client, &THINGS, Some("n"), "t").await.unwrap_err();
        assert_eq!(error.request.to_string(), "get things.example.com n/t");
        let error = review(&client, &THINGS, &json!({})).await.unwrap_err();
        assert_eq!(error.request.to_string(), "create things.example.com");
    }
}
