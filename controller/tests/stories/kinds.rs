//! Kinds that come late, go, and come back.

use std::time::{Duration, Instant};

use sandbox::api::Options;
use sandbox::process::Process;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{
    CLASS, DEFINITION, DRIVER, GROUP_CLASS, GROUP_CONTENT, SNAPSHOT, Stage, class, in_sandbox,
};
use crate::groups::{app, group};

const SINGLE: &str = "snapshot.storage.k8s.io";
const GROUPS: &str = "groupsnapshot.storage.k8s.io";
const LIMIT: Duration = Duration::from_secs(30);

/// The head and the body of a page.
async fn page(controller: &Process, path: &str) -> String {
    let line = controller.wait_for_line(&["serving metrics and health"], LIMIT).await.unwrap();
    let (_, address) = line.split_once("address=").unwrap();
    let address = address.trim_start_matches('"').split(['"', ' ']).next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until a page answers with this status and these words.
async fn page_says(controller: &Process, path: &str, status: u16, words: &[&str]) {
    let end = Instant::now() + LIMIT;
    loop {
        let answer = page(controller, path).await;
        let says = words.iter().all(|word| answer.contains(word));
        if says && answer.starts_with(&format!("HTTP/1.1 {status} ")) {
            return;
        }
        assert!(Instant::now() < end, "{answer}\n{}", controller.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn kinds_that_come_late_are_waited_for_unready_and_work_begins_by_itself() {
    in_sandbox("a real cluster's CRDs are not removed for a test", async {
        let stage = Stage::on(Options { install_crds: false, ..Options::default() }).await;
        let flags = ["-v=2", "--http-endpoint=127.0.0.1:0", "--retry-crd-interval-max=1s"];
        let controller = stage.controller(&flags);
        page_says(&controller, "/readyz", 500, &["not installed", "kubectl apply -k deploy/crds"]).await;
        stage.install(SINGLE);
        stage.make(CLASS, "fast", &class(DRIVER)).await;
        stage.make_claim("data", DRIVER).await;
        page_says(&controller, "/readyz", 200, &[]).await;
        stage.ready("s").await;
    });
}

#[test]
fn group_kinds_that_go_and_come_back_are_taken_up_again_and_lone_snapshots_never_notice() {
    in_sandbox("a real cluster's CRDs are not removed for a test", async {
        let stage = Stage::set().await;
        let controller = stage.controller(&["--http-endpoint=127.0.0.1:0"]);
        page_says(&controller, "/readyz", 200, &[]).await;
        for kind in ["volumegroupsnapshots", "volumegroupsnapshotcontents", "volumegroupsnapshotclasses"] {
            stage.delete(DEFINITION, &format!("{kind}.{GROUPS}")).await;
        }
        controller.wait_for_line(&["CRDs are not installed", "volumegroupsnapshots"], LIMIT).await.unwrap();
        stage.ready("s").await;
        page_says(&controller, "/readyz", 200, &[]).await;
        stage.install(GROUPS);
        stage.make(GROUP_CLASS, "fast", &class(DRIVER)).await;
        let labels = serde_json::json!({"metadata": {"labels": {"app": "db"}}});
        stage.change(crate::common::CLAIM, "data", &labels).await;
        let (_, content) = group(&stage, app()).await;
        stage.until(GROUP_CONTENT, &content, |_| true).await;
    });
}

#[test]
fn an_empty_class_from_before_the_rule_of_the_crd_gives_way_to_the_default_class() {
    in_sandbox("a real cluster's CRDs are not removed for a test", async {
        let stage = Stage::on(Options { install_crds: false, ..Options::default() }).await;
        for mut crd in sandbox::crds::all().unwrap() {
            let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
            if let Some(class) = crd.pointer_mut(&format!("{spec}/volumeSnapshotClassName")) {
                class.as_object_mut().unwrap().remove("x-kubernetes-validations");
            }
            stage.server().install(&crd).unwrap();
        }
        let mut default = class(DRIVER);
        default["metadata"] =
            json!({"annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}});
        stage.make(CLASS, "fast", &default).await;
        stage.make_claim("data", DRIVER).await;
        let spec = json!({"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": ""});
        stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        let _controller = stage.controller(&[]);
        let snapshot = stage
            .until(SNAPSHOT, "s", |snapshot| snapshot["spec"]["volumeSnapshotClassName"] == "fast")
            .await;
        stage.content_of(&snapshot).await;
    });
}
