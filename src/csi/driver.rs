//! The driver behind a socket, as far as it is known.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use model::facts::Kind;

use super::connection::Socket;
use super::method::Method;
use super::support::GroupSupport;
use super::wire::Wire;

/// The driver's identity on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connected {
    pub name: String,
    /// `GetPluginInfoResponse.vendor_version`, empty if the driver sends none.
    pub version: String,
    pub abilities: Abilities,
}

/// The optional capabilities that we use. CREATE_DELETE_SNAPSHOT is required.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub list_snapshots: bool,
    pub get_snapshot: bool,
    /// `CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT` of the group controller. It is false until the driver answers on this
    /// connection, and stays false if groups are off.
    pub group_snapshots: bool,
}

impl Abilities {
    pub(crate) fn can_find(self) -> bool {
        self.get_snapshot || self.list_snapshots
    }

    pub(crate) fn serves(self, kind: Kind) -> bool {
        match kind {
            Kind::Single => true,
            Kind::Group => self.group_snapshots,
        }
    }

    pub(super) fn allow(self, method: Method) -> bool {
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

/// A connection on which the driver was proven.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub wire: Wire,
    pub connected: Connected,
    pub gone: watch::Receiver<bool>,
}

/// An observer of calls, for metrics.
pub(crate) trait Observe: Send + Sync {
    /// A call ended. `driver` is `unknown-driver` until the driver has said its name. `code` is the gRPC code as Go
    /// spells it.
    fn call_done(&self, driver: &str, method: Method, code: &'static str, took: Duration);
}

/// The driver behind a socket. Clones share one connection.
#[derive(Clone)]
pub(crate) struct Driver(pub(super) Arc<DriverState>);

pub(super) struct DriverState {
    pub socket: Socket,
    pub timeout: Duration,
    pub groups: bool,
    pub observer: Arc<dyn Observe>,
    /// What the log has said about groups, over all connections.
    pub group_support: Mutex<GroupSupport>,
    /// The proven connection, while there is one.
    pub session: watch::Sender<Option<Arc<Session>>>,
}

impl Driver {
    /// A driver that is not connected yet. `timeout` limits every call. Without `groups` the driver is never asked for
    /// its group capabilities.
    pub(crate) fn new(
        socket: impl Into<Socket>,
        timeout: Duration,
        groups: bool,
        observer: Arc<dyn Observe>,
    ) -> Self {
        Self(Arc::new(DriverState {
            socket: socket.into(),
            timeout,
            groups,
            observer,
            group_support: Mutex::default(),
            session: watch::Sender::new(None),
        }))
    }

    pub(crate) async fn until_served(&self, kind: Kind) {
        self.until(kind, true).await;
    }

    pub(crate) async fn until_not_served(&self, kind: Kind) {
        self.until(kind, false).await;
    }

    async fn until(&self, kind: Kind, wanted: bool) {
        let serves = |session: &Option<Arc<Session>>| {
            session.as_ref().is_some_and(|session| session.connected.abilities.serves(kind))
        };
        // This handle owns the sender, so waiting cannot fail.
        let _ = self.0.session.subscribe().wait_for(|session| serves(session) == wanted).await;
    }

    /// Whether the driver can look up a single snapshot; `None` while it is not connected.
    pub(crate) fn can_find(&self) -> Option<bool> {
        self.0.session.borrow().as_ref().map(|session| session.connected.abilities.can_find())
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.0.session.borrow().is_some()
    }
}
