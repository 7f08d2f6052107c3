//! Recognises handles that hold a name of ours.
//!
//! CSI does not tell the name that a snapshot was created with. Some drivers put it into the handle, and only there it can
//! be found.

use crate::settings::SnapshotName;

/// The groups of characters of a uid.
const UID: [usize; 5] = [8, 4, 4, 4, 12];

/// Whether a handle holds the prefix and a uid, in the form that the flags say.
pub(super) fn is_ours(handle: &str, names: &[SnapshotName]) -> bool {
    let handle = handle.to_lowercase();
    names.iter().any(|name| {
        let start = format!("{}-", name.prefix.to_lowercase());
        handle
            .match_indices(&start)
            .any(|(at, start)| begins_with_uid(&handle[at + start.len()..], name.uuid_length))
    })
}

fn begins_with_uid(text: &str, length: Option<u8>) -> bool {
    let whole = || {
        UID.iter().enumerate().try_fold(text, |text, (at, length)| {
            let text = if at == 0 { text } else { text.strip_prefix('-')? };
            after_hex(text, *length)
        })
    };
    let rest = length.map_or_else(whole, |length| after_hex(text, usize::from(length)));
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_hexdigit()))
}

/// What follows this many hexadecimal digits.
fn after_hex(text: &str, count: usize) -> Option<&str> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

    fn name(prefix: &str, uuid_length: Option<u8>) -> [SnapshotName; 1] {
        [SnapshotName { prefix: prefix.to_owned(), uuid_length }]
    }

    #[test]
    fn a_name_is_found_anywhere_in_the_handle_and_in_any_case() {
        let names = name("snapshot", None);
        for handle in [
            format!("snapshot-{UUID}"),
            format!("snap://pvc-1/snapshot-{UUID}"),
            format!("tank/a@snapshot-{UUID}"),
            format!("SNAPSHOT-{}", UUID.to_uppercase()),
            format!("snapshot-x-snapshot-{UUID}.img"),
        ] {
            assert!(is_ours(&handle, &names), "{handle}");
        }
        for handle in
            ["", "snap-0123456789abcdef0", "snapshot-", "snapshot-daily", "snapshot-0f1e2d3c-4b5a", UUID]
        {
            assert!(!is_ours(handle, &names), "{handle}");
        }
        assert!(!is_ours(&format!("snapshot-{UUID}0"), &names));
    }

    #[test]
    fn a_shortened_uid_counts_with_its_own_length_only() {
        let names = name("k8s", Some(6));
        assert!(is_ours("pool:k8s-0f1e2d:1", &names) && is_ours("k8s-0f1e2d", &names));
        for handle in ["k8s-0f1e2", "k8s-0f1e2d3", "k8s-0f1e2ö", "snapshot-0f1e2d"] {
            assert!(!is_ours(handle, &names), "{handle}");
        }
    }
}
