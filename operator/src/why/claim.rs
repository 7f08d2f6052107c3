//! A claim: whether a snapshot of it keeps it.

use futures_util::join;
use machinery::cluster::pages::Which;
use machinery::object::Body;
use model::claim::Volume;
use model::claim::{CLAIM_FINALIZER, Claim};
use model::content::SingleContent;
use model::facts::Content;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use model::user::UserObject;
use snapshot_controller::decide::claim::{holds, may_be_taken};
use snapshot_controller::look::claim::is_to_be_freed;
use snapshot_controller::wake::claim_of;

use super::finding::Finding;
use super::judge::Found;
use super::node::Node;
use super::parts::{is_blind, user_node};
use super::programs::{self, AtWork};
use super::read::{Reader, Seen};
use super::show::{Answer, Decided};
use crate::check::programs::CONTROLLER;
use crate::fields::text;
use crate::unread::Unread;

/// Reads a claim and the snapshots of it, and says what keeps it.
///
/// # Errors
/// The claim itself cannot be read.
pub async fn chain(reader: &Reader<'_>, key: &str) -> Result<Answer, Unread> {
    let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
    let which = Which { namespace: Some(namespace), ..Which::default() };
    // Groups first: the labels of a claim are kept for them alone.
    let (groups, snapshots, controller) = join!(
        reader.list::<GroupSnapshot>(&which),
        reader.list::<Snapshot>(&which),
        reader.controller_leases()
    );
    let seen = reader.get::<Claim>(key).await?;
    let (clock, claim) = (reader.clock(), &seen.object);
    let controller = AtWork::of(&controller, CONTROLLER, clock);
    let mut blind: Vec<Unread> =
        groups.as_ref().err().filter(|unread| is_blind(unread)).cloned().into_iter().collect();
    blind.extend(snapshots.as_ref().err().filter(|unread| is_blind(unread)).cloned());
    let of_it: Vec<Seen<Snapshot>> = snapshots
        .unwrap_or_default()
        .into_iter()
        .filter(|seen| claim_of(&seen.object).as_deref() == Some(key))
        .collect();
    let mut holders = Vec::new();
    for seen in &of_it {
        let user = seen.object.user();
        let content = reader.get::<SingleContent>(&user.content_name()).await;
        let may = may_be_taken(&user, content.as_ref().ok().map(|content| content.object.facts()).as_ref());
        blind.extend(content.err().filter(is_blind));
        if holds(&user, may) {
            holders.push(user.key());
        }
    }
    for seen in groups.iter().flatten() {
        let content = reader.get::<GroupContent>(&seen.object.user().content_name()).await;
        blind.extend(content.err().filter(is_blind));
    }
    if let Some(volume) = &claim.body.volume {
        blind.extend(reader.get::<Volume>(volume).await.err().filter(is_blind));
    }
    let is_protected = claim.has_finalizer(CLAIM_FINALIZER);
    let is_freed = is_to_be_freed(&reader.feed().caches, claim);
    let decided = blind.is_empty().then_some(Decided::Freed(is_freed));
    let found = match blind.first() {
        Some(unread) if is_protected => {
            Found::new(Finding::CannotTell, format!("what keeps the claim cannot be told: {unread}"), "")
        }
        _ if is_freed => Found::new(
            Finding::ControllerActs,
            format!(
                "no snapshot of it is being taken any more, and the finalizer {CLAIM_FINALIZER} is to be taken off"
            ),
            "at once",
        ),
        _ if is_protected => {
            let by = if holders.is_empty() { "a group snapshot".to_owned() } else { holders.join(", ") };
            Found::new(
                Finding::ClaimProtected,
                format!("it is kept while {by} is being taken"),
                "the finalizer goes as soon as that is taken",
            )
        }
        _ if claim.is_deleting() => Found::new(
            Finding::ForeignFinalizer,
            "no snapshot keeps it; its deletion waits for the finalizers of others",
            "it is gone as soon as they are taken off",
        ),
        _ => Found::new(Finding::AtRest, "no snapshot keeps it", ""),
    };
    let since = claim.metadata.deleted().or(claim.metadata.created());
    let found = programs::with(found, &controller, None, since, clock.now);
    let phase = text(&seen.all, "/status/phase").unwrap_or("without a phase");
    let mut tree = Node::of(Claim::KIND_NAME, key, &seen.all, phase, clock.now);
    tree.add_events(&reader.events(&seen.all).await, clock.now);
    tree.parts.extend(of_it.iter().map(|seen| user_node(seen, clock.now)));
    tree.parts.push(controller.node("snapshot-controller", ""));
    Ok(Answer::new(tree, found, decided))
}
