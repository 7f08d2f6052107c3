//! Objects of one kind: fresh reads and guarded writes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kube::Client;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::core::{ClusterResourceScope, Request as Builder, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::warn;

use super::error::{ApiError, Failure, Request};
use super::request::{json, segment};
use super::write::{Half, Write};

/// The subresource of [`Half::Status`].
const STATUS: &str = "status";

/// The objects of a cluster-scoped kind, as a client may read and write them.
///
/// # Promises
/// - A write says what it expects to find, and is refused as [`Failure::LostRace`] if it does not find it.
/// - Where the right to PATCH is missing, a write becomes GET and PUT with the version just read, with the same
///   expectations. That this is so is found out once for each half of the objects, and logged once.
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
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + DeserializeOwned,
{
    /// The objects of kind `K` behind a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, puts: Arc::default(), kind: PhantomData }
    }

    /// An object as it is now.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is none of the name, and the others.
    pub async fn get(&self, name: &str) -> Result<K, ApiError> {
        self.read(name).await
    }

    /// Writes, and gives back the object as the server returned it.
    ///
    /// # Errors
    /// [`Failure::LostRace`] if the object is not what the write expects, [`Failure::NotFound`] if it is not there,
    /// [`Failure::Invalid`] if it would break a rule of its kind, and the others.
    pub async fn write(&self, name: &str, write: &Write) -> Result<K, ApiError> {
        if self.puts.of(write.half()).load(Ordering::Relaxed) {
            let put = self.put(name, write).await;
            if matches!(put, Err(ApiError { failure: Failure::Forbidden(_), .. })) {
                // Rights have changed: the next write asks again which way is open.
                self.puts.of(write.half()).store(false, Ordering::Relaxed);
            }
            return put;
        }
        match self.patch(name, write).await {
            Err(forbidden @ ApiError { failure: Failure::Forbidden(_), .. }) => {
                match self.put(name, write).await {
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

    async fn patch(&self, name: &str, write: &Write) -> Result<K, ApiError> {
        let request = Self::request("patch", name, write.half());
        let (builder, name) = (Self::builder(), segment(name));
        let (params, patch) = (PatchParams::default(), Patch::<()>::Json(write.patch().clone()));
        let built = match write.half() {
            Half::Main => builder.patch(&name, &params, &patch),
            Half::Status => builder.patch_subresource(STATUS, &name, &params, &patch),
        };
        let built = built.map(|request| request.map(|body| as_go_writes(&body)));
        json(&self.client, &request, built).await
    }

    async fn put(&self, name: &str, write: &Write) -> Result<K, ApiError> {
        let there: Value = self.read(name).await?;
        let request = Self::request("update", name, write.half());
        let lost = |_| ApiError { request: request.clone(), failure: Failure::LostRace(None) };
        let object = write.apply(&there).map_err(lost)?;
        let (builder, name, params) = (Self::builder(), segment(name), PostParams::default());
        let body = object.to_string().into_bytes();
        let built = match write.half() {
            Half::Main => builder.replace(&name, &params, body),
            Half::Status => builder.replace_subresource(STATUS, &name, &params, body),
        };
        json(&self.client, &request, built).await
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, ApiError> {
        let request = Self::request("get", name, Half::Main);
        let get = Self::builder().get(&segment(name), &GetParams::default());
        json(&self.client, &request, get).await
    }

    fn request(verb: &'static str, name: &str, half: Half) -> Request {
        let plural = K::plural(&());
        let resource = match half {
            Half::Main => plural.into_owned(),
            Half::Status => format!("{plural}/{STATUS}"),
        };
        Request { verb, resource, name: name.to_owned() }
    }

    fn builder() -> Builder {
        Builder::new(K::url_path(&(), None))
    }
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
