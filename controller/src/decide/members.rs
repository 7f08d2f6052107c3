//! The members of a group: a VolumeSnapshot and a content for each volume that was taken. What there is of a member is
//! left alone; from then on it is looked after as any other snapshot.

use machinery::object::Shared;
use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Facts, Member, Source};
use model::names::content_of_member;
use model::snapshot::{VolumeSnapshot, group_owner};
use model::user::{User, UserObject};

use super::binding::points_back;
use super::creation::is_held;
use super::problem::Problem;
use super::step::{ContentDraft, MemberStep, SecretName};

/// A member that the content of a group lists, and what there is of it.
#[derive(Debug)]
pub struct MemberSeen<'a> {
    /// What the content of the group says.
    pub listed: &'a Member,
    /// The name of its VolumeSnapshot.
    pub name: String,
    /// The VolumeSnapshot of that name.
    pub snapshot: Option<&'a VolumeSnapshot>,
    /// The content of that name.
    pub content: Option<&'a VolumeSnapshotContent>,
    /// The volumes with its driver and handle, each with the claim that it names where that is there.
    pub volumes: Vec<(&'a PersistentVolume, Option<&'a PersistentVolumeClaim>)>,
}

/// The first step that a member needs, and the first problem that one has. Once the group is ready and all is well, a member
/// that somebody has deleted stays so; one that was left half made is finished.
pub(super) fn next(
    group: &User<'_>,
    content: &Facts<'_>,
    members: &[MemberSeen<'_>],
    keeps_mode: bool,
) -> (Option<MemberStep>, Option<Problem>) {
    let mut first_problem = None;
    let Some(handle) = content.handle().filter(|_| content.is_dynamic()) else { return (None, None) };
    let is_to_be_looked_at = |member: &&MemberSeen<'_>| {
        let is_begun = member.snapshot.is_some_and(|snapshot| !snapshot.user().was_taken());
        !member.listed.handle.is_empty() && (group.is_waiting() || is_begun)
    };
    for member in members.iter().filter(is_to_be_looked_at) {
        match step(group, content, handle, member, keeps_mode) {
            Ok(None) => {}
            Ok(step) => return (step, None),
            Err(problem) => first_problem = first_problem.or(Some(problem)),
        }
    }
    let problem = first_problem.or_else(|| not_taken(content, members));
    (None, problem.filter(|_| group.is_waiting()))
}

/// The first volume of a group that is ready which the driver has not listed.
fn not_taken(content: &Facts<'_>, members: &[MemberSeen<'_>]) -> Option<Problem> {
    let Source::Volumes(volumes) = &content.source else { return None };
    let is_listed = |volume: &&String| {
        members.iter().any(|member| member.listed.volume == **volume && !member.listed.handle.is_empty())
    };
    let missing = volumes.iter().find(|volume| !is_listed(volume)).filter(|_| content.is_ready())?;
    Some(Problem::VolumeNotTaken { driver: content.driver.to_owned(), volume_handle: missing.clone() })
}

fn step(
    group: &User<'_>,
    content: &Facts<'_>,
    handle: &str,
    member: &MemberSeen<'_>,
    keeps_mode: bool,
) -> Result<Option<MemberStep>, Problem> {
    let volume = volume(group.namespace(), &member.volumes);
    let Some(snapshot) = member.snapshot else {
        let Some((_, claim)) = volume else {
            return Err(Problem::MemberWithoutClaim {
                driver: content.driver.to_owned(),
                volume_handle: member.listed.volume.clone(),
                namespace: group.namespace().to_owned(),
            });
        };
        return Ok(Some(MemberStep::Create { name: member.name.clone(), claim: claim.to_owned() }));
    };
    let owner = group_owner(snapshot);
    let is_of_group = |own: &VolumeSnapshotContent| {
        own.facts().status.is_some_and(|status| status.group_handle == Some(handle))
    };
    if owner.is_none() && member.content.is_some_and(is_of_group) {
        // It was taken from the group, to outlive it.
        return Ok(None);
    }
    if owner.is_none_or(|(_, uid)| uid != group.uid()) {
        return Err(Problem::MemberTaken { object: format!("VolumeSnapshot {}", snapshot.key()) });
    }
    if snapshot.is_deleting() {
        return Ok(None);
    }
    let key = || snapshot.key();
    let name = content_of_member(&member.name);
    let Some(own) = member.content else {
        let mode = volume.and_then(|(volume, _)| volume.body.mode.clone()).filter(|_| keeps_mode);
        let draft = Box::new(draft(name, content, handle, &member.listed.volume, mode));
        return Ok(Some(MemberStep::CreateContent { member: key(), draft }));
    };
    let facts = own.facts();
    if !points_back(&facts, &snapshot.user()) {
        // The uid may be that of a member of this name that was taken away by force: nobody else can have it.
        let is_of_this_name =
            facts.owner.name == snapshot.name() && facts.owner.namespace == group.namespace();
        return if is_of_this_name && !facts.meta.released && !facts.meta.deleting {
            Ok(Some(MemberStep::Bind { member: key(), content: name }))
        } else {
            Err(Problem::MemberTaken { object: format!("VolumeSnapshotContent {name}") })
        };
    }
    let record =
        MemberStep::Record { content: name, record: member.listed.clone(), group_handle: handle.to_owned() };
    Ok(facts.handle().is_none().then_some(record))
}

/// The content of a member. What it takes from its group stands in the content of the group: the class may be gone.
fn draft(
    name: String,
    group: &Facts<'_>,
    group_handle: &str,
    volume_handle: &str,
    volume_mode: Option<Shared>,
) -> ContentDraft {
    let (secret_name, secret_namespace) = group.meta.secret;
    let secret = secret_name
        .zip(secret_namespace)
        .map(|(name, namespace)| SecretName { name: name.to_owned(), namespace: namespace.to_owned() });
    ContentDraft {
        name,
        driver: group.driver.to_owned(),
        policy: group.policy,
        volume_handles: vec![volume_handle.to_owned()],
        class_name: None,
        volume_mode,
        secret,
        member_of: Some(group_handle.to_owned()),
        node: None,
    }
}

/// The volume of a member, and the name of the claim of this namespace that holds it. A claim that is there goes before one
/// that the volume only remembers.
fn volume<'a>(
    namespace: &str,
    volumes: &[(&'a PersistentVolume, Option<&'a PersistentVolumeClaim>)],
) -> Option<(&'a PersistentVolume, &'a str)> {
    let held = volumes.iter().find(|(volume, claim)| {
        claim.is_some_and(|claim| {
            claim.namespace() == namespace
                && is_held(volume, claim)
                && claim.body.volume.as_deref() == Some(volume.name())
        })
    });
    let here = |volume: &&(&PersistentVolume, Option<&PersistentVolumeClaim>)| {
        volume.0.body.claim.as_ref().is_some_and(|(of, _, _)| **of == *namespace)
    };
    let (volume, _) = held.or_else(|| volumes.iter().find(here))?;
    volume.body.claim.as_ref().map(|(_, claim, _)| (*volume, &**claim))
}
