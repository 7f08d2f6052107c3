//! A collector that answers, one that hangs, one that is not there.

use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

const PROGRAM: Program = Program { name: "program", version: "1", crates: &["machinery"] };

/// Makes a span of ours and one of a library, and ends.
fn one_span(endpoint: &str) -> Duration {
    let traces = Traces::start(PROGRAM, endpoint).unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    let heard = crate::logging::testing::hear(subscriber);
    drop(tracing::info_span!("pass").entered());
    drop(tracing::info_span!(target: "kube_client", "a span of a library").entered());
    drop(heard);
    let start = Instant::now();
    traces.end();
    start.elapsed()
}

#[test]
fn an_endpoint_that_cannot_be_sent_to_is_refused_without_quoting_it() {
    for endpoint in ["", "localhost:4317", "https://u:secret@collector:4317", "http://", "a b", "unix:///x"] {
        let refused = Traces::start(PROGRAM, endpoint).unwrap_err().to_string();
        assert!(refused.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
fn without_a_collector_the_end_comes_soon_and_nothing_panics() {
    assert!(one_span("http://127.0.0.1:1") < FLUSH + Duration::from_secs(1));
}

#[test]
fn a_collector_that_hangs_is_not_waited_for() {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut taken = Vec::new();
        let _ = stream.read_to_end(&mut taken).await;
    });
    assert!(one_span(&format!("http://{address}")) < FLUSH + Duration::from_secs(1));
}
