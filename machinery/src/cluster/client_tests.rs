//! Valid and invalid configurations, and the clients made from them.

use std::fs;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::cluster::error::{Request, in_one_line};
use crate::cluster::request::text;
use crate::metrics::BaseMetrics;

const AGENT: &str = "program/1";

fn kubeconfig(cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\n\
         clusters:\n- name: k\n  cluster: {{{cluster}}}\nusers:\n- name: u\n  user: {{token: hunter2}}\n"
    )
}

fn read(text: &str) -> Result<Config, ConnectError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    fs::write(&path, text).unwrap();
    config(&Access::from(Some(path)), AGENT)
}

fn made(config: &Config, metrics: &BaseMetrics) -> Result<Clients, ConnectError> {
    clients(config, Rate { qps: 100.0, burst: 200 }, Leadership::always(), &metrics.rest)
}

fn complaint(text: &str) -> String {
    let line = in_one_line(&read(text).unwrap_err());
    assert!(!line.contains("hunter2") && !line.contains('\n'), "{line}");
    line
}

#[tokio::test]
async fn a_configuration_has_the_server_and_our_user_agent() {
    let config = read(&kubeconfig("server: 'https://10.0.0.1:6443'")).unwrap();
    assert_eq!(config.cluster_url, "https://10.0.0.1:6443/");
    assert!(!config.default_retry);
    let (name, value) = &config.headers[0];
    assert_eq!(name, USER_AGENT);
    assert_eq!(value, AGENT);
}

#[tokio::test]
async fn a_server_without_a_scheme_gets_https_if_any_tls_setting_is_set() {
    for (more, expected) in [("", "http://h:1/"), (", insecure-skip-tls-verify: true", "https://h:1/")] {
        let config = read(&kubeconfig(&format!("server: 'h:1'{more}"))).unwrap();
        assert_eq!(config.cluster_url, expected);
    }
}

#[tokio::test]
async fn the_ca_file_is_kept_so_that_it_can_be_reread() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.crt");
    fs::write(&file, certificate.pem()).unwrap();
    let cluster = format!("server: 'h:1', certificate-authority: '{}'", file.display());
    let config = read(&kubeconfig(&cluster)).unwrap();
    assert_eq!((config.cluster_url, config.root_cert_file), ("https://h:1/".parse().unwrap(), Some(file)));
}

#[tokio::test]
async fn a_missing_kubeconfig_is_named() {
    let error = config(&Access::from(Some("/nowhere/config".into())), AGENT).unwrap_err();
    let line = in_one_line(&error);
    assert!(line.starts_with("cannot read the kubeconfig /nowhere/config: "), "{line}");
    assert!(matches!(config(&Access::from(Some("/".into())), AGENT), Err(ConnectError::Unreadable { .. })));
}

#[tokio::test]
async fn a_syntax_error_in_a_kubeconfig_has_line_and_column_and_is_not_quoted() {
    let line = complaint("users:\n- name: u\n  user: {token: hunter2\n");
    assert!(line.contains("does not parse at line"), "{line}");
    complaint("users: hunter2");
    complaint("hunter2");
}

#[tokio::test]
async fn an_inconsistent_kubeconfig_is_not_usable() {
    let line =
        complaint(&kubeconfig("server: 'https://a'").replace("current-context: c", "current-context: d"));
    assert!(line.contains("is not usable"), "{line}");
    complaint(&kubeconfig("server: 'https://a', certificate-authority: /nowhere/ca.crt"));
    complaint(&kubeconfig("server: 'not a url'"));
    complaint("");
}

#[tokio::test]
async fn a_proxy_in_the_kubeconfig_is_used_and_an_unsupported_one_refused_without_its_password() {
    let own = kubeconfig("server: 'https://a', proxy-url: 'http://proxy:3128'");
    assert_eq!(read(&own).unwrap().proxy_url.unwrap(), "http://proxy:3128/");
    let other = kubeconfig("server: 'https://a', proxy-url: 'ftp://u:hunter2@proxy'");
    assert!(complaint(&other).contains("ftp"));
}

#[tokio::test]
async fn clients_are_made_without_contacting_the_server() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = read(&kubeconfig("server: 'http://127.0.0.1:1'")).unwrap();
    let metrics = BaseMetrics::new().unwrap();
    let clients = made(&config, &metrics).unwrap();
    for client in [clients.watch, clients.api, clients.lead] {
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        client.request_text(request).await.unwrap_err();
    }
    assert_eq!(metrics.rest.count("<error>", &http::Method::GET, "127.0.0.1:1"), 3);
}

