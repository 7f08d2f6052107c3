//! A CSI driver over plain directories, which a test can script, inspect, kill and restart.
//!
//! A volume is a directory, and a snapshot is a copy of it. The driver follows the specification unless its [`Script`]
//! says otherwise: it takes one snapshot for one name. It records every [`Call`].

mod controller;
mod deform;
mod engine;
mod fault;
mod groups;
mod hang;
mod identity;
mod log;
mod method;
mod node;
mod options;
pub mod proto;
mod script;
mod server;
mod store;
mod tree;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;

use self::engine::Engine;
pub use self::fault::{Fault, Malformed, Times};
pub use self::log::{Asked, Call, Outcome};
pub use self::method::Method;
pub use self::options::{Capabilities, Options};
pub use self::script::{Amnesia, Habits, Readiness, Script};
use self::server::Server;
use self::store::StorageDir;
pub use self::store::{GroupRecord, SnapshotRecord};

/// A driver that is running or has been killed. Dropping it stops it, and removes its root if that is temporary.
#[derive(Debug)]
pub struct Driver {
    engine: Arc<Engine>,
    socket: PathBuf,
    root: PathBuf,
    make_missing_volumes: bool,
    server: Option<Server>,
    /// Kept only so that it is removed in the end.
    _temporary: Option<TempDir>,
}

impl Driver {
    /// Starts a driver on `socket`, and replaces any file that is there.
    ///
    /// # Errors
    /// If the socket cannot be bound or the root cannot be read or written.
    pub async fn start(socket: &Path, options: Options) -> anyhow::Result<Driver> {
        let script = Script::new(&options);
        let (root, temporary) = if options.root.as_os_str().is_empty() {
            let directory =
                tempfile::tempdir().context("cannot make a temporary directory for the driver")?;
            (directory.path().to_owned(), Some(directory))
        } else {
            (options.root, None)
        };
        let store = open(&root, options.make_missing_volumes).await?;
        let mut driver = Driver {
            engine: Arc::new(Engine::new(script, store, options.shared)),
            socket: socket.to_owned(),
            root,
            make_missing_volumes: options.make_missing_volumes,
            server: None,
            _temporary: temporary,
        };
        driver.listen()?;
        Ok(driver)
    }

    /// The script of the driver. A change takes effect at once.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.engine.script
    }

    /// Every call since the start or the last `clear_calls`, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.engine.log.calls()
    }

    /// The number of calls of this method since the start or the last `clear_calls`.
    #[must_use]
    pub fn count(&self, method: Method) -> usize {
        self.engine.log.count(method)
    }

    /// Forgets all recorded calls.
    pub fn clear_calls(&self) {
        self.engine.log.clear();
    }

    /// Waits until `wanted` is true of the calls. It is checked whenever a call begins or ends.
    pub async fn wait_for_calls(&self, wanted: impl FnMut(&[Call]) -> bool) {
        self.engine.log.wait(wanted).await;
    }

    /// All snapshots in storage, even those that the driver has forgotten. With this a test finds leaks.
    #[must_use]
    pub fn snapshots(&self) -> Vec<SnapshotRecord> {
        self.engine.with_store(|store| store.all_snapshots())
    }

    /// Creates an empty volume with this id unless there is one, and returns the directory of its files.
    ///
    /// # Errors
    /// If the id cannot be the name of a directory, or the directory cannot be created.
    pub fn make_volume(&self, id: &str) -> anyhow::Result<PathBuf> {
        Ok(self.engine.with_store(|store| store.make_volume(id))?)
    }

    /// The directory of a volume's files, even if the volume does not exist.
    ///
    /// # Errors
    /// If the id cannot be the name of a directory.
    pub fn volume_path(&self, id: &str) -> anyhow::Result<PathBuf> {
        Ok(self.engine.with_store(|store| store.volume_path(id))?)
    }

    /// The path of the driver's socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops the listener and closes every connection at once, as SIGKILL would. Calls in flight get no answer, and the
    /// socket remains as a file that nobody listens on. Storage finishes what it has begun.
    pub async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Starts a killed driver again, on the same socket and with the same root. A running driver is killed first. The
    /// script and the call log are kept.
    ///
    /// # Errors
    /// The same as for `start`.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill().await;
        let store = open(&self.root, self.make_missing_volumes).await?;
        self.engine.with_store(|held| *held = store);
        self.listen()
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove the stale socket {}", self.socket.display()));
            }
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&self.socket)
            .with_context(|| format!("cannot listen on {}", self.socket.display()))?;
        let server =
            Server::start(listener, Arc::clone(&self.engine)).context("cannot start the driver's thread")?;
        self.server = Some(server);
        Ok(())
    }
}

/// Opens storage in another thread, since there may be many records to read.
async fn open(root: &Path, make_missing_volumes: bool) -> anyhow::Result<StorageDir> {
    let owned = root.to_owned();
    let opened = tokio::task::spawn_blocking(move || StorageDir::open(&owned, make_missing_volumes)).await;
    opened?.with_context(|| format!("cannot open the driver's root {}", root.display()))
}

/// Connects to the driver behind `socket`.
///
/// # Errors
/// If nothing listens on it.
pub async fn connect(socket: &Path) -> anyhow::Result<tonic::transport::Channel> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("unix://{}", socket.display()))?;
    endpoint.connect().await.with_context(|| format!("cannot connect to {}", socket.display()))
}
