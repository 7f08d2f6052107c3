//! How a user's object and its content come together, alike for single and for group snapshots.

use model::class::Class;
use model::facts::{Facts, Owner, Policy, Source};
use model::user::User;

use super::content::is_given_up;
use super::problem::Problem;
use super::step::Step;

/// What every decision about a user's object is made on.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The user's object.
    pub user: User<'a>,
    /// The content of the name that [`User::content_name`] gives.
    pub content: Option<Facts<'a>>,
    /// The class that its spec names.
    pub class: Option<&'a Class>,
    /// The default classes of every driver: name and class, in order of the names.
    pub defaults: Vec<(&'a str, &'a Class)>,
}

/// What the kinds do differently.
pub(super) trait Way {
    /// What every decision is made on.
    fn seen(&self) -> &Seen<'_>;
    /// The finalizers that the object has while it lives, if its content has this policy.
    fn finalizers(&self, policy: Policy) -> Vec<&'static str>;
    /// The next step where it has no content yet, and is to be taken.
    fn create(&self) -> Step;
    /// The next step once it is bound to this content.
    fn follow(&self, content: &Facts<'_>) -> Step;
}

/// The next step of a user's object that lives.
pub(super) fn decide(way: &impl Way) -> Step {
    let seen = way.seen();
    let user = &seen.user;
    if user.is_dynamic == user.given_content.is_some() {
        return Step::Report(Problem::Sources);
    }
    let Some(content) = &seen.content else {
        // Taking it once more would give it other data under the old creation time. One that its status names is not the
        // one that would be made.
        let names_another = user.group.is_none() && user.content_name() != user.kind.content_of(user.uid());
        return if user.given_content.is_some() || names_another || user.was_taken() || user.is_ready() {
            Step::Report(Problem::ContentMissing { content: user.content_name() })
        } else {
            way.create()
        };
    };
    if let Some(problem) = mismatch(user, content) {
        return Step::Report(problem);
    }
    if let Some(step) = finalizers(user, &way.finalizers(content.policy)) {
        return step;
    }
    if !points_back(content, user) || lacks_class(user, content) {
        return Step::BindContent { class_name: user.class_name.map(str::to_owned) };
    }
    if !user.is_ready() && user.group.is_none() && is_given_up(content) {
        return Step::Report(Problem::ContentDeleted { content: user.content_name() });
    }
    way.follow(content)
}

/// Whether a content points back to a user's object: name, namespace, and uid.
#[must_use]
pub fn points_back(content: &Facts<'_>, user: &User<'_>) -> bool {
    names(&content.owner, user) && content.owner.uid == Some(user.uid())
}

fn names(owner: &Owner<'_>, user: &User<'_>) -> bool {
    owner.name == user.name() && owner.namespace == user.namespace()
}

/// An object that is bound to a content made by hand hands its class on to it.
fn lacks_class(user: &User<'_>, content: &Facts<'_>) -> bool {
    user.given_content.is_some()
        && !user.is_ready()
        && user.class_name.is_some()
        && content.class_name.is_none()
}

/// Why a content cannot be that of a user's object.
fn mismatch(user: &User<'_>, content: &Facts<'_>) -> Option<Problem> {
    let name = || content.name.to_owned();
    // The content of a member has the source that its group gave it.
    let fits = match (&content.source, user.is_dynamic) {
        (Source::Volumes(_) | Source::Both, true) | (Source::Given(..) | Source::Both, false) => true,
        (_, dynamic) => dynamic && user.group.is_some(),
    };
    if !fits {
        return Some(Problem::ContentMismatch { content: name(), dynamic: user.is_dynamic });
    }
    // One that was made by hand may not have a uid yet.
    let unbound = user.given_content.is_some() && content.owner.uid.is_none();
    let bound = if unbound { names(&content.owner, user) } else { points_back(content, user) };
    (!bound).then(|| {
        let Owner { namespace, name: found, uid } = content.owner;
        Problem::ContentMisbound {
            content: name(),
            expected: place(user.namespace(), user.name(), user.uid()),
            found: place(namespace, found, uid.unwrap_or_default()),
            was_ready: user.is_ready(),
        }
    })
}

/// Where an object is, as problems name it.
pub(super) fn place(namespace: &str, name: &str, uid: &str) -> String {
    format!("{namespace}/{name} (uid {uid:?})")
}

/// The step that gives an object those of these finalizers that it lacks.
pub(super) fn finalizers(user: &User<'_>, wanted: &[&'static str]) -> Option<Step> {
    let add: Vec<_> = wanted.iter().copied().filter(|finalizer| !user.has_finalizer(finalizer)).collect();
    (!add.is_empty()).then_some(Step::SetFinalizers { add, remove: Vec::new() })
}
