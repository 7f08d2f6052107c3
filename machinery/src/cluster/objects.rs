//! Objects of one kind: fresh reads, creates, and guarded writes and deletes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kube::Client;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{Request as Builder, Resource, request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::warn;

use super::error::{ApiError, Failure, Request};
use super::request::{json, segment, text};
use super::write::{Half, Write};

/// The subresource of [`Half::Status`].
const STATUS: &str = "status";

/// The objects of a kind, as a client may read and write them. A key is `namespace/name`, or the name alone where the
/// kind has no namespaces.
///
/// # Promises
/// - A write says what it expects to find, and is refused as [`Failure::LostRace`] if it does not find it.
/// - Where the right to PATCH is missing, a write becomes GET and PUT with the version just read, with the same
///   expectations. That this is so is found out once for each half of the objects, and logged once.
/// - A deletion is of one object in one state: of another uid or version the server deletes nothing.
pub struct Objects<K> {
    client: Client,
    puts: Arc<Puts>,
    kind: PhantomData<fn() -> K>,
}

/// Which halves have to be written by PUT.
#[derive(Default)]
struct Puts {
    main: AtomicBool,
    status: AtomicBool,
}

impl Puts {
    fn of(&self, half: Half) -> &AtomicBool {
        match half {
            Half::Main => &self.main,
            Half::Status => &self.status,
        }
    }
}

impl<K> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), puts: self.puts.clone(), kind: PhantomData }
    }
}

impl<K> Objects<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    /// The objects of kind `K` behind a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, puts: Arc::default(), kind: PhantomData }
    }

    /// An object as it is now.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is none of this key, and the others.
    pub async fn get(&self, key: &str) -> Result<K, ApiError> {
        self.read(key).await
    }

    /// Writes, and gives back the object as the server returned it.
    ///
    /// # Errors
    /// [`Failure::LostRace`] if the object is not what the write expects, [`Failure::NotFound`] if it is not there,
    /// [`Failure::Invalid`] if it would break a rule of its kind, and the others.
    pub async fn write(&self, key: &str, write: &Write) -> Result<K, ApiError> {
        if self.puts.of(write.half()).load(Ordering::Relaxed) {
            let put = self.put(key, write).await;
            if matches!(put, Err(ApiError { failure: Failure::Forbidden(_), .. })) {
                // Rights have changed: the next write asks again which way is open.
                self.puts.of(write.half()).store(false, Ordering::Relaxed);
            }
            return put;
        }
        match self.patch(key, write).await {
            Err(forbidden @ ApiError { failure: Failure::Forbidden(_), .. }) => {
                match self.put(key, write).await {
                    Err(ApiError { failure: Failure::Forbidden(_), .. }) => Err(forbidden),
                    Ok(object) => {
                        if !self.puts.of(write.half()).swap(true, Ordering::Relaxed) {
                            let resource = &forbidden.request.resource;
                            warn!(%resource, "no right to patch; writing by update from now on, which costs a read each time");
                        }
                        Ok(object)
                    }
                    other => other,
                }
            }
            done => done,
        }
    }

    /// Creates an object, and gives it back as the server made it.
    ///
    /// # Errors
    /// [`Failure::AlreadyExists`] if there is one of its name, which may be the work of an attempt whose answer was lost;
    /// [`Failure::Invalid`] if it breaks a rule of its kind, and the others.
    pub async fn create(&self, object: &K) -> Result<K, ApiError>
    where
        K: Serialize,
    {
        let key = key(object);
        let request = Self::request("create", &key, Half::Main);
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let create = body.and_then(|body| Self::place(&key).0.create(&PostParams::default(), body));
        json(&self.client, &request, create).await
    }

    /// Deletes an object if it is still as given. One with finalizers stays until they are gone.
    ///
    /// # Errors
    /// [`Failure::LostRace`] if the object has another uid or version by now, [`Failure::NotFound`] if it is not there,
    /// [`Failure::Unsendable`] if the one given has no uid or version, and the others.
    pub async fn delete(&self, object: &K) -> Result<(), ApiError> {
        let key = key(object);
        let request = Self::request("delete", &key, Half::Main);
        let (uid, resource_version) = (object.meta().uid.clone(), object.meta().resource_version.clone());
        if uid.is_none() || resource_version.is_none() {
            let failure = Failure::Unsendable("the object to delete has no uid or no version".into());
            return Err(ApiError { request, failure });
        }
        let preconditions = Some(Preconditions { resource_version, uid });
        let (builder, name) = Self::place(&key);
        let delete = builder.delete(&name, &DeleteParams { preconditions, ..DeleteParams::default() });
        // The answer is a Status or the object, whichever the server likes.
        text(&self.client, &request, delete).await.map(drop)
    }

    async fn patch(&self, key: &str, write: &Write) -> Result<K, ApiError> {
        let request = Self::request("patch", key, write.half());
        let (builder, name) = Self::place(key);
        let (params, patch) = (PatchParams::default(), Patch::<()>::Json(write.patch().clone()));
        let built = match write.half() {
            Half::Main => builder.patch(&name, &params, &patch),
            Half::Status => builder.patch_subresource(STATUS, &name, &params, &patch),
        };
        let built = built.map(|request| request.map(|body| as_go_writes(&body)));
        json(&self.client, &request, built).await
    }

    async fn put(&self, key: &str, write: &Write) -> Result<K, ApiError> {
        let there: Value = self.read(key).await?;
        let request = Self::request("update", key, write.half());
        let lost = |_| ApiError { request: request.clone(), failure: Failure::LostRace(None) };
        let object = write.apply(&there).map_err(lost)?;
        let ((builder, name), params) = (Self::place(key), PostParams::default());
        let body = object.to_string().into_bytes();
        let built = match write.half() {
            Half::Main => builder.replace(&name, &params, body),
            Half::Status => builder.replace_subresource(STATUS, &name, &params, body),
        };
        json(&self.client, &request, built).await
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<T, ApiError> {
        let request = Self::request("get", key, Half::Main);
        let (builder, name) = Self::place(key);
        json(&self.client, &request, builder.get(&name, &GetParams::default())).await
    }

    fn request(verb: &'static str, key: &str, half: Half) -> Request {
        let plural = K::plural(&());
        let resource = match half {
            Half::Main => plural.into_owned(),
            Half::Status => format!("{plural}/{STATUS}"),
        };
        Request { verb, resource, name: key.to_owned() }
    }

    /// What builds the requests for a key, and the name as they take it.
    fn place(key: &str) -> (Builder, String) {
        let (namespace, name) = match key.split_once('/') {
            Some((namespace, name)) => (Some(segment(namespace)), name),
            None => (None, key),
        };
        (Builder::new(K::url_path(&(), namespace.as_deref())), segment(name))
    }
}

/// The key of an object.
fn key<K: Resource>(object: &K) -> String {
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    meta.namespace.as_ref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// JSON as Go's encoder writes it: an API server tests the value of a patch by comparing the text, and its own has
/// these characters escaped. They occur in nothing but strings.
fn as_go_writes(json: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(json.len());
    for character in String::from_utf8_lossy(json).chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text.into_bytes()
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
