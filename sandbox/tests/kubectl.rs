//! The real kubectl works with the sandbox. Without a kubectl on the machine these tests say so and pass.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

#[path = "kubectl/command.rs"]
mod command;
#[path = "kubectl/walk.rs"]
mod walk;

use command::{Kubectl, PATIENCE};
use tokio::io::{AsyncBufReadExt, BufReader};

const CONTENT: &str = include_str!("manifests/content.yaml");

const DEPLOYMENT: &str = include_str!("manifests/deployment.yaml");

const SECRET: &str = include_str!("manifests/secret.yaml");

const READER: &str = include_str!("manifests/reader.yaml");

#[tokio::test]
async fn a_content_is_created_and_shown() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let created = kubectl.ok_with(&["create", "-f", "-"], CONTENT).await;
    assert_eq!(created, "volumesnapshotcontent.snapshot.storage.k8s.io/content-a created\n");
    let table = kubectl.ok(&["get", "vsc"]).await;
    assert!(table.starts_with("NAME        READYTOUSE"), "{table}");
    assert!(table.contains("hostpath.csi.k8s.io"), "{table}");
    assert!(kubectl.ok(&["get", "vsc", "content-a", "-o", "wide"]).await.contains("snap-a"));
    assert!(
        kubectl
            .ok(&["get", "vsc", "content-a", "-o", "yaml"])
            .await
            .contains("  driver: hostpath.csi.k8s.io")
    );
}

#[tokio::test]
async fn a_content_is_changed_described_selected_and_deleted() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    kubectl.ok_with(&["create", "-f", "-"], CONTENT).await;
    kubectl.ok(&["annotate", "vsc", "content-a", "example.com/a=b"]).await;
    kubectl.ok(&["label", "vsc", "content-a", "x=y"]).await;
    let patch = r#"{"status":{"readyToUse":true,"restoreSize":7}}"#;
    kubectl.ok(&["patch", "vsc", "content-a", "--type=merge", "--subresource=status", "-p", patch]).await;
    kubectl.ok(&["wait", "vsc/content-a", "--for=jsonpath={.status.readyToUse}=true", "--timeout=20s"]).await;
    let printed = kubectl.ok(&["describe", "vsc", "content-a"]).await;
    assert!(printed.contains("example.com/a: b") && printed.contains("Ready To Use:  true"), "{printed}");
    let selected = kubectl
        .ok(&["get", "vsc", "-l", "x=y", "--field-selector=spec.driver=hostpath.csi.k8s.io", "-o", "name"])
        .await;
    assert_eq!(selected, "volumesnapshotcontent.snapshot.storage.k8s.io/content-a\n");
    kubectl.ok(&["delete", "vsc", "content-a", "--timeout=20s"]).await;
    assert!(kubectl.run(&["get", "vsc", "content-a"], "").await.err.contains("(NotFound)"));
}

#[tokio::test]
async fn apply_creates_leaves_and_changes_core_kinds_and_custom_resources() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    for (manifest, changed) in [
        (DEPLOYMENT, DEPLOYMENT.replace("driver:1", "driver:2").replace("'1'", "'2'")),
        (CONTENT, CONTENT.replace("deletionPolicy: Delete", "deletionPolicy: Retain")),
    ] {
        assert!(kubectl.ok_with(&["apply", "-f", "-"], manifest).await.contains("created"));
        assert!(kubectl.ok_with(&["apply", "-f", "-"], manifest).await.contains("unchanged"));
        assert!(kubectl.ok_with(&["apply", "-f", "-"], &changed).await.contains("configured"));
        kubectl.ok_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifest).await;
        assert!(kubectl.ok_with(&["diff", "-f", "-"], manifest).await.is_empty());
    }
    let image = "-o=jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(kubectl.ok(&["get", "deploy", "driver", "-n", "drivers", image]).await, "driver:1");
    kubectl.ok(&["delete", "namespace", "drivers", "--timeout=20s"]).await;
    assert_eq!(kubectl.ok(&["get", "deploy", "-A", "-o", "name"]).await, "");
}

#[tokio::test]
async fn what_kubectl_applied_itself_it_goes_on_with_on_the_server() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    kubectl.ok_with(&["apply", "-f", "-"], CONTENT).await;
    let changed = CONTENT.replace("deletionPolicy: Delete", "deletionPolicy: Retain");
    kubectl.ok_with(&["apply", "--server-side", "-f", "-"], &changed).await;
    let noted = kubectl.ok(&["apply", "view-last-applied", "vsc/content-a"]).await;
    assert!(noted.contains("deletionPolicy: Retain"), "{noted}");
    let other = ["apply", "--server-side", "--field-manager=other", "-f", "-"];
    let refused = kubectl.run(&other, CONTENT).await;
    assert!(!refused.ok && refused.err.contains(".spec.deletionPolicy"), "{}", refused.err);
}

#[tokio::test]
async fn a_field_that_is_not_there_and_a_broken_rule_are_refused_with_their_name() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let unknown = CONTENT.replace("  driver:", "  nonsense: 1\n  driver:");
    let refused = kubectl.run(&["apply", "-f", "-"], &unknown).await;
    assert!(!refused.ok && refused.err.contains("unknown field \"spec.nonsense\""), "{}", refused.err);
    let both = CONTENT.replace("    volumeHandle: vol-1", "    volumeHandle: vol-1\n    snapshotHandle: s");
    let refused = kubectl.run(&["apply", "-f", "-"], &both).await;
    assert!(!refused.ok && refused.err.contains("spec.source"), "{}", refused.err);
}

