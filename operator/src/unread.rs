//! Why something could not be read, and what a person can do about it.

use machinery::cluster::error::{ApiError, Failure, Request, in_one_line};

/// A read that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What was asked for.
    pub request: Request,
    /// Why it was not answered.
    pub why: Why,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is no such object.
    Missing,
    /// The right is missing.
    MayNot,
    /// The API server has no such kind.
    NotServed,
    /// The credentials are not accepted.
    Unknown,
    /// No usable answer, and why.
    Away(String),
    /// Anything else, in the words of the API server.
    Refused(String),
}

impl Unread {
    /// Judges a failed request.
    #[must_use]
    pub fn of(error: &ApiError) -> Self {
        let why = match &error.failure {
            Failure::NotFound(_) => Why::Missing,
            Failure::Forbidden(_) => Why::MayNot,
            Failure::Unauthorized(_) => Why::Unknown,
            Failure::Refused(_) if error.is_refused_with(404) => Why::NotServed,
            Failure::Unavailable(cause) => Why::Away(in_one_line(&**cause)),
            Failure::Throttled(_) => Why::Away("it asks to come back later".to_owned()),
            Failure::LostRace(_)
            | Failure::AlreadyExists(_)
            | Failure::Invalid(_)
            | Failure::NotLeading
            | Failure::Unsendable(_)
            | Failure::Unreadable(_)
            | Failure::Refused(_) => Why::Refused(in_one_line(error)),
        };
        Self { request: error.request.clone(), why }
    }

    /// What a person can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        let Request { verb, resource, name } = &self.request;
        let within = || self.namespace().map_or_else(String::new, |it| format!(" in the namespace {it}"));
        match &self.why {
            Why::Missing => {
                format!("see whether {name:?} is the right name, and the namespace the right one (-n)")
            }
            Why::MayNot => format!("grant `{verb}` on `{resource}`{}", within()),
            Why::NotServed => {
                "install the kind; for the snapshot kinds: kubectl apply -k deploy/crds".to_owned()
            }
            Why::Unknown => "log in again: the token or the client certificate was not accepted".to_owned(),
            Why::Away(_) => "see whether the API server answers: kubectl get --raw /readyz".to_owned(),
            Why::Refused(_) => "see the words of the API server".to_owned(),
        }
    }

    /// The namespace that it is about, which a list has for a name.
    fn namespace(&self) -> Option<&str> {
        let Request { verb, name, .. } = &self.request;
        match name.split_once('/') {
            Some((namespace, _)) => Some(namespace),
            None => Some(&**name).filter(|name| *verb == "list" && !name.is_empty()),
        }
    }
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Request { verb, resource, name } = &self.request;
        let what = match (*verb, &**name) {
            (_, "") => resource.clone(),
            ("list", namespace) => format!("{resource} of the namespace {namespace}"),
            (_, name) => format!("{resource} {name}"),
        };
        match &self.why {
            Why::Missing => write!(f, "{what} does not exist"),
            Why::MayNot => write!(f, "{what} may not be read: {}", self.remedy()),
            Why::NotServed => write!(f, "the API server does not serve {resource}"),
            Why::Unknown => {
                write!(f, "{what} cannot be read: the API server does not accept the credentials")
            }
            Why::Away(why) => write!(f, "{what} cannot be read: the API server gives no answer: {why}"),
            Why::Refused(why) => write!(f, "{what} cannot be read: {why}"),
        }
    }
}

impl std::error::Error for Unread {}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(why: Why, name: &str) -> Unread {
        let request =
            Request { verb: "get", resource: "things.example.com".to_owned(), name: name.to_owned() };
        Unread { request, why }
    }

    #[test]
    fn a_missing_right_is_named_with_its_namespace() {
        assert_eq!(
            unread(Why::MayNot, "n/t").to_string(),
            "things.example.com n/t may not be read: grant `get` on `things.example.com` in the namespace n"
        );
        assert_eq!(
            unread(Why::MayNot, "t").to_string(),
            "things.example.com t may not be read: grant `get` on `things.example.com`"
        );
    }

    #[test]
    fn every_reason_has_a_sentence_and_a_remedy() {
        let words = || "words".to_owned();
        for why in [
            Why::Missing,
            Why::MayNot,
            Why::NotServed,
            Why::Unknown,
            Why::Away(words()),
            Why::Refused(words()),
        ] {
            let unread = unread(why, "n/t");
            assert!(unread.to_string().contains("things.example.com"), "{unread}");
            assert!(!unread.remedy().is_empty());
        }
    }
}
