//! Error texts about credentials without secrets: the library's own texts hold a plugin's environment and output.

use std::error::Error;

use kube::client::AuthError;

/// Credentials could not be obtained. Holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoCredentials(String);

/// The credentials error among an error and its causes.
pub(super) fn auth_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(failure) = error.downcast_ref() {
            return Some(failure);
        }
        next = error.source();
    }
    None
}

/// Replaces an error that contains a credentials error, so that not even its `Debug` holds a secret.
pub(super) fn safe_error(error: &(dyn Error + 'static)) -> Option<NoCredentials> {
    auth_error(error).map(|failure| NoCredentials(safe_text(failure)))
}

/// The text that may be shown.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum; any new variant may hold a secret, too")]
pub(super) fn safe_text(failure: &AuthError) -> String {
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
