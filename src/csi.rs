//! The driver as we see it: one handle, one method per operation, answers checked and failures judged.
//!
//! # Promises
//! - No call goes out before the driver behind the socket has proven, on this very connection, that it is the
//!   one we started with, and able to do such a thing. A call that cannot go out fails at once, as
//!   [`Certainty::NotSent`].
//! - Every call ends within the timeout, also when a driver sends headers and then nothing.
//! - A failure made on our side of the wire is never mistaken for the driver's own word.
//! - No secret leaves in an error, a log line or a `Debug`.
//!
//! [`Certainty::NotSent`]: model::reply::Certainty::NotSent

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use model::facts::Kind;

mod answer;
mod call;
mod connection;
mod groups;
mod identity;
mod listing;
mod method;
mod proto;
mod redact;
mod session;
mod verdict;
mod wire;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use call::{CreateGroup, CreateSnapshot};
pub use method::Method;
pub use session::Fatal;

/// What a driver said of itself on the present connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// `GetPluginInfo.name`.
    pub name: String,
    /// `GetPluginInfo.vendor_version`, "" where it says none.
    pub version: String,
    /// What it can do.
    pub abilities: Abilities,
}

/// The capabilities that we look at, besides CREATE_DELETE_SNAPSHOT, which is required.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// `LIST_SNAPSHOTS`.
    pub list_snapshots: bool,
    /// `GET_SNAPSHOT`.
    pub get_snapshot: bool,
    /// `CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT` of the group controller: false until the driver has said so on
    /// this connection, which nothing else waits for; asked for only where groups are on.
    pub group_snapshots: bool,
}

impl Abilities {
    /// Whether a single snapshot can be asked for.
    #[must_use]
    pub fn can_find(self) -> bool {
        self.get_snapshot || self.list_snapshots
    }

    /// Whether snapshots of a kind can be taken and deleted.
    #[must_use]
    pub fn serves(self, kind: Kind) -> bool {
        match kind {
            Kind::Single => true,
            Kind::Group => self.group_snapshots,
        }
    }

    /// Whether a call can be answered by more than UNIMPLEMENTED.
    fn allow(self, method: Method) -> bool {
        match method {
            Method::GetPluginInfo
            | Method::Probe
            | Method::ControllerGetCapabilities
            | Method::GroupControllerGetCapabilities
            | Method::CreateSnapshot
            | Method::DeleteSnapshot => true,
            Method::ListSnapshots => self.list_snapshots,
            Method::GetSnapshot => self.get_snapshot,
            Method::CreateVolumeGroupSnapshot
            | Method::DeleteVolumeGroupSnapshot
            | Method::GetVolumeGroupSnapshot => self.group_snapshots,
        }
    }
}

/// Hears of each call that ended, for metrics.
pub trait Observe: Send + Sync {
    /// The driver's name ("" before it is known), the call, the code's CamelCase name as Go writes it, the time.
    fn call_done(&self, driver: &str, method: Method, code: &'static str, took: Duration);
}

/// The driver behind a socket. Clones are handles to the same connection.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

struct Inner {
    socket: PathBuf,
    timeout: Duration,
    groups: bool,
    observer: Arc<dyn Observe>,
    /// What is known of groups, over all connections.
    groups_known: Mutex<groups::Known>,
    /// The proven connection, while there is one.
    session: watch::Sender<Option<Arc<session::Session>>>,
}

impl Driver {
    /// A driver that is not connected yet. `timeout` bounds every call; `groups` says whether group capabilities
    /// are asked for.
    #[must_use]
    pub fn new(socket: PathBuf, timeout: Duration, groups: bool, observer: Arc<dyn Observe>) -> Self {
        Self(Arc::new(Inner {
            socket,
            timeout,
            groups,
            observer,
            groups_known: Mutex::default(),
            session: watch::Sender::new(None),
        }))
    }

    /// Waits until there is a proven connection on which the driver serves this kind.
    pub async fn until_served(&self, kind: Kind) {
        self.until(kind, true).await;
    }

    /// Waits until there is no such connection.
    pub async fn until_not_served(&self, kind: Kind) {
        self.until(kind, false).await;
    }

    async fn until(&self, kind: Kind, wanted: bool) {
        let serves = |session: &Option<Arc<session::Session>>| {
            session.as_ref().is_some_and(|session| session.connected.abilities.serves(kind))
        };
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.0.session.subscribe().wait_for(|session| serves(session) == wanted).await;
    }

    /// Whether a single snapshot can be asked for on the present connection; `None` while there is none.
    #[must_use]
    pub fn can_find(&self) -> Option<bool> {
        self.0.session.borrow().as_ref().map(|session| session.connected.abilities.can_find())
    }

    /// Whether there is a proven connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.session.borrow().is_some()
    }
}
