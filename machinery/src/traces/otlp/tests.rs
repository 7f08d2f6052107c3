//! Invalid endpoints, a missing collector, and one that hangs.

use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

const PROGRAM: Program = Program { name: "program", version: "1", crates: &["machinery"] };

/// Creates a span of ours and one of a library, and returns how long the end took.
fn one_span(endpoint: &str) -> Duration {
    let traces = Traces::start(PROGRAM, endpoint).unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    let guard = crate::logging::testing::capture(subscriber);
    drop(tracing::info_span!("pass").entered());
    drop(tracing::info_span!(target: "kube_client", "a span of a library").entered());
    drop(guard);
    let start = Instant::now();
    traces.end();
    start.elapsed()
}

#[test]
fn an_invalid_endpoint_is_refused_without_quoting_it() {
    for endpoint in ["", "localhost:4317", "https://u:secret@collector:4317", "http://", "a b", "unix:///x"] {
        let refused = Traces::start(PROGRAM, endpoint).unwrap_err().to_string();
        assert!(refused.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
fn a_missing_collector_does_not_delay_the_end() {
    assert!(one_span("http://127.0.0.1:1") < FLUSH + Duration::from_secs(1));
}

#[test]
fn a_hanging_collector_does_not_delay_the_end() {
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
