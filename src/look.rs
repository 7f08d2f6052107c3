//! What the sidecar would do next about a content, as far as the content and its class tell. Whoever asks knows less than
//! the sidecar, which remembers what the driver has answered it; so it is the step of a sidecar that has just started.

use model::class::Class;
use model::facts::Facts;

use crate::decide::{
    ClassSeen, CreateCall, DeleteCall, DriverCall, DriverFacts, Memory, MetadataWrite, Naming, Observed,
    Orphan, PollCall, Presence, Purpose, Report, Rest, SecretRef, StatusRecord, Step, decide,
};

pub use crate::decide::Complaint;

/// What is owed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// Nothing: the content is at rest.
    Nothing,
    /// Nothing: the handle of a member comes with its group.
    GroupHandle,
    /// Nothing, until the snapshot-controller agrees to the deletion.
    Release,
    /// Something is wrong with the content or its class, and is said so.
    Told(Complaint),
    /// A write to the content, without a call of the driver.
    Write(Writing),
    /// A call of the driver.
    Call(Calling),
}

/// A write to a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Its status.
    Status,
    /// The marker that a create call may be under way.
    Marker,
    /// The marker goes.
    NoMarker,
    /// The finalizer goes.
    NoFinalizer,
}

/// A call of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calling {
    /// What for.
    pub what: Called,
    /// Namespace and name of the Secret that goes with it.
    pub secret: Option<(String, String)>,
}

/// What the driver is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// To take the snapshot.
    Take,
    /// To see how far a snapshot is.
    Follow,
    /// To learn, before the deletion, what an earlier call may have taken.
    FindHandle,
    /// To learn, before the deletion, which members a group has.
    FindMembers,
    /// To delete it.
    Delete,
}

/// What the sidecar of the content's own driver owes it. `class` is the class that the content names, if it is there.
#[must_use]
pub fn owed(facts: &Facts<'_>, class: Option<&Class>) -> Owed {
    let driver = DriverFacts { name: facts.driver.to_owned(), can_find: true };
    let naming = Naming { prefix: "snapshot".to_owned(), uuid_length: None, extra_metadata: false };
    let step = decide(&Observed {
        facts: facts.clone(),
        presence: Presence::Here,
        named_elsewhere: false,
        class: ClassSeen::new(facts.class_name, class),
        driver: &driver,
        naming: &naming,
        memory: &Memory::default(),
    });
    match step {
        // Only what is gone leaves an orphan, and this content is here.
        Step::Rest(Rest::Settled | Rest::OtherDriver)
        | Step::Report(Report::Orphan(Orphan::Known(_) | Orphan::InDoubt { .. })) => Owed::Nothing,
        Step::Rest(Rest::AwaitGroupHandle) => Owed::GroupHandle,
        Step::Rest(Rest::AwaitRelease) => Owed::Release,
        Step::Report(Report::Complaint(complaint)) => Owed::Told(complaint),
        Step::Record(StatusRecord::Answer(_) | StatusRecord::Adopted(_)) => Owed::Write(Writing::Status),
        Step::Write(MetadataWrite::Mark) => Owed::Write(Writing::Marker),
        Step::Write(MetadataWrite::Unmark) => Owed::Write(Writing::NoMarker),
        Step::Write(MetadataWrite::DropFinalizer) => Owed::Write(Writing::NoFinalizer),
        Step::Call(call) => Owed::Call(calling(call)),
    }
}

fn calling(call: DriverCall) -> Calling {
    let (what, secret) = match call {
        DriverCall::Create(CreateCall { purpose, secret, .. }) => {
            let what = match purpose {
                Purpose::Take => Called::Take,
                Purpose::Follow => Called::Follow,
                Purpose::FindHandle => Called::FindHandle,
                Purpose::FindMembers => Called::FindMembers,
            };
            (what, secret)
        }
        DriverCall::Poll(PollCall { secret, .. }) => (Called::Follow, secret),
        DriverCall::Delete(DeleteCall { secret, .. }) => (Called::Delete, secret),
    };
    Calling { what, secret: secret.map(|SecretRef { namespace, name, .. }| (namespace, name)) }
}

#[cfg(test)]
mod tests {
    use model::class::VolumeSnapshotClass;
    use model::content::VolumeSnapshotContent;
    use model::facts::Content;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_content_is_taken_and_deleted_by_calls_that_can_be_told_beforehand() {
        let content = |annotations, deletion: Option<&str>, status| -> VolumeSnapshotContent {
            let content = json!({
                "metadata": {"name": "c", "uid": "u", "annotations": annotations, "deletionTimestamp": deletion,
                    "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"]},
                "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "v"},
                    "volumeSnapshotClassName": "class",
                    "volumeSnapshotRef": {"namespace": "n", "name": "s", "uid": "s-uid"}},
                "status": status,
            });
            serde_json::from_value(content).unwrap()
        };
        let class = json!({"metadata": {"name": "class"}, "driver": "d", "deletionPolicy": "Delete"});
        let class: VolumeSnapshotClass = serde_json::from_value(class).unwrap();
        let class = Class::of(&class);
        let owed = |content: VolumeSnapshotContent, class| owed(&content.facts(), class);
        let marked = json!({"snapshot.storage.kubernetes.io/volumesnapshot-being-created": "yes"});
        let released = json!({"snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes"});
        let call = |what| Owed::Call(Calling { what, secret: None });
        let fresh = || content(json!({}), None, json!(null));
        assert_eq!(owed(fresh(), Some(&class)), Owed::Write(Writing::Marker));
        assert_eq!(owed(content(marked, None, json!(null)), Some(&class)), call(Called::Take));
        assert!(matches!(owed(fresh(), None), Owed::Told(Complaint::ClassMissing { .. })));
        let taken = json!({"snapshotHandle": "h", "readyToUse": true});
        assert_eq!(owed(content(json!({}), None, taken.clone()), None), Owed::Nothing);
        let now = Some("2026-12-01T00:00:00Z");
        assert_eq!(owed(content(json!({}), now, json!(null)), None), Owed::Release);
        assert_eq!(owed(content(released, now, taken), None), call(Called::Delete));
    }
}
