//! The node service and what else a whole volume driver has to answer.

use std::fs;
use std::path::PathBuf;

use sandbox::driver::proto as csi;
use sandbox::driver::proto::node_client::NodeClient;
use sandbox::driver::proto::volume_capability::{AccessType, BlockVolume, MountVolume};
use sandbox::driver::proto::volume_content_source::{SnapshotSource, Type};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::Bench;

fn mount() -> csi::VolumeCapability {
    csi::VolumeCapability { access_type: Some(AccessType::Mount(MountVolume::default())), access_mode: None }
}

/// A driver, and the paths that a node would use.
struct Node {
    bench: Bench,
    client: NodeClient<Channel>,
    staging: PathBuf,
    target: PathBuf,
}

impl Node {
    async fn new() -> Node {
        let bench = Bench::new().await;
        let client = NodeClient::new(bench.channel.clone());
        let (staging, target) =
            (bench.directory.path().join("staging"), bench.directory.path().join("target"));
        fs::create_dir(&staging).unwrap();
        Node { bench, client, staging, target }
    }

    async fn stage(&mut self, volume: &str, capability: Option<csi::VolumeCapability>) -> Result<(), Status> {
        let request = csi::NodeStageVolumeRequest {
            volume_id: volume.to_owned(),
            staging_target_path: self.staging.display().to_string(),
            volume_capability: capability,
            ..csi::NodeStageVolumeRequest::default()
        };
        self.client.node_stage_volume(request).await.map(|_| ())
    }

    async fn publish(&mut self, volume: &str) -> Result<(), Status> {
        let request = csi::NodePublishVolumeRequest {
            volume_id: volume.to_owned(),
            staging_target_path: self.staging.display().to_string(),
            target_path: self.target.display().to_string(),
            volume_capability: Some(mount()),
            ..csi::NodePublishVolumeRequest::default()
        };
        self.client.node_publish_volume(request).await.map(|_| ())
    }

    async fn unpublish(&mut self) -> Result<(), Status> {
        let (volume_id, target_path) = ("vol-1".to_owned(), self.target.display().to_string());
        let request = csi::NodeUnpublishVolumeRequest { volume_id, target_path };
        self.client.node_unpublish_volume(request).await.map(|_| ())
    }

    async fn unstage(&mut self) -> Result<(), Status> {
        let (volume_id, staging_target_path) = ("vol-1".to_owned(), self.staging.display().to_string());
        let request = csi::NodeUnstageVolumeRequest { volume_id, staging_target_path };
        self.client.node_unstage_volume(request).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_volume_is_used_where_it_is_published_and_each_call_can_be_repeated() {
    let mut node = Node::new().await;
    for _ in 0..2 {
        node.stage("vol-1", Some(mount())).await.unwrap();
    }
    for _ in 0..2 {
        node.publish("vol-1").await.unwrap();
    }
    fs::write(node.target.join("data"), "second").unwrap();
    assert_eq!(fs::read(node.bench.file("vol-1")).unwrap(), b"second");
    for _ in 0..2 {
        node.unpublish().await.unwrap();
    }
    assert!(fs::symlink_metadata(&node.target).is_err(), "the path is removed");
    for _ in 0..2 {
        node.unstage().await.unwrap();
    }
    assert_eq!(fs::read_dir(&node.staging).unwrap().count(), 0);
    assert_eq!(fs::read(node.bench.file("vol-1")).unwrap(), b"second", "the volume stays");
}

#[tokio::test]
async fn what_is_wrong_with_a_volume_on_a_node_has_the_code_of_the_specification() {
    let mut node = Node::new().await;
    assert_eq!(node.stage("vol-1", None).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(node.stage("", Some(mount())).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(node.stage("vol-9", Some(mount())).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(node.publish("vol-1").await.unwrap_err().code(), Code::FailedPrecondition);
    node.stage("vol-1", Some(mount())).await.unwrap();
    fs::create_dir(&node.target).unwrap();
    assert_eq!(node.publish("vol-1").await.unwrap_err().code(), Code::AlreadyExists);
    assert!(node.unpublish().await.is_err(), "a directory that it has not made is left alone");
    assert!(node.target.is_dir());
    node.target = PathBuf::from("relative");
    assert_eq!(node.publish("vol-1").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_node_says_who_it_is_and_that_volumes_are_staged() {
    let mut node = Node::new().await;
    let info = node.client.node_get_info(csi::NodeGetInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.node_id, "sandbox");
    let request = csi::NodeGetCapabilitiesRequest {};
    let capabilities = node.client.node_get_capabilities(request).await.unwrap().into_inner().capabilities;
    assert_eq!(capabilities.len(), 1);
}

#[tokio::test]
async fn a_volume_is_confirmed_for_mounts_and_not_as_a_block_device() {
    let bench = Bench::new().await;
    let ask = async |volume: &str, capabilities: Vec<csi::VolumeCapability>| {
        let request = csi::ValidateVolumeCapabilitiesRequest {
            volume_id: volume.to_owned(),
            volume_capabilities: capabilities,
            ..csi::ValidateVolumeCapabilitiesRequest::default()
        };
        bench.controller().validate_volume_capabilities(request).await
    };
    let confirmed = ask("vol-1", vec![mount()]).await.unwrap().into_inner().confirmed.unwrap();
    assert_eq!(confirmed.volume_capabilities, [mount()]);
    let block =
        csi::VolumeCapability { access_type: Some(AccessType::Block(BlockVolume {})), access_mode: None };
    let refused = ask("vol-1", vec![mount(), block]).await.unwrap().into_inner();
    assert!(refused.confirmed.is_none() && refused.message.contains("block"), "{refused:?}");
    assert_eq!(ask("vol-9", vec![mount()]).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(ask("vol-1", Vec::new()).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_volume_is_refused_without_a_use_of_another_size_and_of_a_snapshot_that_is_not_there() {
    let bench = Bench::new().await;
    let request = csi::CreateVolumeRequest {
        name: "new".to_owned(),
        volume_capabilities: vec![mount()],
        capacity_range: Some(csi::CapacityRange { required_bytes: 10, limit_bytes: 0 }),
        ..csi::CreateVolumeRequest::default()
    };
    let ask = async |request: csi::CreateVolumeRequest| bench.controller().create_volume(request).await;
    let made = ask(request.clone()).await.unwrap().into_inner();
    assert_eq!(ask(request.clone()).await.unwrap().into_inner(), made);
    for (required_bytes, limit_bytes) in [(11, 0), (0, 9)] {
        let other = Some(csi::CapacityRange { required_bytes, limit_bytes });
        let refused = ask(csi::CreateVolumeRequest { capacity_range: other, ..request.clone() }).await;
        assert_eq!(refused.unwrap_err().code(), Code::AlreadyExists);
    }
    let useless = csi::CreateVolumeRequest { volume_capabilities: Vec::new(), ..request.clone() };
    assert_eq!(ask(useless).await.unwrap_err().code(), Code::InvalidArgument);
    let source = SnapshotSource { snapshot_id: "nowhere".to_owned() };
    let source = Some(csi::VolumeContentSource { r#type: Some(Type::Snapshot(source)) });
    let lost = csi::CreateVolumeRequest { name: "lost".to_owned(), volume_content_source: source, ..request };
    assert_eq!(ask(lost).await.unwrap_err().code(), Code::NotFound);
}
