//! Staying connected: wait for the socket, prove who is behind it, notice at once when it goes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;

use super::identity::{self, Doubt};
use super::wire::Wire;
use super::{Connected, Driver, connection, redact};
use machinery::repeat::Repeat;

/// Pauses between attempts to find the socket: a driver that has just started is found soon.
const SHORTEST_SOCKET_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_SOCKET_PAUSE: Duration = Duration::from_secs(1);
/// Pauses between attempts to prove the driver.
pub(super) const SHORTEST_PROOF_PAUSE: Duration = Duration::from_millis(500);
pub(super) const LONGEST_PROOF_PAUSE: Duration = Duration::from_secs(15);

/// A connection behind which the driver has proven itself.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub wire: Wire,
    pub connected: Connected,
    /// Turns true when the connection is gone.
    pub gone: watch::Receiver<bool>,
}

/// A connection is used once; after it is gone, nothing goes out on it.
#[derive(Debug, Error)]
#[error("the connection to the driver is gone")]
pub(super) struct SessionOver;

/// A finding that no waiting mends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fatal {
    /// The socket path is a directory.
    #[error("the driver's socket {0:?} is a directory; set --csi-address to the socket itself")]
    SocketIsDirectory(PathBuf),
    /// Another driver answers behind the same socket.
    #[error(
        "the driver behind the socket is now {now:?} and was {before:?}; contents of {before:?} would go to the wrong driver"
    )]
    AnotherDriver {
        /// The name at the start.
        before: String,
        /// The name now.
        now: String,
    },
    /// It cannot take snapshots.
    #[error(
        "the driver {0:?} does not have the controller capability CREATE_DELETE_SNAPSHOT; remove this sidecar from its pod, or use a version of the driver that has it"
    )]
    NoSnapshots(String),
}

impl Driver {
    /// Waits as long as it takes for a driver that answers, and proves it.
    ///
    /// # Errors
    /// [`Fatal`] where waiting is no use.
    pub async fn connect(&self) -> Result<Connected, Fatal> {
        let session = self.establish(None).await?;
        let connected = session.connected.clone();
        self.begin(session);
        Ok(connected)
    }

    /// Keeps the connection up for ever: notices a loss at once, and proves the driver again before any other
    /// call goes out. To be called after [`Driver::connect`]; returns only what no waiting mends.
    pub async fn supervise(&self) -> Fatal {
        loop {
            let session = self.0.session.subscribe().borrow_and_update().clone();
            let Some(session) = session else { return std::future::pending().await };
            let mut gone = session.gone.clone();
            // An error means that the stream went without a word, which is gone as well.
            let _ = gone.wait_for(|gone| *gone).await;
            self.0.session.send_replace(None);
            let name = &session.connected.name;
            tracing::warn!(
                driver = name,
                "the connection to the driver is gone, waiting for it to come back"
            );
            match self.establish(Some(name)).await {
                Ok(back) => {
                    tracing::warn!(driver = name, version = back.connected.version, "the driver is back");
                    self.begin(back);
                }
                Err(fatal) => return fatal,
            }
        }
    }

    /// Calls go out on this connection from now on; those about groups once the driver has said that it takes them.
    fn begin(&self, session: Arc<Session>) {
        self.0.session.send_replace(Some(Arc::clone(&session)));
        if self.0.groups {
            tokio::spawn(self.clone().learn_of_groups(session));
        }
    }

    async fn establish(&self, before: Option<&str>) -> Result<Arc<Session>, Fatal> {
        let mut told = Repeat::default();
        let mut pause = SHORTEST_PROOF_PAUSE;
        loop {
            let (wire, gone) = self.find_socket(&mut told).await?;
            match identity::prove(self, &wire, before).await {
                Ok(connected) => return Ok(Arc::new(Session { wire, connected, gone })),
                Err(Doubt::Fatal(fatal)) => return Err(fatal),
                Err(Doubt::NotReady) => {
                    tell(&mut told, "the driver says that it is not ready yet, asking again");
                    sleep(SHORTEST_PROOF_PAUSE).await;
                }
                Err(Doubt::Failed(why)) => {
                    tell(
                        &mut told,
                        &format!(
                            "the driver does not answer as it should, trying again: {}",
                            redact::brief(&why)
                        ),
                    );
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PROOF_PAUSE);
                }
            }
        }
    }

    async fn find_socket(&self, told: &mut Repeat) -> Result<(Wire, watch::Receiver<bool>), Fatal> {
        let socket = &self.0.socket;
        let mut pause = SHORTEST_SOCKET_PAUSE;
        loop {
            let error = match connection::open(socket).await {
                Ok(open) => return Ok(open),
                Err(error) => error,
            };
            if socket.is_dir() {
                return Err(Fatal::SocketIsDirectory(socket.clone()));
            }
            tell(told, &format!("waiting for the driver's socket {}: {}", socket.display(), explain(&error)));
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_SOCKET_PAUSE);
        }
    }
}

/// What to look at when a socket cannot be opened.
fn explain(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        "it does not exist; is the driver's container up, and the socket's volume shared?".to_owned()
    } else if kind == io::ErrorKind::ConnectionRefused {
        "nobody listens on it; is the driver's container up?".to_owned()
    } else if kind == io::ErrorKind::PermissionDenied {
        "this user may not connect to it; run the sidecar as the user that the driver runs as (runAsUser)"
            .to_owned()
    } else {
        error.to_string()
    }
}

/// Logs what the connection waits for, once a change.
fn tell(told: &mut Repeat, line: &str) {
    if told.is_news(line) {
        tracing::warn!("{line}");
    }
}
