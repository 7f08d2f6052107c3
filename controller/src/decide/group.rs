//! The next step of a VolumeGroupSnapshot.

use std::time::Duration;

use model::facts::{Facts, Policy};
use model::group_snapshot::GROUP_BOUND_FINALIZER;
use model::selector::Selector;
use model::snapshot::VolumeSnapshot;

use super::binding::{self, Seen, Way};
use super::creation::{self, Source};
use super::members::{self, MemberSeen};
use super::problem::{ClaimProblem, Problem};
use super::restore::Restore;
use super::step::Step;
use super::{deletion, status};

/// All that a decision about a group snapshot is made on.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The group snapshot, its content and its class.
    pub seen: Seen<'a>,
    /// `spec.source.selector`.
    pub selector: Option<&'a Selector>,
    /// The claims of its namespace that the selector selects, in order of their names; only where it has no content.
    pub claims: Vec<Source<'a>>,
    /// The members that its content lists, each with what there is of it.
    pub members: Vec<MemberSeen<'a>>,
    /// The VolumeSnapshots that it owns; only where it is being deleted.
    pub owned: Vec<&'a VolumeSnapshot>,
    /// The restore that needs the content of one of them.
    pub restoring: Option<&'a Restore>,
    /// For how much longer its deletion waits for what a sidecar has begun.
    pub patience: Option<Duration>,
    /// `--prevent-volume-mode-conversion`: the contents of members keep the mode of the volume.
    pub keeps_mode: bool,
}

/// The next step.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Step {
    if observed.seen.user.is_deleting() { delete(observed) } else { binding::decide(observed) }
}

/// The next step of a group snapshot that is being deleted. Its members go with it, and one that is being restored from
/// holds it as long as its storage is there.
fn delete(observed: &Observed<'_>) -> Step {
    if deletion::ours(&observed.seen).is_empty() {
        return Step::Rest;
    }
    let content = deletion::content(&observed.seen);
    if let Some(restore) = observed.restoring
        && content.is_some_and(|content| !content.meta.deleting)
    {
        return Step::AwaitRestore(restore.clone());
    }
    if let Some(step) = content.and_then(|content| deletion::let_go(content, observed.patience)) {
        return step;
    }
    if let Some(member) = observed.owned.iter().find(|member| !member.is_deleting()) {
        return Step::DeleteMember { member: member.key() };
    }
    if content.is_some_and(deletion::is_cleaned_up) { Step::Rest } else { deletion::free(&observed.seen) }
}

impl Way for Observed<'_> {
    fn seen(&self) -> &Seen<'_> {
        &self.seen
    }

    fn finalizers(&self, _policy: Policy) -> Vec<&'static str> {
        vec![GROUP_BOUND_FINALIZER]
    }

    fn create(&self) -> Step {
        let report = |problem: ClaimProblem| Step::Report(problem.into());
        let Some(selector) = self.selector else { return Step::Report(Problem::Sources) };
        if selector.is_empty() && !selector.nonsense {
            return report(ClaimProblem::SelectorEmpty);
        }
        if let Some(why) = selector.fault() {
            return report(ClaimProblem::SelectorInvalid { why });
        }
        if self.claims.is_empty() {
            let namespace = self.seen.user.namespace().to_owned();
            return report(ClaimProblem::NoneSelected { selector: selector.to_string(), namespace });
        }
        // Its content has neither mode nor node: it is of several volumes.
        creation::decide(self, &self.claims, false, None)
    }

    /// Its members come first: whoever sees it ready finds them. A member that cannot be made does not keep it from being
    /// ready.
    fn follow(&self, content: &Facts<'_>) -> Step {
        let (step, problem) = members::next(&self.seen.user, content, &self.members, self.keeps_mode);
        if let Some(step) = step {
            return Step::Member(step);
        }
        let user = &self.seen.user;
        let mut change = status::from_content(user, content);
        let Some(problem) = problem else {
            return if change.is_empty() { Step::Rest } else { Step::WriteStatus(change) };
        };
        change.error = status::of_problem(user.kind, user.status, &problem).error;
        if change.is_empty() { Step::Report(problem) } else { Step::WriteStatusWith { change, problem } }
    }
}
