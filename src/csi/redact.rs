//! Keeping secrets out of what is printed.

use std::collections::{BTreeMap, BTreeSet};

use machinery::secrets::STRIPPED;

/// The longest text of a driver in a line of the log.
const LONGEST_IN_LOG: usize = 1024;
/// A shorter secret value would blank half of every message without hiding anything worth hiding.
const SHORTEST_VALUE: usize = 3;

/// A driver's words on one line, without the secrets of the call they answer. Their length is theirs: who writes them
/// down knows what fits there.
pub(super) fn clean(text: &str, secrets: &BTreeMap<String, String>) -> String {
    one_line(&stripped(text, secrets))
}

/// A driver's words on one line of the log, where no secrets went along.
pub(super) fn brief(text: &str) -> String {
    let mut line = one_line(text);
    if line.len() > LONGEST_IN_LOG {
        line.truncate(line.floor_char_boundary(LONGEST_IN_LOG));
        line.push('…');
    }
    line
}

/// All that belongs to any secret value goes, also where values overlap. What has been put in is not searched again,
/// so the time grows with the text, and not with what it becomes.
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
    use super::*;
    use crate::csi::proto;
    use machinery::secrets::Secrets;

    fn secrets() -> BTreeMap<String, String> {
        BTreeMap::from([("password".into(), "hunter2".into()), ("token".into(), "hunter2-and-more\n".into())])
    }

    #[test]
    fn no_message_with_secrets_shows_their_values() {
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
    fn a_drivers_words_come_on_one_line_without_secrets() {
        let text = clean("login with\n\thunter2-and-more\n failed:\u{7} hunter2", &secrets());
        assert_eq!(text, "login with ***stripped*** failed: ***stripped***");
    }

    #[test]
    fn values_that_overlap_or_follow_each_other_leave_nothing_behind() {
        let secrets = BTreeMap::from([("a".into(), "abc".into()), ("b".into(), "bcdef".into())]);
        assert_eq!(
            clean("(abcdef) (abcabc) (strip)", &secrets),
            "(***stripped***) (***stripped******stripped***) (strip)"
        );
    }

    #[test]
    fn a_long_text_is_kept_whole_and_cut_at_a_character_in_the_log() {
        let text = "ä".repeat(1 << 19);
        assert_eq!(clean(&text, &secrets()), text);
        let brief = brief(&text);
        assert!(brief.len() <= LONGEST_IN_LOG + '…'.len_utf8());
        assert!(brief.ends_with("ä…"));
    }

    #[test]
    fn a_large_text_with_many_secrets_costs_little() {
        let secrets: BTreeMap<String, String> =
            (0..50).map(|number| (format!("key-{number}"), format!("value {number}"))).collect();
        let text = "the value 7 is wrong\n".repeat(50_000);
        let start = std::time::Instant::now();
        assert!(!clean(&text, &secrets).contains("value 7"));
        // A second is a hundred times what it takes; a cost that grows with the square would take hours.
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
