//! Lines as they come out, whatever is in them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn lines(level: u8, format: LogFormat, log: impl FnOnce()) -> Vec<String> {
    let sink = Sink::default();
    let lines = super::lines(Log { level, format }, sink.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_text_line_has_klogs_shape() {
    let lines =
        lines(2, LogFormat::Text, || tracing::warn!(content = "c-1", tries = 3, "cannot take \"it\""));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.starts_with('W'), "{line}");
    assert!(line.ends_with(r#"csi-snapshotter] "cannot take \"it\"" content="c-1" tries=3"#), "{line}");
}

#[test]
fn a_json_line_is_one_object_with_the_fields_beside_the_message() {
    let lines = lines(2, LogFormat::Json, || tracing::info!(content = "c-1", tries = 3, ok = true, "done"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let object: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&object["msg"], &object["content"]), (&"done".into(), &"c-1".into()));
    assert_eq!(
        (&object["tries"], &object["ok"], &object["level"]),
        (&3.into(), &true.into(), &"info".into())
    );
    assert!(object["ts"].as_f64().unwrap() > 1.7e12, "{line}");
}

#[test]
fn a_value_with_line_breaks_stays_on_its_line() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let evil = "one\ntwo\r\n\"three\" \u{1b}[31m";
        let lines = lines(2, format, || tracing::warn!(evil, "also\nhere"));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
    }
}

#[test]
fn v_means_what_it_means_to_operators() {
    let all = || {
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
        tracing::trace!("t");
    };
    for (level, count) in [(0, 2), (1, 2), (2, 3), (3, 3), (4, 4), (5, 5), (10, 5)] {
        assert_eq!(lines(level, LogFormat::Text, all).len(), count, "-v={level}");
    }
}

#[test]
fn libraries_that_log_bodies_are_never_heard() {
    let heard = lines(10, LogFormat::Text, || {
        tracing::error!(target: "kube_client::client", "a body with a secret");
        tracing::error!(target: "hyper", "x");
        tracing::error!(target: "csi_snapshotter_lookalike", "x");
        tracing::error!(target: "csi_snapshotter::act", "ours");
    });
    assert_eq!(heard.len(), 1, "{heard:?}");
}
