//! The endpoint on a real socket.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;

/// Sends a request and returns the whole answer.
async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn code(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path).await[9..12].to_owned()
}

struct Served {
    address: SocketAddr,
    healthy: Arc<AtomicBool>,
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(metrics_path: &str) -> Served {
    let endpoint = Endpoint::bind("127.0.0.1:0", metrics_path).await.unwrap();
    let address = endpoint.address().unwrap();
    let (healthy, ready) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let check = |flag: &Arc<AtomicBool>, problem: &'static str| -> Check {
        let flag = flag.clone();
        Box::new(move || flag.load(Ordering::Relaxed).then_some(()).ok_or_else(|| problem.to_owned()))
    };
    let metrics = Box::new(|| Ok(b"things 1\n".to_vec()));
    let pages =
        Pages { lease: check(&healthy, "lease overdue"), ready: check(&ready, "driver away"), metrics };
    let stop = CancellationToken::new();
    let served = endpoint.serve(pages, stop.clone().cancelled_owned());
    let task = tokio::spawn(served);
    Served { address, healthy, ready, stop, task }
}

#[tokio::test]
async fn metrics_are_served_at_their_path_only() {
    let it = serve("/m").await;
    let answer = ask(it.address, "GET", "/m?x=y").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\nthings 1"), "{answer}");
    for path in ["/metrics", "/", "/m/", "/healthz/other"] {
        assert_eq!(code(it.address, path).await, "404", "{path}");
    }
}

#[tokio::test]
async fn health_follows_its_checks() {
    let it = serve("/metrics").await;
    let health = ["/healthz/leader-election", "/healthz", "/livez"];
    for path in health {
        assert_eq!(code(it.address, path).await, "200");
    }
    assert!(ask(it.address, "GET", "/readyz").await.ends_with("driver away\n"));
    it.ready.store(true, Ordering::Relaxed);
    assert_eq!(code(it.address, "/readyz").await, "200");
    it.healthy.store(false, Ordering::Relaxed);
    for path in health {
        assert_eq!(code(it.address, path).await, "500");
    }
    assert_eq!(code(it.address, "/readyz").await, "200");
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let it = serve("/metrics").await;
    let head = ask(it.address, "HEAD", "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(it.address, "POST", "/metrics").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn broken_and_idle_connections_do_not_affect_others() {
    let it = serve("/metrics").await;
    let _silent = TcpStream::connect(it.address).await.unwrap();
    let mut odd = TcpStream::connect(it.address).await.unwrap();
    odd.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
    assert_eq!(code(it.address, "/healthz").await, "200");
}

#[tokio::test]
async fn a_stop_closes_the_port() {
    let it = serve("/metrics").await;
    it.stop.cancel();
    it.task.await.unwrap();
    TcpStream::connect(it.address).await.unwrap_err();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = Endpoint::bind(":0", "/metrics").await.unwrap();
    let port = first.address().unwrap().port();
    let address = format!(":{port}");
    let error = Endpoint::bind(&address, "/metrics").await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address} ")));
    assert_eq!(error.cause.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn an_address_may_be_a_host_name_and_must_have_a_port() {
    Endpoint::bind("localhost:0", "/metrics").await.unwrap();
    for address in ["localhost", "", ":x", "127.0.0.1:99999"] {
        assert!(Endpoint::bind(address, "/metrics").await.is_err(), "{address:?}");
    }
}
