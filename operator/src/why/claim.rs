//! A claim: whether a snapshot of it keeps it.

use futures_util::join;
use machinery::cluster::pages::Which;
use machinery::object::Body;
use model::claim::{CLAIM_FINALIZER, Claim, PersistentVolumeClaim, Volume};
use model::content::SingleContent;
use model::facts::Content;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::{Snapshot, VolumeSnapshot};
use model::user::UserObject;
use snapshot_controller::decide::claim::{holds, is_being_taken, may_be_taken};
use snapshot_controller::look::claim::is_to_be_freed;
use snapshot_controller::wake::claim_of;

use super::finding::Finding;
use super::judge::{Found, foreign};
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
    let seen = reader.get::<Claim>(key).await?;
    let (clock, claim) = (reader.clock(), &seen.object);
    let is_protected = claim.has_finalizer(CLAIM_FINALIZER);
    let which = Which { namespace: Some(claim.namespace()), ..Which::default() };
    let groups = async {
        // Where nothing protects the claim, no group matters.
        if is_protected { reader.list::<GroupSnapshot>(&which).await } else { Ok(Vec::new()) }
    };
    let (groups, snapshots, events, controller) =
        join!(groups, reader.list::<Snapshot>(&which), reader.events(&seen.all), reader.controller_leases());
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
    for seen in of_it.iter().filter(|_| is_protected) {
        if is_held_by(reader, &seen.object, &mut blind).await {
            holders.push(seen.object.key());
        }
    }
    of_groups(reader, claim, groups.as_deref().unwrap_or_default(), &mut blind).await;
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
        _ if claim.is_deleting() => foreign(claim.metadata.finalizer_names()),
        _ => Found::new(Finding::AtRest, "no snapshot keeps it", ""),
    };
    let since = claim.metadata.deleted().or(claim.metadata.created());
    let found = programs::with(found, &controller, None, since, clock.now);
    let phase = text(&seen.all, "/status/phase").unwrap_or("without a phase");
    let mut tree = Node::of(Claim::KIND_NAME, key, &seen.all, phase, clock.now);
    tree.add_events(&events, clock.now);
    tree.parts.extend(of_it.iter().map(|seen| user_node(seen, clock.now)));
    tree.parts.push(controller.node("snapshot-controller", ""));
    Ok(Answer::new(tree, found, decided))
}

/// Whether a snapshot holds its claim. Its content matters only where it may still be taken.
async fn is_held_by(reader: &Reader<'_>, snapshot: &VolumeSnapshot, blind: &mut Vec<Unread>) -> bool {
    let user = snapshot.user();
    if !is_being_taken(&user, true) {
        return holds(&user, false);
    }
    let content = reader.get::<SingleContent>(&user.content_name()).await;
    let may = may_be_taken(&user, content.as_ref().ok().map(|content| content.object.facts()).as_ref());
    blind.extend(content.err().filter(is_blind));
    holds(&user, may)
}

/// Reads what tells whether a group takes the claim.
async fn of_groups(
    reader: &Reader<'_>,
    claim: &PersistentVolumeClaim,
    groups: &[Seen<GroupSnapshot>],
    blind: &mut Vec<Unread>,
) {
    let mut is_in_hand = false;
    for seen in groups.iter().filter(|seen| holds(&seen.object.user(), true)) {
        let content = reader.get::<GroupContent>(&seen.object.user().content_name()).await;
        is_in_hand |= content.is_ok();
        blind.extend(content.err().filter(is_blind));
    }
    if let Some(volume) = claim.body.volume.as_ref().filter(|_| is_in_hand) {
        blind.extend(reader.get::<Volume>(volume).await.err().filter(is_blind));
    }
}
