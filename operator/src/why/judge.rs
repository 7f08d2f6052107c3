//! From the next steps of both programs to what is found. Exhaustive: a step without a finding does not compile.

use csi_snapshotter::look::{Called, Calling, Owed, Writing, owed};
use model::class::Class;
use model::facts::{Facts, Kind};
use model::user::User;
use model::words::Awaited;
use serde_json::Value;
use snapshot_controller::decide::content;
use snapshot_controller::decide::problem::{ClaimProblem, ClassProblem, Problem};
use snapshot_controller::decide::restore::Restore;
use snapshot_controller::decide::step::{MemberStep, Step};

use super::finding::{Finding, Turn};
use super::next;
use crate::fields::text;
use crate::unread::Unread;

/// What was found, in words for this object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub finding: Finding,
    /// What it waits for, or how it is.
    pub waits: String,
    /// What happens next, and when; "" if nothing does.
    pub next: String,
}

impl Found {
    pub fn new(finding: Finding, waits: impl Into<String>, next: impl Into<String>) -> Self {
        Self { finding, waits: waits.into(), next: next.into() }
    }
}

const AT_ONCE: &str = "at once";
const WITH_THE_RIGHT: &str =
    "the deletion goes on as soon as the snapshot-controller may read group snapshots";

/// What a user's object waits for. `content` is its content, if that is there, with the class that it names.
pub fn user(step: &Step, user: &User<'_>, content: Option<(&Facts<'_>, Option<&Class>)>) -> Found {
    let acts = |what: String| Found::new(Finding::ControllerActs, what, AT_ONCE);
    match step {
        Step::Rest => resting(user, content),
        Step::Report(problem) | Step::WriteStatusWith { problem, .. } => {
            Found::new(of_problem(problem), problem.text(user.kind), next::awaits(problem.awaits()))
        }
        Step::AwaitRestore(Restore { claim, at_most }) => {
            let next = match at_most {
                Some(most) => format!(
                    "the deletion goes on when the restore ends, {} minutes after it was asked for at the latest",
                    most.as_secs().div_ceil(60)
                ),
                None => {
                    "the deletion goes on when the external-provisioner takes its finalizer off".to_owned()
                }
            };
            Found::new(Finding::WaitsForRestore, format!("the deletion waits for a restore: {claim}"), next)
        }
        Step::AwaitAnswer(_) => Found::new(
            Finding::DriverTakes,
            "the deletion waits, for some seconds at most, for what the sidecar has begun",
            "the deletion goes on with the answer of the driver",
        ),
        Step::AwaitGroup { group } => Found::new(
            Finding::BelongsToGroup,
            format!("the deletion waits for that of the group snapshot {group}"),
            "it is deleted with its group",
        ),
        Step::AwaitRight { group } => Found::new(
            Finding::GroupHidden,
            format!("whether the group snapshot {group} still exists cannot be known"),
            WITH_THE_RIGHT,
        ),
        Step::AwaitGroups => Found::new(Finding::CannotTell, "whether its group exists is not known", ""),
        Step::SetClass(class) => acts(format!("the default class {class:?} is to be written into the spec")),
        Step::SetFinalizers { add, remove } if remove.is_empty() => {
            acts(format!("the finalizers {} are to be put on", add.join(", ")))
        }
        Step::SetFinalizers { remove, .. } => {
            acts(format!("the finalizers {} are to be taken off", remove.join(", ")))
        }
        Step::ProtectClaim { claim } => acts(format!("the claim {claim} is to be protected")),
        Step::CreateContent(draft) => acts(format!("the content {} is to be created", draft.name)),
        Step::BindContent { .. } => acts("its content is to be bound to it".to_owned()),
        Step::HoldContent => acts("the finalizer of its content is to be put on".to_owned()),
        Step::ReleaseContent => acts("its content is to be marked as not needed any more".to_owned()),
        Step::DeleteContent => acts("its content is to be deleted".to_owned()),
        Step::WriteStatus(_) => acts("its status is to be written".to_owned()),
        Step::JoinGroup { name, .. } => acts(format!("it is to be made a member of the group {name}")),
        Step::Member(step) => acts(member(step)),
        Step::DeleteMember { member } => acts(format!("the member {member} is to be deleted")),
    }
}

fn member(step: &MemberStep) -> String {
    match step {
        MemberStep::Create { name, claim } => {
            format!("the member {name} of the claim {claim} is to be created")
        }
        MemberStep::CreateContent { member, .. } => {
            format!("the content of the member {member} is to be created")
        }
        MemberStep::Bind { member, .. } => format!("the member {member} is to be bound to its content"),
        MemberStep::Record { content, .. } => format!("the status of the content {content} is to be written"),
    }
}

