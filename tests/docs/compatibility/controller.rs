//! The tables of the snapshot-controller: the names that it puts on objects, and the reasons of its events.

use std::collections::BTreeSet;
use std::path::Path;

use model::claim::CLAIM_FINALIZER;
use model::facts::Kind;
use model::group_snapshot::GROUP_BOUND_FINALIZER;
use model::names::{MANAGED_BY, MEMBER_OF_GROUP};
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER};

use super::{code, row, table};

const PAGE: &str = include_str!("../../../docs/snapshot-controller.md");
const WIRING: &str = include_str!("../../../controller/src/app.rs");

/// The reasons of its events: what happened, the reason for a snapshot and for a group of them, whether the reference
/// has it.
const REASONS: [(&str, &str, &str, bool); 22] = {
    const SAME: bool = true;
    const NEW: bool = false;
    [
        ("the content has been created", "CreatingSnapshot", "CreatingGroupSnapshot", SAME),
        ("the driver has taken it", "SnapshotCreated", "GroupSnapshotCreated", SAME),
        ("it is ready", "SnapshotReady", "GroupSnapshotReady", SAME),
        ("it has not exactly one source", "SnapshotValidationError", "GroupSnapshotValidationError", SAME),
        ("its class is missing", "GetSnapshotClassFailed", "GetGroupSnapshotClassFailed", SAME),
        (
            "there is not exactly one default class",
            "SetDefaultSnapshotClassFailed",
            "SetDefaultGroupSnapshotClassFailed",
            SAME,
        ),
        (
            "no content can be made",
            "SnapshotContentCreationFailed",
            "GroupSnapshotContentCreationFailed",
            SAME,
        ),
        (
            "the API server refuses the content",
            "CreateSnapshotContentFailed",
            "CreateGroupSnapshotContentFailed",
            SAME,
        ),
        ("the content is missing", "SnapshotContentMissing", "GroupSnapshotContentMissing", SAME),
        ("the content is of another kind", "SnapshotContentMismatch", "GroupSnapshotContentMismatch", SAME),
        ("the content points elsewhere", "SnapshotContentMisbound", "GroupSnapshotContentMisbound", SAME),
        ("the same, of one that was ready", "SnapshotMisbound", "GroupSnapshotMisbound", SAME),
        ("the content cannot be bound", "SnapshotBindFailed", "GroupSnapshotBindFailed", SAME),
        ("status cannot be written", "SnapshotStatusUpdateFailed", "GroupSnapshotStatusUpdateFailed", SAME),
        ("finalizers cannot be written", "SnapshotFinalizerError", "GroupSnapshotFinalizerError", SAME),
        ("the finalizer of the claim cannot be written", "ErrorPVCFinalizer", "ErrorPVCFinalizer", SAME),
        ("its deletion has to wait", "SnapshotDeletePending", "SnapshotDeletePending", SAME),
        (
            "the content cannot be deleted",
            "SnapshotContentObjectDeleteError",
            "GroupSnapshotContentObjectDeleteError",
            SAME,
        ),
        ("a member cannot be deleted", "", "SnapshotDeleteError", SAME),
        (
            "on a content: it has not exactly one source",
            "ContentValidationError",
            "GroupContentValidationError",
            SAME,
        ),
        ("no node has a sidecar for the content", "SnapshotContentWithoutNode", "", NEW),
        ("a member of a group stays in the storage", "SnapshotMayBeOrphaned", "", NEW),
    ]
};

pub(super) fn name_table() -> String {
    let (single, group) = (Kind::Single.names(), Kind::Group.names());
    let mut rows = vec![row(["name", "single snapshots", "group snapshots"])];
    for (what, one, other) in [
        ("finalizer of the user's object: claims may be restored from it", AS_SOURCE_FINALIZER, ""),
        ("finalizer of the user's object: its content exists", BOUND_FINALIZER, GROUP_BOUND_FINALIZER),
        ("finalizer of a member: its group exists", IN_GROUP_FINALIZER, ""),
        ("finalizer of a claim: it is being taken", CLAIM_FINALIZER, CLAIM_FINALIZER),
        ("finalizer of a content, which the sidecar removes", single.finalizer, group.finalizer),
        ("annotation of a content: the deletion is agreed", single.released, group.released),
        ("annotation of a content: name of the Secret", single.secret_name, group.secret_name),
        ("annotation of a content: namespace of the Secret", single.secret_namespace, group.secret_namespace),
        ("annotation of the content of a member: handle of its group", MEMBER_OF_GROUP, ""),
        ("label of a content: its node", MANAGED_BY, ""),
        ("annotation of a default class", Kind::Single.default_class(), Kind::Group.default_class()),
        ("name of a content", &Kind::Single.content_of("UID"), &Kind::Group.content_of("UID")),
    ] {
        rows.push(vec![what.to_owned(), code(one), code(other)]);
    }
    table(&rows)
}

pub(super) fn reason_table() -> String {
    let mut rows = vec![row(["event", "VolumeSnapshot", "VolumeGroupSnapshot", "the reference"])];
    for (what, single, group, same) in REASONS {
        let theirs = if same { "the same" } else { "not there" };
        rows.push(vec![what.to_owned(), code(single), code(group), theirs.to_owned()]);
    }
    table(&rows)
}

/// The sources of the controller's passes and decisions, without tests and comments.
fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            sources(&path, text);
        } else if !["tests", "table", "fixtures"].iter().any(|word| name.contains(word)) {
            let source = std::fs::read_to_string(&path).unwrap();
            let built = source.split("#[cfg(test)]").next().unwrap_or_default();
            text.extend(built.lines().flat_map(|line| [line.split("//").next().unwrap_or_default(), "\n"]));
        }
    }
}

/// What is written like the reason of an event: one word of letters with several capitals, and not the name of a kind.
fn is_reason(text: &str) -> bool {
    let capitals = text.chars().filter(char::is_ascii_uppercase).count();
    capitals > 1
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|letter| letter.is_ascii_alphabetic())
        && !text.starts_with("Volume")
}

#[test]
fn every_reason_of_the_controllers_events_is_in_its_table_and_in_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("controller/src");
    let mut text = String::new();
    for part in ["act", "decide"] {
        sources(&root.join(part), &mut text);
    }
    let mut found: BTreeSet<String> =
        text.split('"').filter(|word| is_reason(word)).map(str::to_owned).collect();
    assert!(found.len() > 20, "{found:?}");
    let mut listed = BTreeSet::new();
    for (_, single, group, _) in REASONS {
        // What the code derives from the reason of a single snapshot stands nowhere in it.
        let derived = Kind::Group.word(single) == group;
        listed.extend([single, if derived { "" } else { group }].map(str::to_owned));
        let shown = if single.is_empty() { group } else { single };
        assert!(PAGE.contains(&format!("`{shown}`")), "{shown}");
    }
    listed.insert(String::new());
    found.insert(String::new());
    assert_eq!(found, listed);
}

#[test]
fn the_controllers_lease_and_its_component_are_in_the_page() {
    let document = include_str!("../../../docs/compatibility.md");
    for (name, value) in [("LEASE", "snapshot-controller-leader"), ("COMPONENT", "snapshot-controller")] {
        assert!(WIRING.contains(&format!("const {name}: &str = \"{value}\";")), "{name}");
        assert!(document.contains(&format!("`{value}`")), "{value}");
    }
}

#[test]
fn every_metric_of_the_controllers_own_is_in_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("controller/src");
    let mut text = String::new();
    sources(&root, &mut text);
    let names: BTreeSet<&str> =
        text.split('"').filter(|word| word.starts_with("snapshot_controller_")).collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name}");
    }
}
