//! Objects of one kind: uncached reads, creates, guarded writes and deletes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ObjectList, Request as Builder, request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::warn;

use super::answers::Answers;
use super::error::{ApiError, Failure, Request};
use super::pages::{Which, fold};
use super::request::{json, segment, text};
use super::write::{Half, Write};
use crate::object::{Body, Object};

/// The subresource of [`Half::Status`].
const STATUS: &str = "status";

/// Reads and writes the objects of a kind, by [key](crate::queue::Key). Clones share what is known about rights.
///
/// # Promises
/// - A write fails as [`Failure::LostRace`] if the object is not as the write expects.
/// - Without the right to PATCH, a write becomes GET and PUT with the same expectations. This is found out and logged
///   once for the main resource and once for the status.
/// - Where only updates are ever granted, the read is left out if the object is still as the last update left it.
/// - A deletion has the uid and the resourceVersion as preconditions.
pub struct Objects<B> {
    client: Client,
    puts: Arc<Puts>,
    /// For kinds that nobody ever grants the right to PATCH for: what the last updates were answered with.
    updates: Option<Arc<Answers>>,
    kind: PhantomData<fn() -> B>,
}

/// Which halves are written by PUT, for want of the right to PATCH.
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

impl<B> Clone for Objects<B> {
    fn clone(&self) -> Self {
        let Self { client, puts, updates, kind } = self;
        Self { client: client.clone(), puts: puts.clone(), updates: updates.clone(), kind: *kind }
    }
}

impl<B: Body> Objects<B> {
    /// The objects of kind `B`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, puts: Arc::default(), updates: None, kind: PhantomData }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is none, and the others.
    pub async fn get(&self, key: &str) -> Result<Object<B>, ApiError> {
        self.read(key).await
    }

    /// Reads the objects of a namespace that a label selector selects.
    ///
    /// # Errors
    /// [`Failure::Refused`] if it is no label selector, and the others.
    pub async fn list(&self, namespace: &str, labels: &str) -> Result<Vec<Object<B>>, ApiError> {
        let request = Self::request("list", namespace, Half::Main);
        let builder = Builder::new(B::path(Some(&segment(namespace))));
        let list = builder.list(&ListParams::default().labels(labels));
        let list: ObjectList<Object<B>> = json(&self.client, &request, list).await?;
        Ok(list.items)
    }

    /// Reads all objects in pages, each into what `add` makes of it, so that no more than a page is held. A field
    /// selector may only save work: it is dropped where the server does not support it. A list that expired between two
    /// pages begins again with an empty result, for a few times.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] without the right to list, [`Failure::Refused`] with the code 404 if there is no such kind,
    /// and the others.
    pub async fn fold<T: Default>(
        &self,
        fields: &str,
        mut add: impl FnMut(&mut T, Object<B>),
    ) -> Result<T, ApiError> {
        self.fold_which(&Which { fields, ..Which::default() }, &mut add).await
    }

    /// The same for some of them.
    ///
    /// # Errors
    /// As [`Objects::fold`].
    pub async fn fold_which<T: Default>(
        &self,
        which: &Which<'_>,
        add: impl FnMut(&mut T, Object<B>),
    ) -> Result<T, ApiError> {
        let request = Self::request("list", which.namespace.unwrap_or_default(), Half::Main);
        let path = B::path(which.namespace.map(segment).as_deref());
        fold(&self.client, &request, &path, which, add).await
    }

