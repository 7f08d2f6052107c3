//! A real cluster in the place of the sandboxes: what the environment names, and how a story finds it empty.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Error, ResourceExt};
use serde_json::{Value, json};

use super::{
    CLAIM, CLASS, CONTENT, EVENT, GROUP, GROUP_CLASS, GROUP_CONTENT, LEASE, NAMESPACE, NAMESPACES, PATIENCE,
    SNAPSHOT, Stage, VOLUME,
};

/// How the names of all drivers of the stories end.
const DRIVERS: &str = ".csi.test";

/// The kubeconfigs of a real cluster: the test's, and the controller's.
pub struct Real {
    pub admin: PathBuf,
    pub controller: PathBuf,
}

/// The real cluster that the environment names.
pub fn named() -> Option<Real> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (variable("SNAPSHOTTER_TEST_KUBECONFIG"), variable("SNAPSHOTTER_CONTROLLER_KUBECONFIG")) {
        (Some(admin), Some(controller)) => Some(Real { admin, controller }),
        // The first one alone is for the stories of the sidecar.
        (_, None) => None,
        (None, Some(_)) => panic!("set SNAPSHOTTER_TEST_KUBECONFIG as well"),
    }
}

/// The right to play in the real cluster: two stories at once would meet each other's objects.
pub fn alone() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away what earlier stories have left, and nothing else.
pub async fn clear(stage: &Stage) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let namespace: DynamicObject = serde_json::from_value(namespace).unwrap();
    let made = stage.api(NAMESPACES).create(&PostParams::default(), &namespace).await;
    assert!(made.is_ok() || is_answered(&made, 409), "{made:?}");
    for kind in [SNAPSHOT, CONTENT, CLASS, GROUP, GROUP_CONTENT, GROUP_CLASS, CLAIM, VOLUME, EVENT] {
        clear_all(&stage.api(kind)).await;
    }
    let lease = stage.api_in(LEASE, "kube-system");
    let gone = lease.delete("snapshot-controller-leader", &DeleteParams::default()).await;
    assert!(gone.is_ok() || is_answered(&gone, 404), "{gone:?}");
}

/// Deletes all objects of a kind that stories have made, whoever holds them.
async fn clear_all(api: &Api<DynamicObject>) {
    let end = Instant::now() + PATIENCE;
    loop {
        let all = api.list(&ListParams::default()).await.unwrap();
        let left: Vec<_> = all.into_iter().filter(is_of_a_story).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{left:#?} cannot be taken away");
        for object in left {
            let name = object.name_any();
            let gone = api.delete(&name, &DeleteParams::background().grace_period(0)).await;
            assert!(gone.is_ok() || is_answered(&gone, 404), "{gone:?}");
            if !object.finalizers().is_empty() {
                let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let freed = api.patch(&name, &PatchParams::default(), &free).await;
                assert!(freed.is_ok() || is_answered(&freed, 404), "{freed:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether an object is in the namespace of the stories, or of one of their drivers.
fn is_of_a_story(object: &DynamicObject) -> bool {
    let text = |pointer| object.data.pointer(pointer).and_then(Value::as_str);
    object.namespace().is_some_and(|namespace| namespace == NAMESPACE)
        || text("/spec/claimRef/namespace") == Some(NAMESPACE)
        || ["/driver", "/spec/driver", "/spec/csi/driver"]
            .into_iter()
            .any(|driver| text(driver).is_some_and(|driver| driver.ends_with(DRIVERS)))
}

fn is_answered<T>(result: &Result<T, Error>, code: u16) -> bool {
    matches!(result, Err(Error::Api(status)) if status.code == code)
}
