//! The endpoint over a real socket.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;

/// Sends a request and reads the whole answer.
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

struct Running {
    address: SocketAddr,
    well: Arc<AtomicBool>,
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn running(metrics_path: &str) -> Running {
    let endpoint = Endpoint::bind("127.0.0.1:0", metrics_path).await.unwrap();
    let address = endpoint.address().unwrap();
    let (well, ready) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let check = |flag: &Arc<AtomicBool>, problem: &'static str| -> Check {
        let flag = flag.clone();
        Box::new(move || flag.load(Ordering::Relaxed).then_some(()).ok_or_else(|| problem.to_owned()))
    };
    let metrics = Box::new(|| Ok(b"things 1\n".to_vec()));
    let pages = Pages { lease: check(&well, "lease overdue"), ready: check(&ready, "driver away"), metrics };
    let stop = CancellationToken::new();
    let served = endpoint.serve(pages, stop.clone().cancelled_owned());
    let task = tokio::spawn(served);
    Running { address, well, ready, stop, task }
}

#[tokio::test]
async fn metrics_are_where_they_are_asked_for_and_nowhere_else() {
    let it = running("/m").await;
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
    let it = running("/metrics").await;
    let health = ["/healthz/leader-election", "/healthz", "/livez"];
    for path in health {
        assert_eq!(code(it.address, path).await, "200");
    }
    assert!(ask(it.address, "GET", "/readyz").await.ends_with("driver away\n"));
    it.ready.store(true, Ordering::Relaxed);
    assert_eq!(code(it.address, "/readyz").await, "200");
    it.well.store(false, Ordering::Relaxed);
    for path in health {
        assert_eq!(code(it.address, path).await, "500");
    }
    assert_eq!(code(it.address, "/readyz").await, "200");
}

#[tokio::test]
async fn only_reading_is_answered() {
    let it = running("/metrics").await;
    let head = ask(it.address, "HEAD", "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(it.address, "POST", "/metrics").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn nonsense_and_silence_on_one_connection_hinder_no_other() {
    let it = running("/metrics").await;
    let _silent = TcpStream::connect(it.address).await.unwrap();
    let mut odd = TcpStream::connect(it.address).await.unwrap();
    odd.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
    assert_eq!(code(it.address, "/healthz").await, "200");
}

#[tokio::test]
async fn a_stop_ends_it_and_frees_the_port() {
    let it = running("/metrics").await;
    it.stop.cancel();
    it.task.await.unwrap();
    TcpStream::connect(it.address).await.unwrap_err();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = Endpoint::bind(":0", "/metrics").await.unwrap();
    let port = first.address().unwrap().port();
    let address = format!(":{port}");
    let error = Endpoint::bind(&address, "/metrics").await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address} ")));
    assert_eq!(error.cause.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn an_address_may_be_a_name_and_must_have_a_port() {
    Endpoint::bind("localhost:0", "/metrics").await.unwrap();
    for address in ["localhost", "", ":x", "127.0.0.1:99999"] {
        assert!(Endpoint::bind(address, "/metrics").await.is_err(), "{address:?}");
    }
}
