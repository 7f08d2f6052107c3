//! Runs the binary as the image does: nothing else in its root, an ordinary user, no permission to write.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::binary::binary;
use crate::cluster::Cluster;
use crate::place::{Sidecar, ask_for_a_snapshot, driver, kubeconfig, ready, write};

const USER: &str = "--userspec=65532:65532";

/// None, after it says so, if this process may not change its root.
fn may_change_root() -> Option<()> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let works =
        root && Command::new("chroot").args(["/", "true"]).status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: only root can run a program in another root, with a chroot command");
    }
    works.then_some(())
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
async fn an_ordinary_user_in_an_empty_root_takes_a_snapshot() {
    let Some(()) = may_change_root() else { return };
    let cluster = Cluster::new().await;
    let home = tempfile::tempdir().expect("a directory");
    let root = home.path().join("root");
    std::fs::create_dir_all(root.join("csi")).expect("made");
    // The kubelet adds this file to every container.
    std::fs::create_dir(root.join("etc")).expect("made");
    std::fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n").expect("written");
    std::fs::copy(binary(), root.join("csi-snapshotter")).expect("copied");
    write(&root, &kubeconfig(&cluster));
    mode(home.path(), 0o755);
    mode(&root.join("csi-snapshotter"), 0o755);
    let socket = root.join("csi/csi.sock");
    let driver = driver(home.path(), &socket).await;

    // The socket of a driver that runs as root, to which only root may connect.
    mode(&socket, 0o755);
    let words = [USER.as_ref(), root.as_os_str(), OsStr::new("/csi-snapshotter")];
    let in_root = |path: &str| Path::new("/").join(path);
    let sidecar = Sidecar::start("chroot".as_ref(), &words, &in_root("kubeconfig"), &in_root("csi/csi.sock"));
    sidecar.says(&["waiting for the driver's socket /csi/csi.sock", "runAsUser"]).await;
    assert_eq!(sidecar.asks("/livez").await.0, 200);
    assert_eq!(sidecar.asks("/readyz").await.0, 500);

    mode(&socket, 0o777);
    sidecar.says(&["connected to the driver"]).await;
    ask_for_a_snapshot(&cluster).await;
    ready(&cluster).await;
    assert_eq!(driver.snapshots().len(), 1);
    assert_eq!(sidecar.asks("/readyz").await.0, 200);
    assert!(sidecar.asks("/metrics").await.1.contains("csi_sidecar_operations_seconds_count"));
    assert_eq!(sidecar.stop().await, Some(0));
    let mut left: Vec<_> =
        std::fs::read_dir(&root).expect("the root").map(|e| e.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["csi", "csi-snapshotter", "etc", "kubeconfig"], "nothing was written");
}

#[test]
#[ignore = "builds the sidecar with optimisation, which takes minutes"]
fn the_reason_of_an_exit_is_left_where_the_description_of_a_pod_shows_it() {
    let Some(()) = may_change_root() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let (binary_there, log) = (home.path().join("csi-snapshotter"), home.path().join("dev/termination-log"));
    std::fs::create_dir(home.path().join("dev")).expect("made");
    std::fs::copy(binary(), &binary_there).expect("copied");
    mode(home.path(), 0o755);
    mode(&binary_there, 0o755);
    for (word, code, reason) in
        [("--no-such-flag", 2, "no-such-flag"), ("--kubeconfig=/none", 1, "cannot read the kubeconfig /none")]
    {
        std::fs::write(&log, "").expect("written");
        mode(&log, 0o666);
        let mut command = Command::new("chroot");
        command.arg(USER).arg(home.path()).args(["/csi-snapshotter", word]);
        assert_eq!(command.status().expect("chroot runs").code(), Some(code));
        let left = std::fs::read_to_string(&log).expect("read");
        assert!(left.contains(reason), "{left}");
    }
}
