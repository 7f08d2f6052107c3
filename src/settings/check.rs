//! Validates the sidecar's own flags: their ranges, and which combinations are allowed.

use std::path::PathBuf;

use machinery::cli::{Flag, Given};
use machinery::settings::{self as shared, Checked, Env, bad, combination};

use super::flags as flag;

/// Characters in a uid without its dashes.
const UUID_LENGTH: i64 = 32;

/// The form of snapshot names in the storage: a prefix and the uid of the user's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotName {
    /// Never empty.
    pub prefix: String,
    /// The first 1 to 32 characters of the uid without dashes; `None` for the uid as it is.
    pub uuid_length: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gates {
    /// `CSIVolumeGroupSnapshot`.
    pub groups: bool,
    /// `ReleaseLeaderElectionOnExit`, accepted without effect: the lease is always released.
    pub release_on_exit: bool,
}

pub(super) fn socket(given: &Given) -> Checked<PathBuf> {
    let address = given.get(&flag::CSI_ADDRESS);
    let path = address.strip_prefix("unix://").unwrap_or(&address);
    if path.is_empty() || path.contains("://") || path.starts_with("unix:") {
        return Err(bad(&flag::CSI_ADDRESS, &address, "write a path, or unix:// and a path"));
    }
    Ok(PathBuf::from(path))
}

pub(super) fn name(given: &Given, prefix: &Flag<String>, length: &Flag<i64>) -> Checked<SnapshotName> {
    let text = given.get(prefix);
    if text.is_empty() {
        return Err(bad(prefix, "", "it must not be empty: the storage would hold snapshots of nobody"));
    }
    let uuid_length = match given.get(length) {
        -1 => None,
        // With 0 all snapshots would have one name, and the driver would return one snapshot for all of them.
        kept @ 1..=UUID_LENGTH => u8::try_from(kept).ok(),
        other => {
            return Err(bad(length, other, format!("write 1 to {UUID_LENGTH}, or -1 for the whole uid")));
        }
    };
    Ok(SnapshotName { prefix: text, uuid_length })
}

pub(super) fn node(given: &Given, env: Env<'_>) -> Checked<Option<String>> {
    if !given.get(&flag::NODE_DEPLOYMENT) {
        return Ok(None);
    }
    match env("NODE_NAME").filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(name)),
        None => {
            combination("--node-deployment needs the environment variable NODE_NAME (from spec.nodeName)")
        }
    }
}

pub(super) fn gates(given: &Given) -> Checked<Gates> {
    let groups = if given.has(&flag::ENABLE_GROUPS) { given.get(&flag::ENABLE_GROUPS) } else { true };
    let mut gates = Gates { groups, release_on_exit: true };
    for (gate, on) in shared::gates(given, &flag::FEATURE_GATES)? {
        match gate.as_str() {
            "CSIVolumeGroupSnapshot" => gates.groups = on,
            "ReleaseLeaderElectionOnExit" => gates.release_on_exit = on,
            // Every Kubernetes program knows these two. No gate here that has an effect is alpha or beta.
            "AllAlpha" | "AllBeta" => {}
            unknown => {
                let why = format!("no such feature gate; write {}", flag::FEATURE_GATES.spec.help);
                return Err(bad(&flag::FEATURE_GATES, unknown, why));
            }
        }
    }
    Ok(gates)
}
