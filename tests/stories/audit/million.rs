//! A storage of a million snapshots, of which no content names any: the worst case for memory.

use std::process::Stdio;

use sandbox::driver::proto::controller_server::{Controller, ControllerServer};
use sandbox::driver::proto::controller_service_capability::{Rpc, Type, rpc};
use sandbox::driver::proto::identity_server::{Identity, IdentityServer};
use sandbox::driver::proto::{self as csi, list_snapshots_response::Entry};
use sandbox::peak;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use super::*;

const SNAPSHOTS: usize = 1_000_000;
const NAME: &str = "million.csi.sandbox";
/// What the process may hold at its highest.
const LIMIT_KIB: u64 = 100 * 1024;

/// A driver that can do nothing but list snapshots, which it makes up.
struct Million;

type Answer<T> = Result<Response<T>, Status>;

fn no<T>() -> Answer<T> {
    Err(Status::unimplemented("this driver only lists"))
}

#[tonic::async_trait]
impl Identity for Million {
    async fn get_plugin_info(
        &self,
        _: Request<csi::GetPluginInfoRequest>,
    ) -> Answer<csi::GetPluginInfoResponse> {
        let info =
            csi::GetPluginInfoResponse { name: NAME.to_owned(), ..csi::GetPluginInfoResponse::default() };
        Ok(Response::new(info))
    }
    async fn get_plugin_capabilities(
        &self,
        _: Request<csi::GetPluginCapabilitiesRequest>,
    ) -> Answer<csi::GetPluginCapabilitiesResponse> {
        no()
    }
    async fn probe(&self, _: Request<csi::ProbeRequest>) -> Answer<csi::ProbeResponse> {
        Ok(Response::new(csi::ProbeResponse::default()))
    }
}

#[tonic::async_trait]
impl Controller for Million {
    async fn create_volume(&self, _: Request<csi::CreateVolumeRequest>) -> Answer<csi::CreateVolumeResponse> {
        no()
    }
    async fn delete_volume(&self, _: Request<csi::DeleteVolumeRequest>) -> Answer<csi::DeleteVolumeResponse> {
        no()
    }
    async fn validate_volume_capabilities(
        &self,
        _: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Answer<csi::ValidateVolumeCapabilitiesResponse> {
        no()
    }
    async fn controller_get_capabilities(
        &self,
        _: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Answer<csi::ControllerGetCapabilitiesResponse> {
        let capability = |one: rpc::Type| csi::ControllerServiceCapability {
            r#type: Some(Type::Rpc(Rpc { r#type: one.into() })),
        };
        let capabilities =
            [rpc::Type::CreateDeleteSnapshot, rpc::Type::ListSnapshots].map(capability).to_vec();
        Ok(Response::new(csi::ControllerGetCapabilitiesResponse { capabilities }))
    }
    async fn create_snapshot(
        &self,
        _: Request<csi::CreateSnapshotRequest>,
    ) -> Answer<csi::CreateSnapshotResponse> {
        no()
    }
    async fn delete_snapshot(
        &self,
        _: Request<csi::DeleteSnapshotRequest>,
    ) -> Answer<csi::DeleteSnapshotResponse> {
        no()
    }
    async fn list_snapshots(
        &self,
        request: Request<csi::ListSnapshotsRequest>,
    ) -> Answer<csi::ListSnapshotsResponse> {
        let asked = request.into_inner();
        let begin: usize = asked.starting_token.parse().unwrap_or(0);
        let end = (begin + usize::try_from(asked.max_entries).unwrap()).min(SNAPSHOTS);
        let entry = |number| {
            let snapshot = csi::Snapshot {
                snapshot_id: format!("0001-0009-rook-ceph-0000000000000001-{number:032x}"),
                source_volume_id: format!("0001-0009-rook-ceph-0000000000000002-{:032x}", number % 1000),
                size_bytes: 1 << 30,
                creation_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
                ready_to_use: true,
                ..csi::Snapshot::default()
            };
            Entry { snapshot: Some(snapshot) }
        };
        let next_token = if end == SNAPSHOTS { String::new() } else { end.to_string() };
        let entries = (begin..end).map(entry).collect();
        Ok(Response::new(csi::ListSnapshotsResponse { entries, next_token }))
    }
    async fn get_snapshot(&self, _: Request<csi::GetSnapshotRequest>) -> Answer<csi::GetSnapshotResponse> {
        no()
    }
}

#[test]
#[ignore = "fifteen seconds of two cores; docs/audit.md has the figure"]
fn a_million_snapshots_in_the_storage_are_audited_within_100_mib() {
    story(async {
        let stage = Stage::set().await;
        let socket = stage.path("million.sock");
        let listener = UnixListenerStream::new(UnixListener::bind(&socket).unwrap());
        let server = Server::builder().add_service(IdentityServer::new(Million));
        tokio::spawn(server.add_service(ControllerServer::new(Million)).serve_with_incoming(listener));

        let mut command = command(&stage, &account(&stage), &["-o", "json"]);
        command.arg(format!("--csi-address={}", text(&socket))).stdout(Stdio::piped());
        let running = command.spawn().unwrap();
        let pid = running.id().unwrap();
        let sampled = peak::watch(pid);
        let audit = Audit::of(running.wait_with_output().await.unwrap());
        let most = sampled.await.unwrap();
        let report = audit.json(3);
        assert_eq!(report["unreferenced"]["count"], SNAPSHOTS);
        assert_eq!(report["unreferenced"]["items"].as_array().unwrap().len(), 10_000);
        eprintln!("{most} KiB at the highest");
        assert!(most > 1024 && most < LIMIT_KIB, "{most} KiB");
    });
}
