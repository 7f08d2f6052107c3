//! What may be said of credentials that could not be had: the library's words hold a plugin's environment and output.

use std::error::Error;

use kube::client::AuthError;

/// Credentials could not be had. Holds only what may be shown.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoCredentials(String);

/// The failure to get credentials among an error and its causes.
pub(super) fn failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(failure) = error.downcast_ref() {
            return Some(failure);
        }
        next = error.source();
    }
    None
}

/// That failure in place of an error that has it, so that not even a debug form holds more.
pub(super) fn shown(error: &(dyn Error + 'static)) -> Option<NoCredentials> {
    failure(error).map(|failure| NoCredentials(words(failure)))
}

/// What may be shown of it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an enum of the library's; what it adds may hold a secret, too"
)]
pub(super) fn words(failure: &AuthError) -> String {
    match failure {
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin of the kubeconfig failed ({})", out.status)
        }
        AuthError::AuthExecStart(cause) => {
            format!("the credential plugin of the kubeconfig cannot be started: {cause}")
        }
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) => {
            "the answer of the credential plugin of the kubeconfig does not parse".to_owned()
        }
        AuthError::MalformedTokenExpirationDate(_) => {
            "the credentials of the kubeconfig have an expiry that is no time".to_owned()
        }
        AuthError::ExecPluginFailed | AuthError::UnrefreshableTokenResponse => {
            "the credential plugin of the kubeconfig gave no token".to_owned()
        }
        AuthError::MissingCommand => "the credential plugin of the kubeconfig has no command".to_owned(),
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the credentials of the kubeconfig do not fit in a header".to_owned()
        }
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    }
}
