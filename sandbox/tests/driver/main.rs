//! Tests of the driver, which call it over a real socket as the sidecar does.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod faults;
mod groups;
mod habits;
mod lifetime;
mod node;
mod process;
mod snapshots;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::group_controller_client::GroupControllerClient;
use sandbox::driver::proto::identity_client::IdentityClient;
use sandbox::driver::{Driver, Options, proto as csi};
use tonic::Status;
use tonic::transport::Channel;

/// A driver with one volume `vol-1`, which has one file.
struct Bench {
    driver: Driver,
    channel: Channel,
    directory: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("csi.sock");
        let options = Options { root: directory.path().join("root"), ..Options::default() };
        let driver = Driver::start(&socket, options).await.unwrap();
        std::fs::write(driver.make_volume("vol-1").unwrap().join("data"), "first").unwrap();
        let channel = sandbox::driver::connect(&socket).await.unwrap();
        Bench { driver, channel, directory }
    }

    /// Kills the driver, restarts it and connects again: a call on the old connection may still find out that
    /// it is dead.
    async fn restart(&mut self) {
        self.driver.restart().await.unwrap();
        self.channel = sandbox::driver::connect(self.driver.socket()).await.unwrap();
    }

    fn identity(&self) -> IdentityClient<Channel> {
        IdentityClient::new(self.channel.clone())
    }

    fn controller(&self) -> ControllerClient<Channel> {
        ControllerClient::new(self.channel.clone())
    }

    fn groups(&self) -> GroupControllerClient<Channel> {
        GroupControllerClient::new(self.channel.clone())
    }

    fn file(&self, volume: &str) -> PathBuf {
        self.driver.volume_path(volume).unwrap().join("data")
    }

    async fn create(&self, name: &str) -> Result<csi::CreateSnapshotResponse, Status> {
        let answer = self.controller().create_snapshot(cut(name, "vol-1")).await?;
        Ok(answer.into_inner())
    }

    async fn created(&self, name: &str) -> csi::Snapshot {
        self.create(name).await.unwrap().snapshot.unwrap()
    }

    async fn get(&self, id: &str) -> Result<csi::Snapshot, Status> {
        let request = csi::GetSnapshotRequest { snapshot_id: id.to_owned(), secrets: BTreeMap::new() };
        let answer = self.controller().get_snapshot(request).await?;
        Ok(answer.into_inner().snapshot.unwrap())
    }

    async fn delete(&self, id: &str) -> Result<(), Status> {
        let request = csi::DeleteSnapshotRequest { snapshot_id: id.to_owned(), secrets: BTreeMap::new() };
        self.controller().delete_snapshot(request).await.map(|_| ())
    }
}

fn cut(name: &str, source: &str) -> csi::CreateSnapshotRequest {
    csi::CreateSnapshotRequest {
        source_volume_id: source.to_owned(),
        name: name.to_owned(),
        secrets: BTreeMap::new(),
        parameters: BTreeMap::new(),
    }
}
