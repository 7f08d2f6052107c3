//! Secrets, read so that nothing of them can end up in a log.

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

/// Why there is no secret. No variant holds anything of its content; `secret` is `namespace/name`.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such Secret.
    #[error("secret {secret} does not exist")]
    NotFound {
        /// What was asked for.
        secret: String,
    },
    /// The service account may not read it.
    #[error("secret {secret} may not be read")]
    Forbidden {
        /// What was asked for.
        secret: String,
        /// The answer, which names the missing right.
        #[source]
        cause: Box<ApiError>,
    },
    /// A value is not UTF-8, and CSI can carry nothing else.
    #[error("the value of key {key:?} of secret {secret} is not UTF-8 text")]
    NotText {
        /// What was asked for.
        secret: String,
        /// The key.
        key: String,
    },
    /// It could not be read for another reason; later it may be.
    #[error("secret {secret} could not be read")]
    Failed {
        /// What was asked for.
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

/// What of a Secret is looked at.
#[derive(Deserialize)]
struct Wire {
    data: Option<BTreeMap<String, ByteString>>,
    #[serde(default)]
    metadata: Value,
}

impl Wire {
    /// When it was created, or last changed as far as the managers of its fields tell.
    fn written(&self) -> Option<Timestamp> {
        let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
        let managers = self.metadata.get("managedFields").and_then(Value::as_array).into_iter().flatten();
        let changes = managers.filter_map(|manager| time(manager.get("time")?));
        changes.chain(self.metadata.get("creationTimestamp").and_then(time)).max()
    }
}

/// The data of a Secret, read afresh.
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
    // The parser's own words quote what it did not expect.
    let Ok(wire) = serde_json::from_str::<Wire>(&text) else {
        let secret = asked();
        return Err(SecretError::new(secret, ApiError { request, failure: Failure::Unreadable(None) }));
    };
    let written = wire.written();
    let pairs = wire.data.unwrap_or_default().into_iter();
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
