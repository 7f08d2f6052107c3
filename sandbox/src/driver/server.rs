//! The listener and its connections. They run in a separate thread, which can be stopped at once like a killed process.

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
use super::node::NodeService;
use super::proto::controller_server::ControllerServer;
use super::proto::group_controller_server::GroupControllerServer;
use super::proto::identity_server::IdentityServer;
use super::proto::node_server::NodeServer;

/// How long storage may continue to work after the connections have been closed.
const GRACE: Duration = Duration::from_secs(5);

/// A running listener. Dropping it stops it without waiting.
#[derive(Debug)]
pub(super) struct Server {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to serve on this listener.
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
            // Every connection is a task of this runtime, so it ends with the runtime.
            runtime.shutdown_timeout(GRACE);
        };
        let thread = std::thread::Builder::new().name("csi-driver".to_owned()).spawn(work)?;
        Ok(Server { stop, thread: Some(thread) })
    }

    /// Stops the listener and the connections, and returns when they are closed.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended as well.
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Returns only if the listener fails.
async fn serve(listener: UnixListener, engine: Arc<Engine>) {
    let Ok(listener) = tokio::net::UnixListener::from_std(listener) else {
        return;
    };
    let identity = IdentityServer::new(IdentityService(Arc::clone(&engine)));
    let controller = ControllerServer::new(ControllerService(Arc::clone(&engine)));
    let groups = GroupControllerServer::new(GroupService(Arc::clone(&engine)));
    let node = NodeServer::new(NodeService(engine));
    let served = tonic::transport::Server::builder()
        .add_service(Hangable(identity))
        .add_service(Hangable(controller))
        .add_service(Hangable(groups))
        .add_service(Hangable(node))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await;
    // Clients notice that the listener is gone, and there is nothing more to report.
    drop(served);
}
