//! Secrets, read so that nothing of them can end up in a log.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use kube::Client;
use serde::Deserialize;

use super::error::{ApiError, Request};
use super::request::{Payload, segment, text};

/// The data of a Secret as text. Its debug form shows the keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// The values by key, for the driver and nobody else.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why there is no secret. No variant holds anything of its content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such Secret.
    #[error("secret {namespace}/{name} does not exist")]
    NotFound {
        /// Namespace asked for.
        namespace: String,
        /// Name asked for.
        name: String,
    },
    /// The service account may not read it.
    #[error("secret {namespace}/{name} may not be read")]
    Forbidden {
        /// Namespace asked for.
        namespace: String,
        /// Name asked for.
        name: String,
        /// The answer, which names the missing right.
        #[source]
        cause: ApiError,
    },
    /// A value is not UTF-8, and CSI can carry nothing else.
    #[error("the value of key {key:?} of secret {namespace}/{name} is not UTF-8 text")]
    NotText {
        /// Namespace asked for.
        namespace: String,
        /// Name asked for.
        name: String,
        /// The key.
        key: String,
    },
    /// It could not be read for another reason; later it may be.
    #[error("secret {namespace}/{name} could not be read")]
    Failed {
        /// Namespace asked for.
        namespace: String,
        /// Name asked for.
        name: String,
        /// Why.
        #[source]
        cause: ApiError,
    },
}

/// What of a Secret is looked at.
#[derive(Deserialize)]
struct Wire {
    data: Option<BTreeMap<String, ByteString>>,
}

/// The data of a Secret, read anew.
///
/// # Errors
/// [`SecretError`].
pub async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Secrets, SecretError> {
    let request = Request {
        verb: "get",
        resource: "secrets".to_owned(),
        name: format!("{namespace}/{name}"),
    };
    let path = format!(
        "/api/v1/namespaces/{}/secrets/{}",
        segment(namespace),
        segment(name)
    );
    let asked = || (namespace.to_owned(), name.to_owned());
    let failed = |cause| {
        let (namespace, name) = asked();
        match cause {
            ApiError::Gone { .. } => SecretError::NotFound { namespace, name },
            cause @ ApiError::Forbidden { .. } => SecretError::Forbidden {
                namespace,
                name,
                cause,
            },
            cause => SecretError::Failed {
                namespace,
                name,
                cause,
            },
        }
    };
    let text = text(client, &request, &path, Payload::Nothing)
        .await
        .map_err(failed)?;
    // The parser's own words quote what it did not expect.
    let wire: Wire =
        serde_json::from_str(&text).map_err(|_| failed(ApiError::Unreadable { request, cause: None }))?;
    let pairs = wire.data.unwrap_or_default().into_iter();
    let pairs = pairs.map(|(key, ByteString(bytes))| match String::from_utf8(bytes) {
        Ok(value) => Ok((key, value)),
        Err(_) => {
            let (namespace, name) = asked();
            Err(SecretError::NotText { namespace, name, key })
        }
    });
    pairs.collect::<Result<_, _>>().map(Secrets)
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
