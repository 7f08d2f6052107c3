//! The grammar: what Go takes, what Go lets slip, and what is refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;

use super::*;

const TIMEOUT: Flag<std::time::Duration> = Flag::new("", "timeout", "1m", "");
const WORKERS: Flag<i64> = Flag::new("", "worker-threads", "10", "");
const QPS: Flag<f64> = Flag::new("", "kube-api-qps", "100", "");
const KUBECONFIG: Flag<String> = Flag::new("", "kubeconfig", "", "");
const SOCKET: Flag<String> = Flag::new("", "csi-address", "", "");
const ENDPOINT: Flag<String> = Flag::new("", "http-endpoint", "", "");
const LEADER_ELECTION: Flag<bool> = Flag::new("", "leader-election", "false", "");
const V: Flag<i64> = Flag::new("", "v", "0", "");
const GATES: Flag<String> = Flag::new("", "feature-gates", "", "").list();

static TABLE: Table = Table(&[
    &[TIMEOUT.spec, WORKERS.spec, QPS.spec, KUBECONFIG.spec, SOCKET.spec, ENDPOINT.spec],
    &[LEADER_ELECTION.spec, V.spec, GATES.spec],
]);

fn read(line: &str) -> Result<Given, UsageError> {
    Given::read(TABLE, line.split_whitespace().map(OsString::from))
}

/// For words that are empty or hold spaces.
fn read_words<const N: usize>(words: [&str; N]) -> Result<Given, UsageError> {
    Given::read(TABLE, words.map(OsString::from))
}

fn refusal(line: &str) -> String {
    read(line).unwrap_err().to_string()
}

#[test]
fn one_dash_and_two_with_and_without_an_equals_sign_mean_the_same() {
    for line in ["-csi-address /x", "--csi-address /x", "-csi-address=/x", "--csi-address=/x"] {
        assert_eq!(read(line).unwrap().get(&SOCKET), "/x", "{line}");
    }
}

#[test]
fn a_boolean_takes_its_value_only_after_an_equals_sign() {
    for (line, expected) in [
        ("--leader-election", true),
        ("-leader-election=true", true),
        ("--leader-election=T", true),
        ("--leader-election=0", false),
        ("--leader-election=False", false),
    ] {
        assert_eq!(read(line).unwrap().get(&LEADER_ELECTION), expected, "{line}");
    }
}

#[test]
fn a_stray_word_is_refused_by_name_with_what_was_probably_meant() {
    let stray = refusal("--leader-election false --worker-threads=3");
    assert!(stray.contains("\"false\"") && stray.contains("--leader-election=false"), "{stray}");
    assert!(refusal("--timeout=1m word").contains("\"word\""));
    assert!(refusal("- --timeout=1m").contains("\"-\""));
}

#[test]
fn two_dashes_alone_end_the_flags_and_nothing_may_follow() {
    assert!(read("--timeout=1m --").is_ok());
    assert!(refusal("-- --timeout=1m").contains("--timeout=1m"));
}

#[test]
fn a_single_dash_and_an_empty_word_are_words_that_belong_to_nothing() {
    for word in ["-", "", " "] {
        assert!(matches!(read_words([word]), Err(UsageError::Stray { .. })), "{word:?}");
    }
}

#[test]
fn the_word_after_a_flag_is_its_value_whatever_it_looks_like() {
    assert_eq!(read_words(["--kubeconfig", "-v=2"]).unwrap().get(&KUBECONFIG), "-v=2");
    assert_eq!(read_words(["--kubeconfig", "--"]).unwrap().get(&KUBECONFIG), "--");
    assert_eq!(read_words(["--kubeconfig", ""]).unwrap().get(&KUBECONFIG), "");
    assert_eq!(read_words(["--kubeconfig=a=b"]).unwrap().get(&KUBECONFIG), "a=b");
}

#[test]
fn an_argument_that_is_no_text_is_refused_where_it_stands() {
    let broken = || OsString::from_vec(b"--kubeconfig=/a\xff\nb".to_vec());
    for words in [vec![broken()], vec![OsString::from("--kubeconfig"), broken()]] {
        let refused = Given::read(TABLE, words).unwrap_err().to_string();
        assert!(refused.starts_with("an argument is not valid UTF-8: --kubeconfig=/a"), "{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
}

#[test]
fn what_is_quoted_stays_on_its_line() {
    for word in ["--no\nsuch", "--=\n", "\u{1b}[2J", "--timeout=\r\n", "---\u{9b}2J"] {
        let refused = read_words([word]).unwrap_err().to_string();
        assert!(!refused.contains(char::is_control), "{refused:?}");
    }
}

#[test]
fn flags_that_are_lists_add_up() {
    let given = read("--feature-gates=A=true -feature-gates B=false").unwrap();
    assert_eq!(given.get(&GATES), "A=true,B=false");
}

#[test]
fn of_a_repeated_flag_the_last_wins() {
    assert_eq!(read("-v=2 --v=5").unwrap().get(&V), 5);
}

#[test]
fn an_unknown_flag_is_named_and_the_one_it_resembles_too() {
    assert_eq!(refusal("--nonsense-altogether"), "flag provided but not defined: -nonsense-altogether");
    assert!(refusal("--worker-thread=3").ends_with("(did you mean --worker-threads?)"));
}

#[test]
fn a_bad_value_is_named_with_its_flag_and_what_it_should_be() {
    assert_eq!(
        refusal("--worker-threads=many"),
        "invalid value \"many\" for flag -worker-threads: write a whole number"
    );
    assert!(refusal("--timeout=3").contains("each number needs a unit"));
    assert!(refusal("--leader-election=yes").contains("write true or false"));
    assert!(refusal("--kube-api-qps=fast").contains("write a number"));
    for line in ["--worker-threads=", "--timeout=", "--leader-election=", "--kube-api-qps="] {
        assert!(refusal(line).starts_with("invalid value \"\" for flag"), "{line}");
    }
}

#[test]
fn a_flag_at_the_end_without_its_value_is_named() {
    assert_eq!(refusal("--timeout"), "flag needs an argument: -timeout");
    assert_eq!(refusal("-v=2 -v"), "flag needs an argument: -v");
}

#[test]
fn bad_syntax_is_refused() {
    for line in ["---v=2", "-=x", "--=x", "----", "---", "--="] {
        assert!(refusal(line).starts_with("bad flag syntax"), "{line}");
    }
}

#[test]
fn an_empty_value_is_a_value() {
    assert_eq!(read("--http-endpoint=").unwrap().get(&ENDPOINT), "");
}

#[test]
fn a_flag_that_is_not_given_has_its_default_and_is_known_not_to_be_given() {
    let given = read("--timeout=2m").unwrap();
    assert_eq!((given.get(&WORKERS), given.has(&WORKERS), given.has(&TIMEOUT)), (10, false, true));
    assert_eq!(given.non_empty(&KUBECONFIG), None);
}

proptest! {
    #[test]
    fn any_text_is_a_duration_or_is_refused(text in "[-+]?[0-9.]{0,24}(ns|us|ms|s|m|h|x)?[0-9.]{0,24}(s|m)?") {
        let _ = Value::of(Kind::Duration, &text);
    }
}
