//! Reads Secrets in a way that keeps their content out of logs and errors.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::GetParams;
use kube::core::Request as Builder;
use kube::{Client, Resource};
use serde::Deserialize;
use serde_json::Value;

use super::error::{ApiError, Failure, Request};
use super::request::{segment, text};
use crate::secrets::Secrets;

/// Why a Secret could not be read. No variant holds its content; `secret` is `namespace/name`.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such Secret.
    #[error("secret {secret} does not exist")]
    NotFound {
        /// Its key.
        secret: String,
    },
    /// The service account may not read it.
    #[error("secret {secret} may not be read")]
    Forbidden {
        /// Its key.
        secret: String,
        /// The answer, which names the missing right.
        #[source]
        cause: Box<ApiError>,
    },
    /// A value is not UTF-8, the only encoding that CSI can carry.
    #[error("the value of key {key:?} of secret {secret} is not UTF-8 text")]
    NotText {
        /// Its key.
        secret: String,
        /// The key of the value.
        key: String,
    },
    /// The request failed for another reason; a retry may succeed.
    #[error("secret {secret} could not be read")]
    Failed {
        /// Its key.
        secret: String,
        /// Why.
        #[source]
        cause: Box<ApiError>,
    },
}

impl SecretError {
    fn new(secret: String, cause: ApiError) -> Self {
        if matches!(cause.failure, Failure::NotFound(_)) {
            return Self::NotFound { secret };
        }
        let forbidden = matches!(cause.failure, Failure::Forbidden(_));
        let cause = Box::new(cause);
        if forbidden { Self::Forbidden { secret, cause } } else { Self::Failed { secret, cause } }
    }
}

#[derive(Deserialize)]
struct SecretFields {
    data: Option<BTreeMap<String, ByteString>>,
    #[serde(default)]
    metadata: Value,
}

impl SecretFields {
    /// When the Secret was last written: the latest time in its managedFields, or its creation.
    fn written(&self) -> Option<Timestamp> {
        let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
        let managers = self.metadata.get("managedFields").and_then(Value::as_array).into_iter().flatten();
        let changes = managers.filter_map(|manager| time(manager.get("time")?));
        changes.chain(self.metadata.get("creationTimestamp").and_then(time)).max()
    }
}

/// Reads the data of a Secret from the API server.
///
/// # Errors
/// [`SecretError`].
pub async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Secrets, SecretError> {
    let request =
        Request { verb: "get", resource: "secrets".to_owned(), name: format!("{namespace}/{name}") };
    let path = Secret::url_path(&(), Some(&segment(namespace)));
    let get = Builder::new(path).get(&segment(name), &GetParams::default());
    let asked = || request.name.clone();
    let text = text(client, &request, get).await.map_err(|cause| SecretError::new(asked(), cause))?;
    // The parser's error would quote the content.
    let Ok(fields) = serde_json::from_str::<SecretFields>(&text) else {
        let secret = asked();
        return Err(SecretError::new(secret, ApiError { request, failure: Failure::Unreadable(None) }));
    };
    let written = fields.written();
    let pairs = fields.data.unwrap_or_default().into_iter();
    let pairs = pairs.map(|(key, ByteString(bytes))| {
        if let Ok(value) = String::from_utf8(bytes) {
            return Ok((key, value));
        }
        Err(SecretError::NotText { secret: asked(), key })
    });
    let data = pairs.collect::<Result<_, _>>()?;
    Ok(Secrets::new(data).written_at(written))
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
