//! The driver as a process of its own, as deploy/example runs it.

use std::process::{Command, Stdio};
use std::time::Duration;

use sandbox::driver::proto as csi;
use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::identity_client::IdentityClient;

use crate::cut;

#[tokio::test]
async fn it_answers_on_its_socket_keeps_its_root_and_ends_well_when_it_is_asked_to() {
    let home = tempfile::tempdir().unwrap();
    let (socket, root) = (home.path().join("csi.sock"), home.path().join("storage"));
    let mut process = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["driver", "--name=d.example.com", "--socket"])
        .arg(&socket)
        .arg("--root")
        .arg(&root)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let connect = async {
        loop {
            match sandbox::driver::connect(&socket).await {
                Ok(channel) => return channel,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let channel = tokio::time::timeout(Duration::from_secs(30), connect).await.unwrap();
    let info = IdentityClient::new(channel.clone()).get_plugin_info(csi::GetPluginInfoRequest {}).await;
    assert_eq!(info.unwrap().into_inner().name, "d.example.com");
    let cut = ControllerClient::new(channel).create_snapshot(cut("s", "any")).await.unwrap();
    let snapshot = cut.into_inner().snapshot.unwrap();
    assert!(root.join("snapshots").join(snapshot.snapshot_id).is_dir());
    let pid = process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ended = tokio::task::spawn_blocking(move || process.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(root.is_dir(), "what it keeps stays");
}
