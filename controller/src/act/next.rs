//! How a pass goes on after a step.

use std::sync::Arc;

use machinery::cluster::write::WriteFailure;
use machinery::object::Object;
use machinery::queue::Then;
use machinery::queue::worker::PassEnd;

/// How a step went on.
pub(super) enum Next<U> {
    /// Decide again, on this.
    Go(Arc<Object<U>>),
    /// The API server refuses a write: say so, and try again after a backoff.
    Refused(Refusal),
    End(PassEnd),
}

impl<U> Next<U> {
    /// The same, with a refusal changed.
    pub(super) fn refused_as(self, change: impl FnOnce(Refusal) -> Refusal) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(change(refusal)),
            Self::Go(object) => Self::Go(object),
            Self::End(end) => Self::End(end),
        }
    }
}

/// A write that the API server refuses.
pub(super) struct Refusal {
    /// The reasons of its events.
    pub(super) reasons: Vec<String>,
    /// The words of the API server.
    pub(super) why: String,
    /// Its status says it too. It must not where the status goes on to say what the content says: the two would take
    /// turns.
    pub(super) in_status: bool,
}

impl Refusal {
    fn new(reason: &str, why: String) -> Self {
        Self { reasons: vec![reason.to_owned()], why, in_status: true }
    }
}

/// How a write of the object itself went on.
pub(super) fn went<U>(
    object: &Arc<Object<U>>,
    written: Result<Arc<Object<U>>, WriteFailure>,
    reason: &str,
) -> Next<U> {
    match written {
        Ok(written) => Next::Go(written),
        Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Done)),
        Err(refused) => went_around(object, Err(refused), reason),
    }
}

/// How a write of something that the object names went on. What is gone shows in the watch.
pub(super) fn went_around<U>(
    object: &Arc<Object<U>>,
    written: Result<(), WriteFailure>,
    reason: &str,
) -> Next<U> {
    match written {
        Ok(()) => Next::Go(Arc::clone(object)),
        Err(WriteFailure::LostRace) => Next::End(PassEnd::well(Then::Again)),
        // The watch has yet to show that it is gone.
        Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Retry)),
        Err(WriteFailure::Refused(why)) => Next::Refused(Refusal::new(reason, why)),
        Err(WriteFailure::Failed(why)) => Next::End(PassEnd::failed(why)),
    }
}
