//! The messages for a cluster or a pod that is not set up correctly. docs/operations.md has the same words.

use crate::binary::binary;
use crate::cluster::Cluster;
use crate::place::{
    Sidecar, ask_for_a_snapshot, driver, kubeconfig, ready, without_selectable_fields, write,
};

/// A driver and its sidecar in this cluster.
async fn beside_a_driver(cluster: &Cluster, home: &tempfile::TempDir) -> (sandbox::driver::Driver, Sidecar) {
    let socket = home.path().join("csi.sock");
    let driver = driver(home.path(), &socket).await;
    let kubeconfig = write(home.path(), &kubeconfig(cluster));
    (driver, Sidecar::start(binary().as_os_str(), &[], &kubeconfig, &socket))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
async fn without_definitions_it_names_them_and_begins_by_itself_when_they_come() {
    let cluster = Cluster::bare().await;
    let home = tempfile::tempdir().expect("a directory");
    let (driver, sidecar) = beside_a_driver(&cluster, &home).await;
    let missing = "volumesnapshotcontents.snapshot.storage.k8s.io";
    sidecar
        .says(&[
            "CRDs are not installed",
            missing,
            "deploy/crds",
            "starts by itself once they can be watched",
        ])
        .await;
    assert!(sidecar.asks("/readyz").await.1.contains(missing));
    assert_eq!(sidecar.asks("/readyz").await.0, 500);
    assert_eq!(sidecar.asks("/livez").await.0, 200);
    let single = |crd: &serde_json::Value| crd["spec"]["group"] == "snapshot.storage.k8s.io";
    let ours = sandbox::crds::all().expect("the definitions");
    for crd in ours.iter().filter(|crd| single(crd)) {
        cluster.apply_well(crd).await;
    }
    ask_for_a_snapshot(&cluster).await;
    ready(&cluster).await;
    assert_eq!(driver.snapshots().len(), 1);
    assert_eq!(sidecar.asks("/readyz").await.0, 200, "the group kinds are not needed");
    for crd in ours.iter().filter(|crd| !single(crd)) {
        cluster.apply_well(crd).await;
    }
    sidecar.says(&["groupsnapshot.storage.k8s.io: all kinds can be watched now"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
async fn with_old_group_definitions_single_snapshots_work_and_one_line_tells_of_the_groups() {
    let cluster = Cluster::bare().await;
    for mut crd in without_selectable_fields() {
        if crd["spec"]["group"] == "groupsnapshot.storage.k8s.io" {
            crd["spec"]["versions"][0]["served"] = false.into();
        }
        cluster.apply_well(&crd).await;
    }
    let home = tempfile::tempdir().expect("a directory");
    let (driver, sidecar) = beside_a_driver(&cluster, &home).await;
    let missing = "volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io";
    sidecar
        .says(&["CRDs are not installed, or not with version v1", missing, "group snapshots are off"])
        .await;
    ask_for_a_snapshot(&cluster).await;
    ready(&cluster).await;
    assert_eq!((driver.snapshots().len(), sidecar.asks("/readyz").await.0), (1, 200));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
async fn with_the_reference_s_definitions_everything_works() {
    let cluster = Cluster::bare().await;
    for crd in without_selectable_fields() {
        cluster.apply_well(&crd).await;
    }
    let home = tempfile::tempdir().expect("a directory");
    let (driver, sidecar) = beside_a_driver(&cluster, &home).await;
    ask_for_a_snapshot(&cluster).await;
    ready(&cluster).await;
    assert_eq!((driver.snapshots().len(), sidecar.asks("/readyz").await.0), (1, 200));
    assert_eq!(sidecar.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
async fn without_the_shared_socket_directory_it_waits_and_says_where_to_look() {
    let cluster = Cluster::new().await;
    let home = tempfile::tempdir().expect("a directory");
    let kubeconfig = write(home.path(), &kubeconfig(&cluster));
    let socket = home.path().join("not-shared/csi.sock");
    let sidecar = Sidecar::start(binary().as_os_str(), &[], &kubeconfig, &socket);
    sidecar.says(&["waiting for the driver's socket", "does not exist", "the socket's volume shared?"]).await;
    let (status, answer) = sidecar.asks("/readyz").await;
    assert!(status == 500 && answer.contains("the driver is not connected"), "{answer}");
    assert_eq!(sidecar.asks("/livez").await.0, 200, "a restart would change nothing");
    assert_eq!(sidecar.stop().await, Some(0));
}
