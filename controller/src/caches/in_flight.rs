//! Requests that were sent, and whose effect may not be there yet. What must not happen before it is known waits for them.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use machinery::clock;
use machinery::cluster::write::WriteFailure;
use machinery::object::{Body, is_before};

use crate::rivals::IN_FLIGHT;

/// The requests of one sort that are under way.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    sent: Vec<Sent>,
    number: u64,
}

#[derive(Debug, Clone)]
struct Sent {
    number: u64,
    /// What it writes: the plural of the kind, and the key.
    kind: &'static str,
    key: String,
    /// The last moment of [`clock::uptime`] at which it may take effect; `None` while its answer is awaited.
    until: Option<Duration>,
    /// Since it was sent, an object of its key was seen to go.
    is_gone: bool,
    /// The version of the last list since then that does not have it.
    missing_at: Option<String>,
}

/// A request whose answer is awaited. Dropped without a word, it may take effect for a while.
#[must_use]
pub struct Awaited<'a> {
    among: &'a InFlight,
    number: u64,
}

impl InFlight {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request that writes the object of a key goes out.
    pub fn send<B: Body>(&self, key: &str) -> Awaited<'_> {
        let mut requests = self.requests();
        let now = clock::uptime();
        requests.sent.retain(|sent| sent.until.is_none_or(|until| now < until));
        requests.number += 1;
        let number = requests.number;
        let (kind, key) = (B::PLURAL, key.to_owned());
        requests.sent.push(Sent { number, kind, key, until: None, is_gone: false, missing_at: None });
        Awaited { among: self, number }
    }

    /// The object of a key was seen to go: an answer that is still awaited may be about that one.
    pub fn gone<B: Body>(&self, key: &str) {
        let mut requests = self.requests();
        let ours = requests.sent.iter_mut().filter(|sent| sent.kind == B::PLURAL && sent.key == key);
        ours.for_each(|sent| sent.is_gone = true);
    }

    /// A list of this version has no others than these: what is younger than the list may be there all the same.
    pub fn listed<B: Body>(&self, keys: &HashSet<String>, version: &str) {
        let mut requests = self.requests();
        let ours =
            requests.sent.iter_mut().filter(|sent| sent.kind == B::PLURAL && !keys.contains(&sent.key));
        ours.for_each(|sent| sent.missing_at = Some(version.to_owned()));
    }

    /// Whether a request that writes the object of a key may yet take effect.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        let now = clock::uptime();
        let may = |sent: &Sent| sent.until.is_none_or(|until| now < until);
        self.requests().sent.iter().any(|sent| may(sent) && sent.key == key)
    }
}

impl Awaited<'_> {
    /// A write of what is there already has ended. Without an answer it may take effect for a while.
    pub fn ended<T>(self, written: &Result<T, WriteFailure>) {
        match written {
            Err(WriteFailure::Failed(_)) => drop(self),
            Ok(_) | Err(WriteFailure::Gone | WriteFailure::LostRace | WriteFailure::Refused(_)) => {
                self.failed();
            }
        }
    }

    /// It has no effect any more.
    pub fn failed(self) {
        let number = self.number;
        self.among.requests().sent.retain(|sent| sent.number != number);
    }

    /// What it writes is known. An earlier one of the same without an answer still counts: it can take effect once the
    /// object is gone. False if the object of this version may be gone again: then only the watch knows.
    #[must_use]
    pub fn known(self, version: &str) -> bool {
        let mut requests = self.among.requests();
        let Some(mine) = requests.sent.iter().position(|sent| sent.number == self.number) else {
            return true;
        };
        let Sent { is_gone, missing_at, .. } = requests.sent.swap_remove(mine);
        !is_gone && missing_at.is_none_or(|list| is_before(&list, version))
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let mut requests = self.among.requests();
        if let Some(mine) = requests.sent.iter_mut().find(|sent| sent.number == self.number) {
            mine.until = Some(clock::uptime() + IN_FLIGHT);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::claim::Claim;
    use model::content::SingleContent;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_counts_for_a_minute_and_an_answered_one_no_more() {
        let _ = clock::uptime();
        let requests = InFlight::default();
        let request = |key| requests.send::<SingleContent>(key);
        let sent = request("content");
        assert!(requests.has("content") && !requests.has("other"));
        sent.failed();
        assert!(!requests.has("content"));
        drop(request("content"));
        tokio::time::advance(Duration::from_secs(59)).await;
        request("content").failed();
        assert!(request("another").known("1"));
        assert!(requests.has("content"), "the first may yet come");
        assert!(request("content").known("2"));
        assert!(requests.has("content"), "what is known may be deleted before the first comes");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!requests.has("content"));
        assert!(request("content").known("3"));
        assert!(!requests.has("content"));
        drop(request("content"));
        tokio::time::advance(IN_FLIGHT).await;
        assert!(!requests.has("content"));
    }

    #[test]
    fn an_object_that_may_have_gone_is_known_to_the_watch_alone() {
        let requests = InFlight::default();
        let send = || requests.send::<SingleContent>("content");
        let overtaken = send();
        requests.gone::<SingleContent>("content");
        assert!(!overtaken.known("5"));
        let nothing = HashSet::new();
        let older = send();
        requests.listed::<SingleContent>(&nothing, "5");
        assert!(older.known("6"), "the list could not have it");
        let newer = send();
        requests.listed::<SingleContent>(&nothing, "6");
        assert!(!newer.known("6"), "the list would have it");
        let of_another_kind = send();
        requests.listed::<Claim>(&nothing, "9");
        assert!(of_another_kind.known("6"));
    }
}
