//! The sidecar's client library works with the sandbox: requests, both ways to watch, and recovery.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Config, ResourceExt};
use sandbox::api::{Options, Server};
use serde_json::json;

/// How long an event may take. A watcher whose connection was closed waits a second or two before it connects again.
const PATIENCE: Duration = Duration::from_secs(20);

async fn secrets() -> (Server, Api<Secret>) {
    // Another test of this process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(Options::default()).await.expect("starts");
    let kubeconfig = Kubeconfig::from_yaml(&server.admin_kubeconfig()).expect("a kubeconfig");
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("complete");
    let client = Client::try_from(config).expect("a client");
    (server, Api::default_namespaced(client))
}

fn secret(name: &str) -> Secret {
    serde_json::from_value(json!({"metadata": {"name": name}, "stringData": {"a": "b"}})).expect("a secret")
}

/// The names in the next events until one is `last`.
async fn names(
    events: &mut (impl Stream<Item = watcher::Result<Event<Secret>>> + Unpin),
    last: &str,
) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|name| name != last) {
        let next = tokio::time::timeout(PATIENCE, events.try_next()).await.expect("an event in time");
        match next {
            Ok(Some(Event::Apply(secret) | Event::InitApply(secret))) => seen.push(secret.name_any()),
            Ok(Some(Event::Delete(secret))) => seen.push(format!("-{}", secret.name_any())),
            Ok(Some(Event::InitDone)) => seen.push("done".into()),
            // A watcher returns an error when its connection is closed, and then it continues by itself.
            Ok(Some(Event::Init)) | Err(_) => {}
            Ok(None) => panic!("the watcher ended"),
        }
    }
    seen
}

#[tokio::test]
async fn requests_of_every_kind_are_answered() {
    let (_server, api) = secrets().await;
    let made = api.create(&PostParams::default(), &secret("s")).await.expect("created");
    assert_eq!(made.data.as_ref().expect("data")["a"].0, b"b");
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    api.patch("s", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("merged");
    let applied = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"annotations": {"n": "m"}}});
    api.patch("s", &PatchParams::apply("test"), &Patch::Apply(&applied)).await.expect("applied");
    let found = api.list(&ListParams::default().labels("x=y")).await.expect("listed");
    assert_eq!(found.items[0].annotations()["n"], "m");
    let stale = api.replace("s", &PostParams::default(), &made).await.expect_err("stale");
    assert!(matches!(stale, kube::Error::Api(status) if status.is_conflict()));
    assert!(api.delete("s", &DeleteParams::default()).await.expect("deleted").is_right());
    assert!(api.get_opt("s").await.expect("answered").is_none());
}

#[tokio::test]
async fn both_ways_to_watch_tell_the_state_and_then_the_changes() {
    let (_server, api) = secrets().await;
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        api.create(&PostParams::default(), &secret("first")).await.expect("created");
        let mut events = Box::pin(watcher::watcher(api.clone(), config));
        assert_eq!(names(&mut events, "done").await, ["first", "done"]);
        api.create(&PostParams::default(), &secret("second")).await.expect("created");
        api.delete("first", &DeleteParams::default()).await.expect("deleted");
        api.delete("second", &DeleteParams::default()).await.expect("deleted");
        assert_eq!(names(&mut events, "-second").await, ["second", "-first", "-second"]);
    }
}

#[tokio::test]
async fn a_watcher_recovers_from_a_cut_watch_and_from_a_forgotten_history() {
    let (server, api) = secrets().await;
    let mut events = Box::pin(watcher::watcher(api.clone(), watcher::Config::default()));
    assert_eq!(names(&mut events, "done").await, ["done"]);
    server.stop_listening().await;
    server.resume().await.expect("listens again");
    api.create(&PostParams::default(), &secret("after")).await.expect("created");
    assert_eq!(names(&mut events, "after").await, ["after"]);
    server.stop_listening().await;
    server.resume().await.expect("listens again");
    api.create(&PostParams::default(), &secret("unseen")).await.expect("created");
    server.compact();
    let seen = names(&mut events, "done").await;
    assert!(seen.contains(&"unseen".to_owned()), "{seen:?}");
}