fn of_problem(problem: &Problem) -> Finding {
    match problem {
        Problem::Sources => Finding::SourceInvalid,
        Problem::Class(class) => match class {
            ClassProblem::Missing { .. } => Finding::ClassMissing,
            ClassProblem::NoDefault { .. } => Finding::NoDefaultClass,
            ClassProblem::Defaults { .. } => Finding::TwoDefaultClasses,
            ClassProblem::Drivers { .. } => Finding::DriversDiffer,
            ClassProblem::OtherDriver { .. } => Finding::ClassOfAnotherDriver,
            ClassProblem::Secret { .. } => Finding::ClassSecretInvalid,
        },
        Problem::Claims(claims) => match claims {
            ClaimProblem::Missing { .. } => Finding::ClaimMissing,
            ClaimProblem::Deleting { .. } => Finding::ClaimDeleting,
            ClaimProblem::Unbound { .. } => Finding::ClaimUnbound,
            ClaimProblem::VolumeMissing { .. } => Finding::VolumeMissing,
            ClaimProblem::BoundElsewhere { .. } => Finding::VolumeOfAnotherClaim,
            ClaimProblem::NotCsi { .. } => Finding::VolumeNotCsi,
            ClaimProblem::NoNode { .. } => Finding::NoNodeFits,
            ClaimProblem::SelectorEmpty | ClaimProblem::SelectorInvalid { .. } => Finding::SelectorInvalid,
            ClaimProblem::NoneSelected { .. } => Finding::SelectorMatchesNothing,
        },
        Problem::ContentMissing { .. } => Finding::ContentMissing,
        Problem::ContentDeleted { .. } => Finding::ContentDeleted,
        Problem::ContentMismatch { .. } => Finding::ContentOfAnotherKind,
        Problem::ContentMisbound { .. } => Finding::ContentMisbound,
        Problem::ContentOfOtherVolume { .. } => Finding::ContentOfAnotherVolume,
        Problem::GroupGone { .. } => Finding::GroupGone,
        Problem::VolumeNotTaken { .. } | Problem::MemberWithoutClaim { .. } | Problem::MemberTaken { .. } => {
            Finding::GroupIncomplete
        }
    }
}

/// The snapshot-controller has nothing to do.
fn resting(user: &User<'_>, content: Option<(&Facts<'_>, Option<&Class>)>) -> Found {
    let is_deleting = user.is_deleting();
    match content {
        Some((facts, class)) if is_deleting || !user.is_ready() => {
            of_content(facts, class, user.group.is_some())
        }
        None if is_deleting => foreign(user.metadata.finalizer_names()),
        None if !user.is_ready() && user.group.is_some() => waits_for_group(),
        Some(_) | None => match user.status.and_then(|status| status.error.as_deref()) {
            Some(error) => {
                Found::new(Finding::StaleError, format!("it is ready; an old error says: {error}"), "")
            }
            None if user.is_ready() => Found::new(Finding::Ready, "it is ready to use", ""),
            None => Found::new(Finding::AtRest, "nothing has to happen", ""),
        },
    }
}

/// It is ready, and its content may not be read: most users may not read what belongs to no namespace.
pub fn by_status_alone(unread: &Unread) -> Found {
    let waits =
        format!("its status says that it is ready to use; whether that is still so cannot be told: {unread}");
    Found::new(Finding::Ready, waits, "")
}

fn waits_for_group() -> Found {
    Found::new(
        Finding::WaitsForGroup,
        "it waits for what its group makes for it",
        "with the next step of its group",
    )
}

/// A deletion waits for these finalizers alone.
pub fn foreign<'a>(finalizers: impl Iterator<Item = &'a str>) -> Found {
    let held: Vec<&str> = finalizers.collect();
    let waits = format!("the deletion waits for the finalizers {}", held.join(", "));
    Found::new(Finding::ForeignFinalizer, waits, "it is gone as soon as they are taken off")
}

/// What a content waits for, for the controller's part.
pub fn of_controller(step: &content::Step, kind: Kind) -> Option<Found> {
    let acts = |what: String| Some(Found::new(Finding::ControllerActs, what, AT_ONCE));
    match step {
        content::Step::Rest => None,
        content::Step::Invalid => Some(Found::new(
            Finding::SourceInvalid,
            format!("the {} must have exactly one source", kind.word("VolumeSnapshotContent")),
            "",
        )),
        content::Step::Hold => acts(format!("the finalizer {} is to be put on", kind.names().finalizer)),
        content::Step::Release => acts("it is to be marked as not needed any more".to_owned()),
        content::Step::Assign(node) => acts(format!("it is to be labelled with the node {node}")),
        content::Step::Stranded(why) => {
            Some(Found::new(Finding::NoNodeFits, why.clone(), next::awaits(Awaited::Node)))
        }
    }
}

