//! The next step of a VolumeSnapshot.

use std::time::Duration;

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::facts::{Facts, Membership, Policy, Source as ContentSource};
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER};

use super::binding::{self, Seen, Way};
use super::creation::{self, Source};
use super::place::Reach;
use super::problem::Problem;
use super::restore::Restore;
use super::step::Step;
use super::{deletion, status};

/// All that a decision about a snapshot is made on.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The snapshot, its content and its class.
    pub seen: Seen<'a>,
    /// `namespace/name` of the claim that it is taken of.
    pub claim_key: String,
    /// That claim.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// The volume that the claim names.
    pub volume: Option<&'a PersistentVolume>,
    /// The protection of that claim is being taken off.
    pub is_being_freed: bool,
    /// `status.restoreSize` of its content.
    pub size: Option<i64>,
    /// The restore that needs its content.
    pub restoring: Option<&'a Restore>,
    /// For how much longer its deletion waits for what a sidecar has begun.
    pub patience: Option<Duration>,
    /// The group that owns it.
    pub owner: Group<'a>,
    /// Name and uid of the group snapshot whose content holds the group handle that its content names.
    pub group_of_content: Option<(&'a str, &'a str)>,
    /// The nodes that reach the volume, if its content needs the label of one.
    pub reach: Option<Reach>,
    /// `--prevent-volume-mode-conversion`: contents keep the mode of the volume.
    pub keeps_mode: bool,
}

/// The group that owns a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group<'a> {
    /// There is none, or it is gone.
    None,
    /// It is being deleted, and its members with it.
    Leaving,
    /// It lives; its name.
    Living(&'a str),
    /// Nobody knows yet which groups there are.
    Unknown,
    /// We may not see which groups there are; its name.
    Unreadable(&'a str),
}

/// The next step.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Step {
    if observed.seen.user.is_deleting() { delete(observed) } else { binding::decide(observed) }
}

/// The next step of a snapshot that is being deleted.
fn delete(observed: &Observed<'_>) -> Step {
    if deletion::ours(&observed.seen).is_empty() {
        return Step::Rest;
    }
    match observed.owner {
        Group::None | Group::Leaving => {}
        Group::Unknown => return Step::AwaitGroups,
        Group::Living(group) => return Step::AwaitGroup { group: group.to_owned() },
        Group::Unreadable(group) => return Step::AwaitRight { group: group.to_owned() },
    }
    let content = deletion::content(&observed.seen);
    if let (Some(restore), Some(_)) = (observed.restoring, content) {
        return Step::AwaitRestore(restore.clone());
    }
    if let Some(step) = content.and_then(|content| deletion::let_go(content, observed.patience)) {
        return step;
    }
    if content.is_some_and(deletion::is_cleaned_up) { Step::Rest } else { deletion::free(&observed.seen) }
}

impl Way for Observed<'_> {
    fn seen(&self) -> &Seen<'_> {
        &self.seen
    }

    /// With the policy Delete it stays until its content is gone; a member does so as long as its group does.
    fn finalizers(&self, policy: Policy) -> Vec<&'static str> {
        let is_member = self.seen.user.group.is_some();
        match policy {
            Policy::Delete if !is_member => vec![AS_SOURCE_FINALIZER, BOUND_FINALIZER],
            Policy::Delete | Policy::Retain => vec![AS_SOURCE_FINALIZER],
        }
    }

    fn create(&self) -> Step {
        if let Some(member) = self.seen.user.group {
            return self.await_group(member);
        }
        let source = Source {
            claim: self.claim,
            volume: self.volume,
            key: &self.claim_key,
            is_being_freed: self.is_being_freed,
        };
        creation::decide(self, &[source], self.keeps_mode, self.reach.as_ref())
    }

    fn follow(&self, content: &Facts<'_>) -> Step {
        let user = &self.seen.user;
        if let Some(member) = user.group.filter(|_| content.member == Membership::Announced) {
            return self.await_group(member);
        }
        if let Some(problem) = self.other_volume(content) {
            return Step::Report(problem);
        }
        let knows_size = user.status.is_some_and(|status| status.has_size);
        let knows_group = user.status.is_some_and(|status| status.group.is_some());
        let mut change = status::from_content(user, content);
        change.size = self.size.filter(|size| *size > 0 && !knows_size);
        change.group = self.group_of_content.filter(|_| !knows_group).map(|(name, _)| name.to_owned());
        if !change.is_empty() {
            return Step::WriteStatus(change);
        }
        // One that was taken as a member has had its group from the first: whoever took it away meant to keep the member, as
        // backup tools do before they delete a group whose storage they retain.
        match self.group_of_content {
            Some((name, uid)) if user.group.is_none() && !user.is_dynamic => {
                Step::JoinGroup { name: name.to_owned(), uid: uid.to_owned() }
            }
            Some(_) | None => Step::Rest,
        }
    }
}

impl Observed<'_> {
    /// What a member does that lacks what its group makes for it.
    fn await_group(&self, (name, uid): (&str, &str)) -> Step {
        match self.owner {
            Group::None => {
                let group = binding::place(self.seen.user.namespace(), name, uid);
                Step::Report(Problem::GroupGone { group })
            }
            Group::Leaving | Group::Living(_) | Group::Unknown | Group::Unreadable(_) => Step::Rest,
        }
    }

    /// A content that bears the name of ours and is of another volume was made by somebody else. Once it is bound, its
    /// claim may be made anew and hold another volume.
    fn other_volume(&self, content: &Facts<'_>) -> Option<Problem> {
        let user = &self.seen.user;
        let is_bound = user.status.is_some_and(|status| status.content.is_some());
        if is_bound || !user.is_dynamic || user.group.is_some() {
            return None;
        }
        let claim = self.claim.filter(|claim| claim.body.is_bound())?;
        let volume = self.volume.filter(|volume| creation::is_held(volume, claim))?;
        let (driver, handle) = volume.body.csi.as_ref()?;
        let found: Vec<&str> = match content.source {
            ContentSource::Volumes(handles) => handles.iter().map(String::as_str).collect(),
            ContentSource::None | ContentSource::Both | ContentSource::Given(..) => Vec::new(),
        };
        if *content.driver == **driver && found == [&**handle] {
            return None;
        }
        let of = |driver: &str, handle: &str| format!("{handle:?} of the driver {driver:?}");
        Some(Problem::ContentOfOtherVolume {
            content: content.name.to_owned(),
            expected: of(driver, handle),
            found: of(content.driver, found.first().map_or("", |handle| handle)),
        })
    }
}