#[tokio::test]
async fn a_user_and_password_in_the_server_url_are_not_shown() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = read(&kubeconfig("server: 'http://u:hunter2@127.0.0.1:1'")).unwrap();
    let metrics = BaseMetrics::new().unwrap();
    let client = made(&config, &metrics).unwrap().api;
    let request = http::Request::get("/version").body(Vec::new()).unwrap();
    let error = client.request_text(request).await.unwrap_err();
    assert_eq!(metrics.rest.count("<error>", &http::Method::GET, "127.0.0.1:1"), 1);
    assert!(!in_one_line(&error).contains("hunter2"));
}

#[tokio::test]
async fn the_ca_is_empty_where_none_is_needed() {
    for (cluster, given) in [
        ("server: 'http://a'", true),
        ("server: 'https://a', insecure-skip-tls-verify: true", true),
        ("server: 'https://a'", false),
        ("server: 'http://a', proxy-url: 'https://proxy'", false),
    ] {
        let config = read(&kubeconfig(cluster)).unwrap();
        assert_eq!(config.root_cert, given.then(Vec::new), "{cluster}");
    }
}

/// A kubeconfig with this user.
fn user(server: &str, user: &str) -> String {
    kubeconfig(&format!("server: '{server}'")).replace("{token: hunter2}", user)
}

#[tokio::test]
async fn the_token_of_a_file_is_sent_once_and_trimmed_by_every_client() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = mirror().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "from-file\n").unwrap();
    for (token, expected) in
        [("", "from-file"), ("token: beside, ", "from-file"), ("username: u, password: p, ", "Basic")]
    {
        let user = format!("{{{token}tokenFile: '{}'}}", path.display());
        let config = read(&self::user(&format!("http://{server}"), &user)).unwrap();
        let clients = made(&config, &BaseMetrics::new().unwrap()).unwrap();
        for client in [clients.watch, clients.api, clients.lead] {
            let request = http::Request::get("/x").body(Vec::new()).unwrap();
            let seen = client.request_text(request).await.unwrap();
            assert_eq!(seen.matches("\"authorization\": ").count(), 1, "{seen}");
            assert!(seen.contains(expected) && !seen.contains("beside"), "{seen}");
        }
    }
}

#[tokio::test]
async fn a_missing_token_file_is_named() {
    let config = read(&user("http://a", "{tokenFile: /nowhere/token}")).unwrap();
    let line = in_one_line(&made(&config, &BaseMetrics::new().unwrap()).err().unwrap());
    assert!(line.starts_with("cannot read the token file /nowhere/token: "), "{line}");
}

/// A user with a shell script as credential plugin; the script has a secret in its environment and its output.
fn plugin(script: &str) -> String {
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never, \
         args: ['-c', '{script}'], env: [{{name: SECRET, value: hunter2}}]}}}}"
    )
}

/// An error in every form in which it may be logged.
fn shown(error: impl std::error::Error + Send + Sync + 'static) -> String {
    let line = in_one_line(&error);
    let error = anyhow::Error::new(error);
    format!("{line}\n{error:#}\n{error:?}\n{:?}", error.root_cause())
}

#[tokio::test]
async fn a_failing_credential_plugin_is_reported_without_its_secrets() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (script, expected) in [
        ("echo hunter2; exit 3", "the credential plugin of the kubeconfig failed (exit status: 3)"),
        ("echo hunter2: [", "the answer of the credential plugin of the kubeconfig does not parse"),
        ("echo \"{}\"", "the credential plugin of the kubeconfig gave no token"),
        (
            "echo \"{status: {token: hunter2, expirationTimestamp: hunter2}}\"",
            "the credentials of the kubeconfig have an expiry that is no time",
        ),
    ] {
        let config = read(&user("https://a", &plugin(script))).unwrap();
        let shown = shown(made(&config, &BaseMetrics::new().unwrap()).err().unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains(expected) && shown.contains("API server a"), "{shown}");
    }
}

