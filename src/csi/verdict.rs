//! Judges failed calls: the code for metrics, and whether the storage may have changed.

use std::error::Error;

use tonic::{Code, Status};

use model::reply::{self, Certainty};

use super::connection::SessionOver;

/// How tonic's own failures begin that have a code which a driver could have sent. They have no source, so only the
/// text distinguishes them from the driver's.
const MADE_HERE: [&str; 4] = [
    "Content is compressed with",
    "Error, decoded message length too large",
    "grpc-status header missing",
    "protocol error",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub code: Code,
    pub certainty: Certainty,
    pub message: String,
}

/// Judges a status. A status from the driver has no source; one with a source is a failure of the connection.
pub(super) fn judge(status: &Status) -> Verdict {
    let message = status.message().to_owned();
    if is_session_over(status) {
        let message = "the connection to the driver is gone".to_owned();
        return Verdict { code: Code::Unavailable, certainty: Certainty::NotSent, message };
    }
    if sources(status).any(<dyn Error>::is::<tonic::TimeoutExpired>) {
        // tonic enforces the deadline that we send, but only until the headers. Our own timeout also covers the body.
        return timed_out();
    }
    if status.source().is_some() {
        let message = format!("the connection to the driver broke during the call: {}", chain(status));
        return Verdict { code: Code::Unavailable, certainty: Certainty::Indefinite, message };
    }
    if MADE_HERE.iter().any(|words| message.starts_with(words)) {
        let code = if status.code() == Code::OutOfRange { Code::ResourceExhausted } else { Code::Unknown };
        return Verdict { code, certainty: Certainty::Indefinite, message };
    }
    Verdict { code: status.code(), certainty: certainty(status.code()), message }
}

/// No answer came in time. Backup tools tell from Go's words for it that the snapshot may still come; by any others they
/// take the backup for failed.
pub(super) fn timed_out() -> Verdict {
    let message = "context deadline exceeded: no answer within --timeout".to_owned();
    Verdict { code: Code::DeadlineExceeded, certainty: Certainty::Indefinite, message }
}

/// Whether a code from the driver is definite: the gRPC and CSI specs say that the request was refused. After any other
/// code the request may have taken effect.
fn certainty(code: Code) -> Certainty {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented
        | Code::OutOfRange
        | Code::FailedPrecondition => Certainty::Definite,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Certainty::Indefinite,
    }
}

/// The code for decisions. A code made on our side of the connection counts as [`reply::Code::Other`].
pub(super) fn word(code: Code, certainty: Certainty) -> reply::Code {
    match (code, certainty) {
        (Code::NotFound, Certainty::Definite) => reply::Code::NotFound,
        (Code::Aborted, Certainty::Indefinite) => reply::Code::Aborted,
        _ => reply::Code::Other,
    }
}

/// The name of a code as Go spells it.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

fn is_session_over(status: &Status) -> bool {
    sources(status).any(|cause| {
        // The connector's error may be wrapped in an io::Error.
        cause.is::<SessionOver>()
            || cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .is_some_and(<dyn Error + Send + Sync>::is::<SessionOver>)
    })
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: Option<&(dyn Error + 'static)> = status.source();
    std::iter::successors(first, |&cause| cause.source())
}

fn chain(status: &Status) -> String {
    let mut causes: Vec<String> = sources(status).map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_promise_no_effect_are_definite() {
        let definite: Vec<i32> =
            (0..17).filter(|code| certainty(Code::from_i32(*code)) == Certainty::Definite).collect();
        // INVALID_ARGUMENT 3, NOT_FOUND 5, ALREADY_EXISTS 6, PERMISSION_DENIED 7, FAILED_PRECONDITION 9,
        // OUT_OF_RANGE 11, UNIMPLEMENTED 12, UNAUTHENTICATED 16.
        assert_eq!(definite, [3, 5, 6, 7, 9, 11, 12, 16]);
    }

    #[test]
    fn a_definite_code_that_tonic_made_is_indefinite() {
        for status in [
            Status::unimplemented("Content is compressed with `gzip` which isn't supported"),
            Status::unimplemented("grpc-status header missing, mapped from HTTP status code 404"),
            Status::out_of_range("Error, decoded message length too large: found 5 bytes"),
        ] {
            assert_eq!(judge(&status).certainty, Certainty::Indefinite, "{status}");
        }
    }

    #[test]
    fn a_status_with_a_source_is_a_failure_of_the_connection() {
        let broken = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "pipe");
        let status = Status::from_error(Box::new(broken));
        let verdict = judge(&status);
        assert_eq!((verdict.code, verdict.certainty), (Code::Unavailable, Certainty::Indefinite));
    }
}