/// What a content waits for, for the sidecar's part.
pub fn of_content(facts: &Facts<'_>, class: Option<&Class>, is_member: bool) -> Found {
    let error = facts
        .status
        .and_then(|status| status.error)
        .map(|message| message.unwrap_or("an error without a text"));
    let acts = |what: &str| Found::new(Finding::SidecarActs, what, AT_ONCE);
    match owed(facts, class) {
        Owed::Nothing if facts.meta.deleting && !facts.meta.held => {
            Found::new(Finding::ForeignFinalizer, "its deletion waits for a finalizer of others", "")
        }
        Owed::Nothing => match error {
            Some(error) => {
                Found::new(Finding::StaleError, format!("it is ready; an old error says: {error}"), "")
            }
            None => Found::new(Finding::AtRest, "the content is ready, and nothing has to happen", ""),
        },
        Owed::GroupHandle => waits_for_group(),
        Owed::Release if is_member => waits_for_group(),
        Owed::Release => Found::new(
            Finding::ControllerActs,
            "the content is being deleted, and the snapshot-controller has to agree",
            AT_ONCE,
        ),
        Owed::Told(csi_snapshotter::Complaint::Unbound) => Found::new(
            Finding::ContentUnbound,
            "the content is not bound to a snapshot",
            "the sidecar goes on as soon as it is bound",
        ),
        Owed::Told(complaint) => Found::new(
            Finding::ContentRefused,
            complaint.to_string(),
            "the sidecar goes on by itself as soon as the content or its class is right",
        ),
        Owed::Write(Writing::Status) => acts("the status of the content is to be written"),
        // The mark goes with a definite failure, and the call is repeated with the next attempt.
        Owed::Write(Writing::Marker) if error.is_some() => called(Called::Take, None, error),
        Owed::Write(Writing::Marker) => {
            acts("the content is to be marked before the driver is asked to take the snapshot")
        }
        Owed::Write(Writing::NoMarker) => {
            acts("the mark that a create call may be under way is to be taken off")
        }
        Owed::Write(Writing::NoFinalizer) => acts("the finalizer of the content is to be taken off"),
        Owed::Call(Calling { what, secret }) => called(what, secret.as_ref(), error),
    }
}

fn called(what: Called, secret: Option<&(String, String)>, error: Option<&str>) -> Found {
    let with =
        secret.map_or_else(String::new, |(namespace, name)| format!(" (with the Secret {namespace}/{name})"));
    let failed =
        |said: &str, error| format!("{said}{with}; the last answer was: {}", next::without_turn(error));
    let (fails, goes_on, said) = match what {
        Called::Take => {
            (Finding::DriverFails, Finding::DriverTakes, "the driver is asked to take the snapshot")
        }
        Called::Follow => (
            Finding::DriverFails,
            Finding::DriverFinishes,
            "the driver is asked whether the snapshot is ready",
        ),
        Called::FindHandle => (
            Finding::DeletionInDoubt,
            Finding::DeletionInDoubt,
            "before the deletion the driver is asked for the handle that an earlier call may have made",
        ),
        Called::FindMembers => (
            Finding::DeletionInDoubt,
            Finding::DeletionInDoubt,
            "before the deletion the driver is asked for the members of the group",
        ),
        Called::Delete => {
            (Finding::DeletionFails, Finding::DriverDeletes, "the driver is asked to delete the snapshot")
        }
    };
    if let Some(error) = error {
        return Found::new(fails, failed(said, error), next::tried_again(error, None));
    }
    let next = match what {
        Called::Follow => "the sidecar asks again, within a minute as a rule",
        Called::Take | Called::FindHandle | Called::FindMembers | Called::Delete => {
            "with the driver's answer"
        }
    };
    Found::new(goes_on, format!("{said}{with}"), next)
}

/// The same, if the last event about the content tells that its deletion failed: its status does not.
pub fn with_events(found: Found, events: &[Value]) -> Found {
    if found.finding != Finding::DriverDeletes {
        return found;
    }
    let Some(last) = events.first().filter(|last| {
        text(last, "/type") == Some("Warning")
            && text(last, "/reason").is_some_and(|reason| reason.ends_with("SnapshotDeleteError"))
    }) else {
        return found;
    };
    let message = text(last, "/message").unwrap_or_default();
    let said = next::without_turn(message);
    let next = next::tried_again(message, None);
    Found::new(Finding::DeletionFails, format!("{}; the last answer was: {said}", found.waits), next)
}

/// The same, if whoever has to act is not at work. `controller` and `sidecar`: why not.
pub fn with_programs(found: Found, controller: Option<&str>, sidecar: Option<&str>) -> Found {
    if found.finding == Finding::WaitsForGroup {
        // Whether anything is to be done for the group is asked of the group itself.
        return found;
    }
    let (finding, why) = match found.finding.meaning().turn {
        Turn::Controller => (Finding::NoController, controller),
        Turn::Sidecar | Turn::Driver => (Finding::NoSidecar, sidecar),
        Turn::Nobody | Turn::User | Turn::Provisioner | Turn::Owner | Turn::Unknown => return found,
    };
    let Some(why) = why else { return found };
    Found {
        finding,
        waits: format!("{}; but {why}", found.waits),
        next: "as soon as it is at work".to_owned(),
    }
}