#[tokio::test]
async fn a_credential_plugin_that_fails_later_is_reported_without_its_secrets() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let broken = directory.path().join("broken");
    let script = format!(
        "test -e {} && echo hunter2 && exit 3; \
         echo \"{{status: {{token: hunter2, expirationTimestamp: 2001-01-01T00:00:00Z}}}}\"",
        broken.display()
    );
    let config = read(&user("http://127.0.0.1:1", &plugin(&script))).unwrap();
    let clients = made(&config, &BaseMetrics::new().unwrap()).unwrap();
    fs::write(broken, "").unwrap();
    for client in [clients.watch, clients.api, clients.lead] {
        let request = http::Request::get("/x").body(Vec::new()).unwrap();
        let line = in_one_line(&client.request_text(request).await.unwrap_err());
        assert!(line.contains("(exit status: 3)") && !line.contains("hunter2"), "{line}");
        let request = Request { verb: "get", resource: "leases".into(), name: "ns/l".into() };
        let error = text(&client, &request, Ok(http::Request::get("/x").body(Vec::new()).unwrap()))
            .await
            .unwrap_err();
        assert!(error.is_transient());
        let shown = shown(error);
        assert!(shown.contains("(exit status: 3)") && !shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn an_idle_watch_fails_after_75_seconds() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = read(&kubeconfig(&format!("server: 'http://{}'", listener.local_addr().unwrap()))).unwrap();
    let client = made(&config, &BaseMetrics::new().unwrap()).unwrap().watch;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let event = "{\"type\": \"BOOKMARK\", \"object\": {}}\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes()).await.unwrap();
        stream
    };
    let request = http::Request::get("/x?watch=true").body(Vec::new()).unwrap();
    let (_stream, answer) = tokio::join!(server, client.send(request.map(Into::into)));
    let mut body = answer.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    body.frame().await.unwrap().unwrap_err();
    // The idle time began with the bookmark, a moment before the clock was paused.
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(70) && waited <= Duration::from_secs(76), "{waited:?}");
}

#[tokio::test]
async fn lists_and_watches_are_retried_when_retry_after_has_passed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for path in ["/x?limit=1", "/x?watch=true"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("server: 'http://{}'", listener.local_addr().unwrap());
        let client = made(&read(&kubeconfig(&server)).unwrap(), &BaseMetrics::new().unwrap()).unwrap().watch;
        let server = async {
            for head in ["429 Too Many Requests\r\nretry-after: 1", "200 OK"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let start = tokio::time::Instant::now();
        let ((), answer) = tokio::join!(server, client.send(request.map(Into::into)));
        assert_eq!(answer.unwrap().status(), 200);
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}

/// A server that answers every request with the request's method, path and headers.
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
async fn every_client_sends_user_agent_and_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = mirror().await;
    let config = read(&kubeconfig(&format!("server: 'http://{server}/prefix'"))).unwrap();
    let metrics = BaseMetrics::new().unwrap();
    let clients = made(&config, &metrics).unwrap();
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

/// A proxy that reads the first request and closes the connection.
async fn proxy() -> (std::net::SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 4096];
        let mut length = stream.read(&mut received).await.unwrap();
        if received[0] == 5 {
            // SOCKS: no authentication, then the destination.
            stream.write_all(&[5, 0]).await.unwrap();
            length = stream.read(&mut received).await.unwrap();
        }
        received.truncate(length);
        received
    });
    (address, received)
}

#[tokio::test]
async fn a_proxy_gets_the_destination_and_the_credentials() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = BaseMetrics::new().unwrap();
    for (scheme, expected) in
        [("http://u:p%40ss@", "CONNECT 192.0.2.1:443 "), ("socks5://", "\u{c0}\u{0}\u{2}\u{1}")]
    {
        let (address, received) = proxy().await;
        let cluster = format!(
            "server: 'https://192.0.2.1', insecure-skip-tls-verify: true, proxy-url: '{scheme}{address}'"
        );
        let config = read(&kubeconfig(&cluster)).unwrap();
        let clients = made(&config, &metrics).unwrap();
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        clients.api.request_text(request).await.unwrap_err();
        let received: String = received.await.unwrap().into_iter().map(char::from).collect();
        assert!(received.contains(expected), "{received:?}");
        if scheme.starts_with("http") {
            let user = "Basic dTpwQHNz";
            assert!(
                received.to_lowercase().contains(&format!("proxy-authorization: {}", user.to_lowercase())),
                "{received}"
            );
        }
    }
}