#[tokio::test]
async fn a_watch_prints_what_happens() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    kubectl.ok_with(&["create", "-f", "-"], CONTENT).await;
    let mut watching =
        kubectl.command(&["get", "vsc", "-w", "--no-headers"]).spawn().expect("kubectl starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("stdout")).lines();
    let mut next = async || {
        tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("a line in time")
            .expect("read")
            .expect("a line")
    };
    assert!(next().await.starts_with("content-a "));
    let patch = r#"{"status":{"readyToUse":true}}"#;
    kubectl.ok(&["patch", "vsc", "content-a", "--type=merge", "--subresource=status", "-p", patch]).await;
    assert!(next().await.contains("true"));
    watching.kill().await.expect("stops");
}

#[tokio::test]
async fn discovery_and_the_rest_of_a_cluster_are_there() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    let resources = kubectl.ok(&["api-resources"]).await;
    assert!(
        resources
            .lines()
            .any(|line| line.starts_with("volumesnapshotcontents ") && line.contains("vsc,vscs")),
        "{resources}"
    );
    assert!(kubectl.ok(&["api-versions"]).await.contains("groupsnapshot.storage.k8s.io/v1beta2\n"));
    assert!(kubectl.ok(&["get", "ns"]).await.contains("kube-system"));
    kubectl.ok(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=20s"]).await;
    assert!(kubectl.ok(&["explain", "vsc.spec.source"]).await.contains("volumeHandle"));
    kubectl.ok_with(&["create", "-f", "-"], SECRET).await;
    assert_eq!(kubectl.ok(&["get", "secret", "s", "-o=jsonpath={.data.a}"]).await, "Yg==");
    assert!(kubectl.ok(&["version"]).await.contains("v1.36.2-sandbox"));
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_nothing_else() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    kubectl.ok_with(&["apply", "-f", "-"], READER).await;
    let token = kubectl.ok(&["create", "token", "sidecar"]).await;
    let own = kubectl.home.path().join("own");
    std::fs::write(&own, kubectl.server.kubeconfig_for(token.trim())).expect("written");
    let own = format!("--kubeconfig={}", own.display());
    kubectl.ok(&[&own, "get", "vsc"]).await;
    let refused = kubectl.run(&[&own, "get", "secrets"], "").await;
    assert!(refused.err.contains("system:serviceaccount:default:sidecar"), "{}", refused.err);
    assert_eq!(kubectl.run(&[&own, "auth", "can-i", "list", "vsc"], "").await.out, "yes\n");
    assert!(kubectl.ok(&[&own, "auth", "whoami"]).await.contains("system:serviceaccount:default:sidecar"));
    assert!(kubectl.ok(&[&own, "auth", "can-i", "--list"]).await.contains("selfsubjectreviews"));
    assert_eq!(kubectl.run(&[&own, "auth", "can-i", "get", "/metrics"], "").await.out, "no\n");
    assert!(kubectl.ok(&["get", "clusterroles"]).await.contains("CREATED AT"));
    let sidecar = "--as=system:serviceaccount:default:sidecar";
    assert_eq!(kubectl.run(&["auth", "can-i", "delete", "vsc", sidecar], "").await.out, "no\n");
    assert!(!kubectl.run(&[&own, "get", "vsc", "--as=other"], "").await.ok);
}

#[tokio::test]
async fn kinds_that_kubectl_sends_as_protobuf_are_created() {
    let Some(kubectl) = Kubectl::new().await else {
        return;
    };
    kubectl.ok(&["create", "secret", "generic", "s", "--from-literal=a=b"]).await;
    assert_eq!(kubectl.ok(&["get", "secret", "s", "-o=jsonpath={.data.a}"]).await, "Yg==");
    kubectl.ok(&["create", "configmap", "c", "--from-literal=a=b"]).await;
    assert_eq!(kubectl.ok(&["get", "configmap", "c", "-o=jsonpath={.data.a}"]).await, "b");
    kubectl.ok(&["create", "namespace", "n"]).await;
    kubectl.ok(&["create", "serviceaccount", "x"]).await;
    kubectl.ok(&["create", "clusterrole", "c", "--aggregation-rule=a=b"]).await;
    kubectl.ok(&["create", "clusterrole", "p", "--verb=get", "--non-resource-url=/metrics"]).await;
    kubectl.ok(&["create", "role", "r", "--verb=get,list", "--resource=secrets"]).await;
    assert_eq!(kubectl.ok(&["get", "role", "r", "-o=jsonpath={.rules[0].verbs}"]).await, r#"["get","list"]"#);
    kubectl.ok(&["create", "rolebinding", "b", "--role=r", "--serviceaccount=default:x"]).await;
    assert_eq!(
        kubectl.ok(&["get", "rolebinding", "b", "-o=jsonpath={.roleRef.name}{.subjects[0].name}"]).await,
        "rx"
    );
}
