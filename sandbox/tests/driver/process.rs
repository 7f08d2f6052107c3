//! The driver as a separate process, as deploy/example runs it.

use std::time::Duration;

use sandbox::driver::proto as csi;
use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::identity_client::IdentityClient;
use sandbox::process::{Process, Signal};
use tokio::process::Command;

use crate::cut;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_answers_on_its_socket_keeps_its_root_and_ends_well_when_it_is_asked_to() {
    let home = tempfile::tempdir().unwrap();
    let (socket, root) = (home.path().join("csi.sock"), home.path().join("storage"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(["driver", "--name=d.example.com", "--socket"]).arg(&socket).arg("--root").arg(&root);
    let mut process = Process::start(command, &home.path().join("log")).unwrap();
    process.wait_for_line(&["d.example.com answers on"], PATIENCE).await.unwrap();
    let channel = sandbox::driver::connect(&socket).await.unwrap();
    let info = IdentityClient::new(channel.clone()).get_plugin_info(csi::GetPluginInfoRequest {}).await;
    assert_eq!(info.unwrap().into_inner().name, "d.example.com");
    let request = csi::ControllerGetCapabilitiesRequest {};
    let claimed = ControllerClient::new(channel.clone()).controller_get_capabilities(request).await;
    assert_eq!(claimed.unwrap().into_inner().capabilities.len(), 3, "GET_SNAPSHOT only if it is asked for");
    let cut = ControllerClient::new(channel).create_snapshot(cut("s", "any")).await.unwrap();
    let snapshot = cut.into_inner().snapshot.unwrap();
    assert!(root.join("snapshots").join(snapshot.snapshot_id).is_dir());
    process.signal(Signal::TERM).unwrap();
    assert_eq!(process.exit_code(PATIENCE).await.unwrap(), Some(0));
    assert!(root.is_dir(), "what it keeps stays");
}