    /// Writes, and returns the resulting object.
    ///
    /// # Errors
    /// [`Failure::LostRace`] if the object is not as the write expects, [`Failure::NotFound`] if it does not exist,
    /// [`Failure::Invalid`] if the result would be invalid, and the others.
    pub async fn write(&self, key: &str, write: &Write) -> Result<Object<B>, ApiError> {
        if self.puts.of(write.half()).load(Ordering::Relaxed) {
            let put = self.put(key, write).await;
            let is_forbidden = matches!(put, Err(ApiError { failure: Failure::Forbidden(_), .. }));
            if is_forbidden && self.updates.is_none() {
                // Rights have changed: the next write tries PATCH again.
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

    /// The same, where the right to PATCH is never granted: every write is a PUT from the first on.
    #[must_use]
    pub fn by_update(client: Client) -> Self {
        let objects = Self { updates: Some(Arc::default()), ..Self::new(client) };
        objects.puts.main.store(true, Ordering::Relaxed);
        objects.puts.status.store(true, Ordering::Relaxed);
        objects
    }

    /// Creates an object of a key, and returns it as the server stored it.
    ///
    /// # Errors
    /// [`Failure::AlreadyExists`] if the name is taken, perhaps by an earlier attempt whose answer was lost;
    /// [`Failure::Invalid`] if the object is invalid, and the others.
    pub async fn create(&self, key: &str, object: &impl Serialize) -> Result<Object<B>, ApiError> {
        let request = Self::request("create", key, Half::Main);
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let create = body.and_then(|body| Self::target(key).0.create(&PostParams::default(), body));
        json(&self.client, &request, create).await
    }

    /// Deletes an object if it is unchanged. With finalizers it stays until they are removed, and is returned as it is now;
    /// `None` if it is gone.
    ///
    /// # Errors
    /// [`Failure::LostRace`] if its uid or resourceVersion differs, [`Failure::NotFound`] if it does not exist,
    /// [`Failure::Unsendable`] if `object` has no uid or no resourceVersion, and the others.
    pub async fn delete(&self, object: &Object<B>) -> Result<Option<Object<B>>, ApiError> {
        let key = object.key();
        let request = Self::request("delete", &key, Half::Main);
        if object.uid().is_empty() || object.version().is_empty() {
            let failure = Failure::Unsendable("the object to delete has no uid or no version".into());
            return Err(ApiError { request, failure });
        }
        let (uid, resource_version) = (Some(object.uid().to_owned()), Some(object.version().to_owned()));
        let preconditions = Some(Preconditions { resource_version, uid });
        let (builder, name) = Self::target(&key);
        let delete = builder.delete(&name, &DeleteParams { preconditions, ..DeleteParams::default() });
        // The answer is a Status where it is gone.
        let answer = text(&self.client, &request, delete).await?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        Ok(Some(answer)
            .filter(|answer| answer["kind"] != "Status")
            .and_then(|it| serde_json::from_value(it).ok()))
    }

    async fn patch(&self, key: &str, write: &Write) -> Result<Object<B>, ApiError> {
        let request = Self::request("patch", key, write.half());
        let (builder, name) = Self::target(key);
        let (params, patch) = (PatchParams::default(), Patch::<()>::Json(write.patch().clone()));
        let built = match write.half() {
            Half::Main => builder.patch(&name, &params, &patch),
            Half::Status => builder.patch_subresource(STATUS, &name, &params, &patch),
        };
        let built = built.map(|request| request.map(|body| escape_like_go(&body)));
        json(&self.client, &request, built).await
    }

    /// Reads and replaces. What the last update was answered with may still be what is there, and saves the read; if not,
    /// its resourceVersion shows that.
    async fn put(&self, key: &str, write: &Write) -> Result<Object<B>, ApiError> {
        let last = self.updates.as_ref().and_then(|answers| answers.take(key));
        let last: Option<Value> = last.and_then(|answer| serde_json::from_str(&answer).ok());
        if let Some(there) = last {
            match self.replace(key, &there, write).await {
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => {}
                done => return done,
            }
        }
        self.replace(key, &self.read(key).await?, write).await
    }

    /// Replaces an object by what a write makes of it.
    async fn replace(&self, key: &str, there: &Value, write: &Write) -> Result<Object<B>, ApiError> {
        let request = Self::request("update", key, write.half());
        let lost = |_| ApiError { request: request.clone(), failure: Failure::LostRace(None) };
        let object = write.apply(there).map_err(lost)?;
        let ((builder, name), params) = (Self::target(key), PostParams::default());
        let body = object.to_string().into_bytes();
        let built = match write.half() {
            Half::Main => builder.replace(&name, &params, body),
            Half::Status => builder.replace_subresource(STATUS, &name, &params, body),
        };
        let answer = text(&self.client, &request, built).await?;
        let object = serde_json::from_str(&answer)
            .map_err(|cause| ApiError { request, failure: Failure::Unreadable(Some(cause)) })?;
        if let Some(answers) = &self.updates {
            answers.keep(key, answer);
        }
        Ok(object)
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<T, ApiError> {
        let request = Self::request("get", key, Half::Main);
        let (builder, name) = Self::target(key);
        json(&self.client, &request, builder.get(&name, &GetParams::default())).await
    }

    fn request(verb: &'static str, key: &str, half: Half) -> Request {
        let resource = match half {
            Half::Main => B::PLURAL.to_owned(),
            Half::Status => format!("{}/{STATUS}", B::PLURAL),
        };
        Request { verb, resource, name: key.to_owned() }
    }

    /// A request builder for a key, and the name as a path segment.
    fn target(key: &str) -> (Builder, String) {
        let (namespace, name) = match key.split_once('/') {
            Some((namespace, name)) => (Some(segment(namespace)), name),
            None => (None, key),
        };
        (Builder::new(B::path(namespace.as_deref())), segment(name))
    }
}

/// Escapes JSON like Go's encoder: the API server evaluates a `test` by comparing text, and its own text has these
/// characters escaped. They occur only in strings.
fn escape_like_go(json: &[u8]) -> Vec<u8> {
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
