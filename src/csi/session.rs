//! Keeps the connection up: waits for the socket, proves the driver, and reconnects after a loss.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use machinery::repeat::Repeat;

use super::driver::{Connected, Driver, Session};
use super::fatal::Fatal;
use super::identity::{self, Doubt};
use super::wire::Wire;
use super::{connection, redact};

/// Pauses between attempts to open the socket; short, so that a driver that has just started is found soon.
const SHORTEST_SOCKET_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_SOCKET_PAUSE: Duration = Duration::from_secs(1);
pub(super) const SHORTEST_PROOF_PAUSE: Duration = Duration::from_millis(500);
pub(super) const LONGEST_PROOF_PAUSE: Duration = Duration::from_secs(15);

impl Driver {
    /// Waits for the driver as long as it takes, and proves it.
    pub(crate) async fn connect(&self) -> Result<Connected, Fatal> {
        let session = self.establish(None).await?;
        let connected = session.connected.clone();
        self.begin(session);
        Ok(connected)
    }

    /// Reconnects after each loss, and proves the driver again before any other call is sent. Call it after
    /// [`Driver::connect`]. It returns only for an error that retrying cannot fix.
    pub(crate) async fn supervise(&self) -> Fatal {
        loop {
            let session = self.0.session.subscribe().borrow_and_update().clone();
            let Some(session) = session else { return std::future::pending().await };
            let mut gone = session.gone.clone();
            // An error means that the sender was dropped, so the connection is gone as well.
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

    /// Opens this connection for calls. Group calls follow once the driver has confirmed the group capability.
    fn begin(&self, session: Arc<Session>) {
        self.0.session.send_replace(Some(Arc::clone(&session)));
        if self.0.groups {
            tokio::spawn(self.clone().discover_groups(session));
        }
    }

    async fn establish(&self, before: Option<&str>) -> Result<Arc<Session>, Fatal> {
        let mut logged = Repeat::default();
        let mut pause = SHORTEST_PROOF_PAUSE;
        loop {
            let (wire, gone) = self.find_socket(&mut logged).await?;
            match identity::prove(self, &wire, before).await {
                Ok(connected) => return Ok(Arc::new(Session { wire, connected, gone })),
                Err(Doubt::Fatal(fatal)) => return Err(fatal),
                Err(Doubt::NotReady) => {
                    log_once(&mut logged, "the driver says that it is not ready yet, asking again");
                    sleep(SHORTEST_PROOF_PAUSE).await;
                }
                Err(Doubt::Failed(why)) => {
                    log_once(
                        &mut logged,
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

    async fn find_socket(&self, logged: &mut Repeat) -> Result<(Wire, watch::Receiver<bool>), Fatal> {
        let socket = &self.0.socket;
        let mut pause = SHORTEST_SOCKET_PAUSE;
        loop {
            let error = match connection::open(socket).await {
                Ok(open) => return Ok(open),
                Err(error) => error,
            };
            let path = &socket.path;
            if path.is_dir() {
                return Err(Fatal::SocketIsDirectory(path.clone()));
            }
            log_once(
                logged,
                &format!("waiting for the driver's socket {}: {}", path.display(), explain(&error)),
            );
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_SOCKET_PAUSE);
        }
    }
}

/// Says why a socket cannot be opened, and what to check.
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

fn log_once(logged: &mut Repeat, line: &str) {
    if logged.is_news(line) {
        tracing::warn!("{line}");
    }
}
