//! Requests that were sent, and whose effect may not be there yet. What must not happen before it is known waits for them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use machinery::clock;

use crate::rivals::IN_FLIGHT;

/// The requests of one sort that are under way.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    sent: Vec<Sent>,
    number: u64,
}

#[derive(Debug)]
struct Sent {
    number: u64,
    /// What it writes.
    key: String,
    /// The last moment of [`clock::uptime`] at which it may take effect; `None` while its answer is awaited.
    until: Option<Duration>,
    /// Since it was sent, an object of its key was seen to go.
    is_gone: bool,
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
    pub fn send(&self, key: &str) -> Awaited<'_> {
        let mut requests = self.requests();
        let now = clock::uptime();
        requests.sent.retain(|sent| sent.until.is_none_or(|until| now < until));
        requests.number += 1;
        let number = requests.number;
        requests.sent.push(Sent { number, key: key.to_owned(), until: None, is_gone: false });
        Awaited { among: self, number }
    }

    /// Objects of these keys were seen to go, or are not there: an answer that is still awaited may be about one of those.
    pub fn gone(&self, keys: impl Fn(&str) -> bool) {
        self.requests().sent.iter_mut().filter(|sent| keys(&sent.key)).for_each(|sent| sent.is_gone = true);
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
    /// It had no effect.
    pub fn failed(self) {
        let number = self.number;
        self.among.requests().sent.retain(|sent| sent.number != number);
    }

    /// What it writes is known, so that an earlier one of the same can have no effect any more. False if the object may be
    /// gone again: then only the watch knows.
    #[must_use]
    pub fn known(self) -> bool {
        let mut requests = self.among.requests();
        let mine = requests.sent.iter().find(|sent| sent.number == self.number);
        let Some((key, is_gone)) = mine.map(|sent| (sent.key.clone(), sent.is_gone)) else { return true };
        requests.sent.retain(|sent| sent.key != key);
        !is_gone
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
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_counts_for_a_minute_and_an_answered_one_no_more() {
        let _ = clock::uptime();
        let requests = InFlight::default();
        let sent = requests.send("content");
        assert!(requests.has("content") && !requests.has("other"));
        sent.failed();
        assert!(!requests.has("content"));
        drop(requests.send("content"));
        tokio::time::advance(Duration::from_secs(59)).await;
        requests.send("content").failed();
        assert!(requests.send("another").known());
        assert!(requests.has("content"), "the first may yet come");
        assert!(requests.send("content").known());
        assert!(!requests.has("content"));
        drop(requests.send("content"));
        tokio::time::advance(IN_FLIGHT).await;
        assert!(!requests.has("content"));
        let overtaken = requests.send("content");
        requests.gone(|key| key == "content");
        assert!(!overtaken.known());
    }
}
