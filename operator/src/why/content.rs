//! The chain that begins with a content.

use futures_util::join;
use machinery::object::Object;
use model::content::SingleContent;
use model::facts::Content;
use model::facts::Facts;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use snapshot_controller::decide::content::Step;
use snapshot_controller::look::Look;
use snapshot_controller::wake::UserKind;

use super::finding::Finding;
use super::judge::{self, Found};
use super::node::Node;
use super::parts::is_blind;
use super::programs::{self, AtWork};
use super::read::Reader;
use super::show::{Answer, Decided};
use super::told;
use super::user::{class_of, content_node, look, needs_class};
use crate::check::programs::CONTROLLER;
use crate::unread::Unread;

/// Users' objects whose contents can be asked about.
pub trait Owns: UserKind {
    /// The next step of the snapshot-controller about a content, for its own sake.
    fn content_step(look: &Look<'_>, content: &Object<Self::Content>) -> Step;
}

impl Owns for Snapshot {
    fn content_step(look: &Look<'_>, content: &Object<SingleContent>) -> Step {
        look.content(content)
    }
}

impl Owns for GroupSnapshot {
    fn content_step(look: &Look<'_>, content: &Object<GroupContent>) -> Step {
        look.group_content(content)
    }
}

/// Reads the chain of a content, and says what it waits for.
///
/// # Errors
/// The content itself cannot be read.
pub async fn chain<U: Owns>(reader: &Reader<'_>, name: &str) -> Result<Answer, Unread> {
    let seen = reader.get::<U::Content>(name).await?;
    let facts = seen.object.facts();
    let key = format!("{}/{}", facts.owner.namespace, facts.owner.name);
    let (owner, class, events, controller, sidecar) = join!(
        reader.get::<U>(&key),
        class_of::<U>(reader, facts.class_name),
        reader.events(&seen.all),
        reader.controller_leases(),
        programs::sidecar(reader, facts.driver, Some(&seen.all)),
    );
    let clock = reader.clock();
    let controller = AtWork::of(&controller, CONTROLLER, clock);
    let is_owned = owner.as_ref().is_ok_and(|owner| facts.owner.uid == Some(owner.object.uid()));
    let mut decided = None;
    let of_owner = owner.as_ref().err().filter(|unread| is_blind(unread));
    let of_class = class.as_ref().err().filter(|_| needs_class(&facts));
    let found = if let Some(unread) = of_owner.or(of_class) {
        Found::new(Finding::CannotTell, format!("what it waits for cannot be told: {unread}"), "")
    } else {
        let step = U::content_step(&look(reader), &seen.object);
        let found = judge::of_controller(&step, facts.kind);
        decided = Some(Decided::Content(step));
        let class = class.as_ref().ok().and_then(Option::as_ref);
        found.unwrap_or_else(|| of_sidecar(&facts, class, is_owned, &key))
    };
    let since = seen.object.metadata.deleted().or(facts.meta.created);
    let found = told::with_finalizers(found, Some(&seen.all));
    let found = told::with_error(found, Some(&seen.all), clock.now);
    let found = judge::with_events(found, events.as_deref().unwrap_or_default());
    let found = programs::with(found, &controller, Some(&sidecar), since, clock.now);
    let mut tree = content_node::<U>(&seen.all, &seen.object, clock.now);
    tree.add_events(&events, clock.now);
    tree.parts.push(match &owner {
        Ok(owner) if is_owned => Node::of(U::KIND_NAME, &key, &owner.all, "bound to it", clock.now),
        Ok(_) => Node::new(U::KIND_NAME, &key, "another of this name, or not bound yet"),
        Err(unread) => Node::unread(U::KIND_NAME, &key, unread),
    });
    tree.parts.push(sidecar.node("driver", facts.driver));
    tree.parts.push(controller.node("snapshot-controller", ""));
    Ok(Answer::new(tree, found, decided))
}

fn of_sidecar(facts: &Facts<'_>, class: Option<&model::class::Class>, is_owned: bool, owner: &str) -> Found {
    if is_owned && facts.meta.deleting && !facts.meta.released {
        let waits = format!("its deletion waits for that of {owner}, which is bound to it");
        return Found::new(Finding::ContentKept, waits, "it goes with it");
    }
    let found = judge::of_content(facts, class, false);
    let is_alone = facts.is_bound() && !is_owned && !facts.meta.deleting;
    // No group makes anything any more for a member that is gone.
    let is_idle = found.finding.is_well() || found.finding == Finding::WaitsForGroup;
    if is_alone && is_idle {
        let waits =
            format!("the {owner} that it is bound to does not exist, and nobody has deleted the content");
        return Found::new(Finding::ContentWithoutOwner, waits, "");
    }
    if found.finding == Finding::AtRest && !facts.is_bound() {
        let waits = format!("the content is ready, and the {owner} that it names is not bound to it");
        return Found::new(
            Finding::ContentUnbound,
            waits,
            "the snapshot-controller binds the two as soon as that has the content as its source",
        );
    }
    found
}
