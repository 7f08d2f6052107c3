//! The grammar: what Go takes, what Go lets slip, and what is refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;

use super::table::{Kind, State, flags};
use super::*;

fn read(line: &str) -> Result<Given, UsageError> {
    Given::read(line.split_whitespace().map(OsString::from))
}

/// For words that are empty or hold spaces.
fn read_words<const N: usize>(words: [&str; N]) -> Result<Given, UsageError> {
    Given::read(words.map(OsString::from))
}

fn text(given: &Given, name: &str) -> String {
    match given.value(name) {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

fn refusal(line: &str) -> String {
    read(line).unwrap_err().to_string()
}

#[test]
fn one_dash_and_two_with_and_without_an_equals_sign_mean_the_same() {
    for line in ["-csi-address /x", "--csi-address /x", "-csi-address=/x", "--csi-address=/x"] {
        assert_eq!(text(&read(line).unwrap(), "csi-address"), "/x", "{line}");
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
        assert_eq!(read(line).unwrap().value("leader-election"), Some(&Value::Bool(expected)), "{line}");
    }
}

#[test]
fn better_14_a_stray_word_is_refused_by_name_with_what_was_probably_meant() {
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
    assert_eq!(text(&read_words(["--kubeconfig", "-v=2"]).unwrap(), "kubeconfig"), "-v=2");
    assert_eq!(text(&read_words(["--kubeconfig", "--"]).unwrap(), "kubeconfig"), "--");
    assert_eq!(text(&read_words(["--kubeconfig", ""]).unwrap(), "kubeconfig"), "");
    assert_eq!(text(&read_words(["--kubeconfig=a=b"]).unwrap(), "kubeconfig"), "a=b");
}

#[test]
fn an_argument_that_is_no_text_is_refused_where_it_stands() {
    let broken = || OsString::from_vec(b"--kubeconfig=/a\xff\nb".to_vec());
    for words in [vec![broken()], vec![OsString::from("--kubeconfig"), broken()]] {
        let refused = Given::read(words).unwrap_err().to_string();
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
    assert_eq!(text(&given, "feature-gates"), "A=true,B=false");
    let given = read("--leader-election-labels=a:b --leader-election-labels=c:d").unwrap();
    assert_eq!(text(&given, "leader-election-labels"), "a:b,c:d");
}

#[test]
fn better_18_of_a_repeated_flag_the_last_wins() {
    assert_eq!(read("-v=2 --v=5").unwrap().value("v"), Some(&Value::Int(5)));
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
    assert_eq!(text(&read("--http-endpoint=").unwrap(), "http-endpoint"), "");
}

#[test]
fn every_default_in_the_table_is_of_its_flags_own_kind() {
    for flag in flags().iter().filter(|flag| flag.state == State::Live) {
        assert!(Value::of(flag.kind, flag.default).is_some(), "--{}", flag.name);
    }
}

#[test]
fn no_flag_stands_in_the_table_twice() {
    let mut names: Vec<&str> = flags().iter().map(|flag| flag.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn help_has_one_line_for_each_live_flag_and_names_all_others() {
    let text = help();
    for flag in flags() {
        let shown = text.matches(&format!("--{}", flag.name)).count();
        assert!(shown >= 1, "--{} is missing", flag.name);
        if flag.state == State::Live {
            let line = text.lines().find(|line| line.trim_start().starts_with(&format!("--{} ", flag.name)));
            let line = line.or_else(|| text.lines().find(|line| line.contains(&format!("--{}", flag.name))));
            assert!(line.is_some_and(|line| line.contains(flag.help)), "--{}", flag.name);
        }
    }
    assert!(text.lines().all(|line| line.chars().count() <= 130), "a line is too long for a terminal");
}

/// Words that look like flags, words of any characters, and bytes that are no characters.
fn any_word() -> impl Strategy<Value = OsString> {
    prop_oneof![
        8 => word().prop_map(OsString::from),
        1 => any::<String>().prop_map(OsString::from),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ]
}

fn word() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = flags().iter().map(|flag| flag.name).collect();
    let name = prop_oneof![proptest::sample::select(known).prop_map(str::to_owned), "[a-z-]{0,12}"];
    let value =
        prop_oneof!["[0-9.a-z]{0,8}", "[-+_0-9xobsmhn.:=,]{0,24}", any::<String>(), Just(String::new())];
    ("-{0,3}", name, proptest::option::of(value)).prop_map(|(dashes, name, value)| match value {
        Some(value) => format!("{dashes}{name}={value}"),
        None => format!("{dashes}{name}"),
    })
}

proptest! {
    #[test]
    fn no_command_line_panics_and_every_refusal_is_one_line(
        words in proptest::collection::vec(any_word(), 0..6),
        node in proptest::option::of("\\PC{0,4}"),
    ) {
        if let Err(refused) = crate::settings::parse(words, &|_| node.clone()) {
            let line = refused.to_string();
            prop_assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn any_text_is_a_duration_or_is_refused(text in "[-+]?[0-9.]{0,24}(ns|us|ms|s|m|h|x)?[0-9.]{0,24}(s|m)?") {
        let _ = Value::of(Kind::Duration, &text);
    }
}
