//! Log lines with ordinary and hostile content.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::listen;
use super::*;

const PROGRAM: Program = Program { name: "program", version: "1", crates: &["machinery", "program"] };

#[test]
fn a_line_is_captured_even_if_a_thread_without_subscriber_reached_its_callsite_first() {
    let log = || tracing::info!("here");
    let (sink, _listening) = listen(PROGRAM, 2, LogFormat::Text);
    std::thread::scope(|others| others.spawn(log).join()).unwrap();
    log();
    assert_eq!(sink.text().lines().count(), 1, "{}", sink.text());
}

fn lines(level: u8, format: LogFormat, log: impl FnOnce()) -> Vec<String> {
    let (sink, guard) = listen(PROGRAM, level, format);
    log();
    drop(guard);
    sink.text().lines().map(str::to_owned).collect()
}

#[test]
fn a_text_line_has_klogs_format() {
    let lines =
        lines(2, LogFormat::Text, || tracing::warn!(content = "c-1", tries = 3, "cannot take \"it\""));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (head, _) = line.split_once(" program] ").unwrap();
    let shape: String = head.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert!(shape.starts_with("W0000 00:00:00.000000 0"), "{line}");
    assert!(head.ends_with(&format!(" {}", std::process::id())), "{line}");
    assert!(line.ends_with(r#"program] "cannot take \"it\"" content="c-1" tries=3"#), "{line}");
}

#[test]
fn a_json_line_is_one_object_with_message_and_fields() {
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
fn line_breaks_and_terminal_escapes_in_values_are_escaped() {
    let unsafe_to_print = |c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}".contains(c);
    for format in [LogFormat::Text, LogFormat::Json] {
        for evil in [
            "one\ntwo\r\n\"three\" \u{1b}[31m",
            "\u{7f}\u{85}\u{9b}2J",
            "a\u{2028}b\u{2029}",
            "\u{202e}\u{2066}\u{200f}",
        ] {
            let lines =
                lines(2, format, || tracing::warn!(evil, debug = ?evil, shown = %evil, "also {evil}"));
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(!lines[0].contains(unsafe_to_print), "{lines:?}");
        }
    }
}

#[test]
fn every_type_of_value_keeps_its_type() {
    let log = || {
        let (big, error) = (u128::MAX, io::Error::other("no\nluck"));
        tracing::error!(nan = f64::NAN, half = 0.5, big, most = u64::MAX, least = i64::MIN, yes = true, %error);
    };
    let text = lines(0, LogFormat::Text, log).concat();
    assert!(text.contains(r#""" nan=null half=0.5 big="340282366920938463463374607431768211455""#), "{text}");
    assert!(
        text.ends_with(r#"most=18446744073709551615 least=-9223372036854775808 yes=true error="no\nluck""#)
    );
    let json: Value = serde_json::from_str(&lines(0, LogFormat::Json, log).concat()).unwrap();
    assert_eq!((&json["nan"], &json["half"], &json["most"]), (&Value::Null, &0.5.into(), &u64::MAX.into()));
    assert_eq!(
        (&json["error"], &json["msg"], &json["level"]),
        (&"no\nluck".into(), &"".into(), &"error".into())
    );
}

#[test]
fn fields_cannot_override_level_time_and_message() {
    let lines = lines(2, LogFormat::Json, || tracing::warn!(level = "info", ts = 0, msg = "x", "real"));
    let json: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&json["level"], &json["msg"]), (&"warn".into(), &"real".into()));
    assert!(json["ts"].as_f64().unwrap() > 1.7e12);
}

#[test]
fn a_panic_is_one_log_line() {
    let before = Arc::new(std::panic::take_hook());
    let (ours, others) = (std::thread::current().id(), Arc::clone(&before));
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == ours { log_panic(panic) } else { others(panic) }
    }));
    let lines = lines(0, LogFormat::Json, || {
        let ended = std::panic::catch_unwind(|| panic!("two\nlines"));
        assert!(ended.is_err());
    });
    std::panic::set_hook(Box::new(move |panic| before(panic)));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let json: Value = serde_json::from_str(line).unwrap();
    assert!(json["msg"].as_str().unwrap().ends_with("two\nlines"), "{line}");
    assert!(json["place"].as_str().unwrap().contains("logging/tests.rs"), "{line}");
}

proptest! {
    #[test]
    fn any_event_is_one_line_and_round_trips_as_json(message: String, value: String, number: f64, whole: i64) {
        let log = || tracing::error!(value, number, whole, "{message}");
        let text = lines(0, LogFormat::Text, log);
        prop_assert_eq!(text.len(), 1);
        prop_assert!(!text[0].contains(char::is_control));
        let json = lines(0, LogFormat::Json, log);
        prop_assert_eq!(json.len(), 1);
        let json: Value = serde_json::from_str(&json[0]).unwrap();
        prop_assert_eq!(&json["msg"], &Value::from(message.as_str()));
        prop_assert_eq!(&json["value"], &Value::from(value.as_str()));
        prop_assert_eq!(&json["whole"], &Value::from(whole));
    }
}

#[test]
fn each_verbosity_shows_its_levels() {
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
fn logs_of_dependencies_are_dropped() {
    let lines = self::lines(10, LogFormat::Text, || {
        tracing::error!(target: "kube_client::client", "a body with a secret");
        tracing::error!(target: "kube_runtime::watcher", "x");
        tracing::error!(target: "hyper::proto", "x");
        tracing::error!(target: "h2", "x");
        tracing::error!(target: "tower", "x");
        tracing::error!(target: "tonic::transport", "x");
        tracing::error!(target: "rustls", "x");
        tracing::error!(target: "opentelemetry_sdk", "x");
        tracing::error!(target: "program_lookalike", "x");
        tracing::error!(target: "program::act", "ours");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}
