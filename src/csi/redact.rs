//! Removes secret values from the driver's messages, and shortens messages for the log.

use std::collections::{BTreeMap, BTreeSet};

use machinery::secrets::STRIPPED;

/// The longest message of a driver in a log line, in bytes.
const LONGEST_IN_LOG: usize = 1024;
/// Shorter values are left alone: they protect nothing, and removing them would garble every message.
const SHORTEST_VALUE: usize = 3;

/// A driver's message on one line, without the secret values of the call. It is not shortened.
pub(super) fn clean(text: &str, secrets: &BTreeMap<String, String>) -> String {
    one_line(&stripped(text, secrets))
}

/// A driver's message on one line, shortened for the log. Only for calls without secrets.
pub(super) fn brief(text: &str) -> String {
    let mut line = one_line(text);
    if line.len() > LONGEST_IN_LOG {
        line.truncate(line.floor_char_boundary(LONGEST_IN_LOG));
        line.push('…');
    }
    line
}

/// Replaces all secret values, even where they overlap. Replacements are not searched again, so the cost is linear.
fn stripped(text: &str, secrets: &BTreeMap<String, String>) -> String {
    let values: BTreeSet<&str> = secrets.values().flat_map(|value| [value.as_str(), value.trim()]).collect();
    let found = values.into_iter().filter(|value| value.len() >= SHORTEST_VALUE);
    let mut found: Vec<(usize, usize)> = found
        .flat_map(|value| text.match_indices(value).map(|(start, part)| (start, start + part.len())))
        .collect();
    found.sort_unstable();
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    for (start, next_end) in found {
        if start >= end {
            clean.push_str(&text[end..start]);
            clean.push_str(STRIPPED);
        }
        end = end.max(next_end);
    }
    clean.push_str(&text[end..]);
    clean
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::with_capacity(text.len());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use machinery::secrets::Secrets;

    use super::*;
    use crate::csi::proto;

    fn secrets() -> BTreeMap<String, String> {
        BTreeMap::from([("password".into(), "hunter2".into()), ("token".into(), "hunter2-and-more\n".into())])
    }

    #[test]
    fn the_debug_of_a_request_shows_no_secret_value() {
        let shown = [
            ("CreateSnapshotRequest", {
                let request = proto::CreateSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("DeleteSnapshotRequest", {
                let request = proto::DeleteSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("ListSnapshotsRequest", {
                let request = proto::ListSnapshotsRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("GetSnapshotRequest", {
                let request = proto::GetSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("CreateVolumeGroupSnapshotRequest", {
                let request =
                    proto::CreateVolumeGroupSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("DeleteVolumeGroupSnapshotRequest", {
                let request =
                    proto::DeleteVolumeGroupSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("GetVolumeGroupSnapshotRequest", {
                let request =
                    proto::GetVolumeGroupSnapshotRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("CreateVolumeRequest", {
                let request = proto::CreateVolumeRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("DeleteVolumeRequest", {
                let request = proto::DeleteVolumeRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("ValidateVolumeCapabilitiesRequest", {
                let request =
                    proto::ValidateVolumeCapabilitiesRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("NodeStageVolumeRequest", {
                let request = proto::NodeStageVolumeRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
            ("NodePublishVolumeRequest", {
                let request = proto::NodePublishVolumeRequest { secrets: secrets(), ..Default::default() };
                format!("{request:?}")
            }),
        ];
        for (name, text) in &shown {
            assert!(text.contains("password") && !text.contains("hunter2"), "{name}: {text}");
        }
        let mut known: Vec<&str> = shown.iter().map(|(name, _)| *name).collect();
        let mut secretive = proto::SECRETIVE.to_vec();
        known.sort_unstable();
        secretive.sort_unstable();
        assert_eq!(known, secretive, "a message with secrets has no test");
        let debug = format!("{:?}", Secrets::new(secrets()));
        assert!(debug.contains("token") && !debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn a_message_is_put_on_one_line_without_secret_values() {
        let text = clean("login with\n\thunter2-and-more\n failed:\u{7} hunter2", &secrets());
        assert_eq!(text, "login with ***stripped*** failed: ***stripped***");
    }

    #[test]
    fn overlapping_and_adjacent_secret_values_are_removed_completely() {
        let secrets = BTreeMap::from([("a".into(), "abc".into()), ("b".into(), "bcdef".into())]);
        assert_eq!(
            clean("(abcdef) (abcabc) (strip)", &secrets),
            "(***stripped***) (***stripped******stripped***) (strip)"
        );
    }

    #[test]
    fn a_long_message_is_kept_whole_and_shortened_at_a_character_in_the_log() {
        let text = "ä".repeat(1 << 19);
        assert_eq!(clean(&text, &secrets()), text);
        let brief = brief(&text);
        assert!(brief.len() <= LONGEST_IN_LOG + '…'.len_utf8());
        assert!(brief.ends_with("ä…"));
    }

    #[test]
    fn a_large_message_with_many_secrets_is_cleaned_in_linear_time() {
        let secrets: BTreeMap<String, String> =
            (0..50).map(|number| (format!("key-{number}"), format!("value {number}"))).collect();
        let text = "the value 7 is wrong\n".repeat(50_000);
        let start = std::time::Instant::now();
        assert!(!clean(&text, &secrets).contains("value 7"));
        // It takes a few milliseconds. A quadratic cost would take hours.
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
