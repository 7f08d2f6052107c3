//! Configurations, good and bad.

use std::fs;

use bytes::Bytes;

use super::*;
use crate::cluster::error::in_one_line;
use crate::metrics::Metrics;

fn kubeconfig(cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\n\
         clusters:\n- name: k\n  cluster: {{{cluster}}}\nusers:\n- name: u\n  user: {{token: hunter2}}\n"
    )
}

async fn read(text: &str) -> Result<Config, ConnectError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    fs::write(&path, text).unwrap();
    config(Some(&path)).await
}

async fn complaint(text: &str) -> String {
    let line = in_one_line(&read(text).await.unwrap_err());
    assert!(!line.contains("hunter2") && !line.contains('\n'), "{line}");
    line
}

#[tokio::test]
async fn a_kubeconfig_gives_the_server_and_our_name_to_it() {
    let config = read(&kubeconfig("server: 'https://10.0.0.1:6443'")).await.unwrap();
    assert_eq!(config.cluster_url, "https://10.0.0.1:6443/");
    assert!(!config.default_retry);
    let (name, value) = &config.headers[0];
    assert_eq!(name, USER_AGENT);
    assert!(value.to_str().unwrap().starts_with("csi-snapshotter/"));
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let error = config(Some(Path::new("/nowhere/config"))).await.unwrap_err();
    let line = in_one_line(&error);
    assert!(line.starts_with("cannot read the kubeconfig /nowhere/config: "), "{line}");
    assert!(matches!(config(Some(Path::new("/"))).await, Err(ConnectError::Unreadable { .. })));
}

#[tokio::test]
async fn a_kubeconfig_that_does_not_parse_is_placed_and_not_quoted() {
    let line = complaint("users:\n- name: u\n  user: {token: hunter2\n").await;
    assert!(line.contains("does not parse at line"), "{line}");
    complaint("users: hunter2").await;
    complaint("hunter2").await;
}

#[tokio::test]
async fn a_kubeconfig_that_does_not_hold_together_says_where() {
    let line =
        complaint(&kubeconfig("server: 'https://a'").replace("current-context: c", "current-context: d"))
            .await;
    assert!(line.contains("is not usable"), "{line}");
    complaint(&kubeconfig("server: 'https://a', certificate-authority: /nowhere/ca.crt")).await;
    complaint(&kubeconfig("server: 'not a url'")).await;
    complaint("").await;
}

#[tokio::test]
async fn a_proxy_of_the_kubeconfig_is_used_and_one_that_we_do_not_speak_is_refused_without_its_password() {
    let own = kubeconfig("server: 'https://a', proxy-url: 'http://proxy:3128'");
    assert_eq!(read(&own).await.unwrap().proxy_url.unwrap(), "http://proxy:3128/");
    let other = kubeconfig("server: 'https://a', proxy-url: 'socks5://u:hunter2@proxy'");
    assert!(complaint(&other).await.contains("socks5"));
}

#[tokio::test]
async fn clients_are_made_without_a_server_in_reach() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = read(&kubeconfig("server: 'http://127.0.0.1:1'")).await.unwrap();
    let metrics = Metrics::new().unwrap();
    let rate = Rate { qps: 100.0, burst: 200 };
    let clients = clients(&config, rate, Claim::always(), &metrics.rest).unwrap();
    for client in [clients.watch, clients.api, clients.lead] {
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        client.request_text(request).await.unwrap_err();
    }
    assert_eq!(metrics.rest.count("<error>", &http::Method::GET, "127.0.0.1:1"), 3);
}

/// A server on a socket that answers every request with its own method, path and headers.
async fn mirror() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer =
                hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                    let head = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
                    Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(
                        Bytes::from(head),
                    )))
                });
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer));
        }
    });
    address
}

#[tokio::test]
async fn every_client_says_who_it_is_and_whose_token_it_has() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = mirror().await;
    let config = read(&kubeconfig(&format!("server: 'http://{server}/prefix'"))).await.unwrap();
    let metrics = Metrics::new().unwrap();
    let rate = Rate { qps: 100.0, burst: 200 };
    let clients = clients(&config, rate, Claim::always(), &metrics.rest).unwrap();
    for client in [clients.watch, clients.api, clients.lead] {
        let request = http::Request::patch("/apis/x?y=z").body(b"{}".to_vec()).unwrap();
        let seen = client.request_text(request).await.unwrap();
        assert!(seen.starts_with("PATCH /prefix/apis/x?y=z "), "{seen}");
        assert!(seen.contains(&format!("\"user-agent\": \"{AGENT}\"")), "{seen}");
        assert!(seen.contains("\"content-length\": \"2\""), "{seen}");
        assert!(seen.contains("\"authorization\": "), "{seen}");
    }
    assert_eq!(metrics.rest.count("200", &http::Method::PATCH, &server.to_string()), 3);
}
