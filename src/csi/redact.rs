//! Keeping secrets out of what is printed.

use std::collections::BTreeMap;

use crate::objects::secrets::STRIPPED;

/// The longest text of a driver that is shown to users: status and events have to hold it.
const LONGEST_TEXT: usize = 1024;
/// A shorter secret value would blank half of every message without hiding anything worth hiding.
const SHORTEST_VALUE: usize = 3;

/// A driver's words on one line, of bounded length, without the secrets of the call they answer.
pub(super) fn clean(text: &str, secrets: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    let mut values: Vec<&str> = secrets.values().flat_map(|value| [value.as_str(), value.trim()]).collect();
    // The longest first, so that a value within another does not leave the rest of that other behind.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values.into_iter().filter(|value| value.len() >= SHORTEST_VALUE) {
        text = text.replace(value, STRIPPED);
    }
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if line.len() > LONGEST_TEXT {
        line.truncate(line.floor_char_boundary(LONGEST_TEXT));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csi::proto;
    use crate::objects::secrets::Secrets;

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
    fn a_long_text_is_cut_at_a_character() {
        let text = clean(&"ä".repeat(5000), &BTreeMap::new());
        assert!(text.len() <= LONGEST_TEXT + '…'.len_utf8());
        assert!(text.ends_with("ä…"));
    }
}
