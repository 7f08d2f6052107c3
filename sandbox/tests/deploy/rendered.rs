//! Every kustomization is rendered and applied, if there is a kubectl on the machine.

use serde_json::Value;

use crate::cluster::{Cluster, documents};
use crate::command::Kubectl;
use crate::manifests::{OVERLAYS, deploy};

async fn render(kubectl: &Kubectl, directory: &str) -> String {
    let path = deploy().join(directory);
    kubectl.ok(&["kustomize", path.to_str().expect("a path")]).await
}

#[tokio::test]
async fn every_overlay_renders_and_is_applied() {
    let Some(kubectl) = Kubectl::new().await else { return };
    let cluster = Cluster::for_manifests().await;
    for overlay in OVERLAYS {
        for object in documents(&render(&kubectl, overlay).await) {
            cluster.apply_well(&object).await;
        }
    }
}

#[tokio::test]
async fn kubectl_applies_the_crds_and_the_example_by_itself() {
    let Some(kubectl) = Kubectl::new().await else { return };
    for overlay in ["crds", "example", "example/use"] {
        let path = deploy().join(overlay);
        let path = path.to_str().expect("a path");
        let apply = ["apply", "--server-side", "--validate=strict", "--force-conflicts", "-k", path];
        kubectl.ok(&apply).await;
    }
    let replicas = "-o=jsonpath={.spec.replicas}";
    assert_eq!(kubectl.ok(&["-n", "hostdir-system", "get", "deploy", "hostdir-driver", replicas]).await, "3");
}

#[tokio::test]
async fn the_component_puts_the_sidecar_beside_the_driver_with_its_rights() {
    let Some(kubectl) = Kubectl::new().await else { return };
    let objects = documents(&render(&kubectl, "example").await);
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<&Value>>();
    let containers = of("Deployment")[0]["spec"]["template"]["spec"]["containers"].clone();
    let names: Vec<_> =
        containers.as_array().expect("containers").iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names, ["csi-snapshotter", "driver"]);
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        let subject = &of(kind)[0]["subjects"][0];
        assert_eq!(
            (&subject["name"], &subject["namespace"]),
            (&"hostdir-driver".into(), &"hostdir-system".into())
        );
    }
    assert_eq!(
        of("ClusterRoleBinding")[0]["metadata"]["name"],
        "csi-snapshotter:hostdir-system:hostdir-driver"
    );
    for kind in ["Role", "RoleBinding"] {
        assert_eq!(of(kind)[0]["metadata"]["namespace"], "hostdir-system");
    }
}

#[tokio::test]
async fn the_component_takes_over_the_sidecar_that_a_driver_has() {
    let Some(kubectl) = Kubectl::new().await else { return };
    let home = kubectl.home.path().join("driver");
    std::fs::create_dir(&home).expect("made");
    let driver = include_str!("driver-with-reference.yaml");
    // kustomize accepts no absolute path for a component, so it must be copied.
    for name in ["kustomization.yaml", "rbac.yaml", "container.yaml"] {
        std::fs::create_dir_all(home.join("sidecar")).expect("made");
        std::fs::copy(deploy().join("sidecar").join(name), home.join("sidecar").join(name)).expect("copied");
    }
    std::fs::write(home.join("driver.yaml"), driver).expect("written");
    std::fs::write(home.join("kustomization.yaml"), "resources: [driver.yaml]\ncomponents: [sidecar]\n")
        .expect("written");
    let rendered = kubectl.ok(&["kustomize", home.to_str().expect("a path")]).await;
    let objects = documents(&rendered);
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("a Deployment");
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
    assert_eq!(containers.len(), 2, "{containers:?}");
    let sidecar = containers.iter().find(|c| c["name"] == "csi-snapshotter").expect("a sidecar");
    assert!(sidecar["image"].as_str().is_some_and(|image| image.starts_with("csi-snapshotter:")));
    assert!(!sidecar["args"].to_string().contains("of-the-reference"), "{}", sidecar["args"]);
}
