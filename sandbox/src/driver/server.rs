//! The listener and its connections, in a thread of their own that can vanish like a killed process.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;

use super::controller::ControllerService;
use super::engine::Engine;
use super::groups::GroupService;
use super::hang::Hangable;
use super::identity::IdentityService;
use super::proto::controller_server::ControllerServer;
use super::proto::group_controller_server::GroupControllerServer;
use super::proto::identity_server::IdentityServer;

/// How long work in storage may go on after the connections were cut.
const GRACE: Duration = Duration::from_secs(5);

/// A running listener. Dropping it ends it too, without waiting.
#[derive(Debug)]
pub(super) struct Server {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers on this listener from now on.
    pub(super) fn start(listener: UnixListener, engine: Arc<Engine>) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = serve(listener, engine) => {}
                }
            });
            // Every connection is a task of this runtime and ends with it.
            runtime.shutdown_timeout(GRACE);
        };
        let thread = std::thread::Builder::new().name("csi-driver".to_owned()).spawn(work)?;
        Ok(Server { stop, thread: Some(thread) })
    }

    /// Ends listener and connections, and returns when they are gone.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked is gone as well.
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Never returns unless the listener breaks.
async fn serve(listener: UnixListener, engine: Arc<Engine>) {
    let Ok(listener) = tokio::net::UnixListener::from_std(listener) else {
        return;
    };
    let identity = IdentityServer::new(IdentityService(Arc::clone(&engine)));
    let controller = ControllerServer::new(ControllerService(Arc::clone(&engine)));
    let groups = GroupControllerServer::new(GroupService(engine));
    let served = tonic::transport::Server::builder()
        .add_service(Hangable(identity))
        .add_service(Hangable(controller))
        .add_service(Hangable(groups))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await;
    // Clients see a listener that is gone, which is all that could be said here.
    drop(served);
}
