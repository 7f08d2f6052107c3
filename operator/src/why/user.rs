//! The chain of what a user makes: a VolumeSnapshot, or a VolumeGroupSnapshot.

use futures_util::join;
use jiff::Timestamp;
use machinery::cluster::pages::Which;
use machinery::object::{Body, Object};
use model::class::Class;
use model::facts::{Content, Facts};
use model::group_snapshot::GroupSnapshot;
use model::snapshot::{Snapshot, group_owner};
use model::user::User;
use serde_json::Value;
use snapshot_controller::caches::UserMemory;
use snapshot_controller::decide::step::Step;
use snapshot_controller::look::Look;
use snapshot_controller::wake::{UserKind, claim_of};

use super::finding::Finding;
use super::groups;
use super::judge::{self, Found};
use super::node::Node;
use super::parts::{Asked, Parts, claim, is_blind, ready, restores, user_node};
use super::programs::{self, AtWork};
use super::read::{Reader, Seen};
use super::show::{Answer, Decided};
use super::told;
use crate::check::programs::CONTROLLER;
use crate::fields::text;
use crate::unread::Unread;

/// The look of a controller that has its default flags.
pub fn look<'r>(reader: &'r Reader<'_>) -> Look<'r> {
    Look { caches: &reader.feed().caches, keeps_mode: true }
}

/// Reads the chain of an object, and says what it waits for.
///
/// # Errors
/// The object itself cannot be read.
pub async fn chain<U: Asked>(reader: &Reader<'_>, key: &str) -> Result<Answer, Unread> {
    let seen = reader.get::<U>(key).await?;
    let user = U::user(&seen.object);
    let name = user.content_name();
    let (content, events, controller) =
        join!(reader.get::<U::Content>(&name), reader.events(&seen.all), reader.controller_leases());
    let content_value = content.as_ref().ok().map(|content| &content.all);
    let facts = content.as_ref().ok().map(|content| content.object.facts());
    let class_name = user.class_name.or_else(|| facts.as_ref().and_then(|facts| facts.class_name));
    let (class, mut parts, content_events) = join!(
        classes::<U>(reader, &user, class_name, facts.is_some()),
        U::parts(reader, &seen, content_value),
        async {
            match content_value {
                Some(content) => reader.events(content).await,
                None => Ok(Vec::new()),
            }
        }
    );
    let (class_node, class, class_unread) = class;
    if facts.as_ref().is_none_or(needs_class) {
        parts.blind.extend(class_unread);
    }
    parts.blind.extend(content.as_ref().err().filter(|unread| is_blind(unread)).cloned());
    let driver = facts
        .as_ref()
        .map(|facts| facts.driver.to_owned())
        .or(class.as_ref().map(|class| class.driver.clone()));
    let clock = reader.clock();
    let controller = AtWork::of(&controller, CONTROLLER, clock);
    let sidecar = match &driver {
        Some(driver) => Some(programs::sidecar(reader, driver, content_value).await),
        None => None,
    };
    let mut decided = None;
    let hidden = content.as_ref().err().filter(|unread| is_blind(unread));
    let found = match (parts.blind.first(), hidden) {
        (Some(unread), _) if user.is_deleting() || !user.is_ready() => {
            Found::new(Finding::CannotTell, format!("what it waits for cannot be told: {unread}"), "")
        }
        (_, Some(unread)) => judge::by_status_alone(unread),
        (Some(_) | None, None) => {
            let step = U::step(&look(reader), &seen.object);
            let found = judge::user(&step, &user, facts.as_ref().map(|facts| (facts, class.as_ref())));
            decided = Some(Decided::User(step));
            found
        }
    };
    let since = user.metadata.deleted().or(user.metadata.created());
    let found = told::with_finalizers(found, content_value);
    let found = told::with_error(found, content_value, clock.now);
    let found = judge::with_events(found, content_events.as_deref().unwrap_or_default());
    let found = programs::with(found, &controller, sidecar.as_ref(), since, clock.now);
    let found = told::by_controller(found, &seen.all, content_value, events.as_deref().unwrap_or_default());
    let mut tree = Node::of(U::KIND_NAME, key, &seen.all, ready(&seen.all, user.is_ready()), clock.now);
    tree.add_events(&events, clock.now);
    tree.parts.extend(class_node);
    tree.parts.append(&mut parts.nodes);
    tree.parts.push(match &content {
        Ok(content) => {
            let mut node = content_node::<U>(&content.all, &content.object, clock.now);
            node.add_events(&content_events, clock.now);
            let driver = driver.unwrap_or_default();
            node.parts.extend(sidecar.map(|sidecar| sidecar.node("driver", &driver)));
            node
        }
        Err(unread) => Node::unread(U::Content::KIND_NAME, &name, unread),
    });
    tree.parts.push(controller.node("snapshot-controller", ""));
    Ok(Answer::new(tree, found, decided))
}

/// A content, as the tree shows it.
pub fn content_node<U: UserKind>(all: &Value, content: &Object<U::Content>, now: Timestamp) -> Node {
    let facts = content.facts();
    let state = ready(all, facts.is_ready());
    let mut node = Node::of(U::Content::KIND_NAME, facts.name, all, state, now);
    node.notes.insert(0, format!("deletionPolicy {}", text(all, "/spec/deletionPolicy").unwrap_or("?")));
    node.notes.push(match facts.handle() {
        Some(handle) => format!("handle {handle}"),
        None => "no handle yet".to_owned(),
    });
    if facts.meta.marked {
        node.notes.push("a create call may be under way (it is marked so)".to_owned());
    }
    node
}

type ClassRead = (Vec<Node>, Option<Class>, Option<Unread>);

/// The class that matters, or, where none is named and none has been chosen, all of them.
async fn classes<U: UserKind>(
    reader: &Reader<'_>,
    user: &User<'_>,
    name: Option<&str>,
    has_content: bool,
) -> ClassRead {
    let kind = U::Class::KIND_NAME;
    let node = |seen: &Seen<U::Class>| {
        let class = Class::of(&seen.object);
        let default = if class.is_default { ", default" } else { "" };
        Node::new(kind, seen.object.name(), format!("of the driver {}{default}", class.driver))
    };
    let Some(name) = name else {
        if has_content || !user.is_dynamic {
            return (Vec::new(), None, None);
        }
        return match reader.list::<U::Class>(&Which::default()).await {
            Ok(all) => {
                let defaults = all.iter().filter(|seen| Class::of(&seen.object).is_default);
                let mut nodes: Vec<Node> = defaults.map(node).collect();
                if nodes.is_empty() {
                    nodes.push(Node::new(
                        kind,
                        "",
                        format!("none is named, and none of {} is a default", all.len()),
                    ));
                }
                (nodes, None, None)
            }
            Err(unread) => (vec![Node::unread(kind, "", &unread)], None, Some(unread).filter(is_blind)),
        };
    };
    match reader.get::<U::Class>(name).await {
        Ok(seen) => (vec![node(&seen)], Some(Class::of(&seen.object)), None),
        Err(unread) => (vec![Node::unread(kind, name, &unread)], None, Some(unread).filter(is_blind)),
    }
}

impl Asked for Snapshot {
    async fn parts(reader: &Reader<'_>, seen: &Seen<Self>, content: Option<&Value>) -> Parts {
        let mut parts = Parts::default();
        let snapshot = &seen.object;
        if let Some((name, _)) = group_owner(snapshot) {
            let key = format!("{}/{name}", snapshot.namespace());
            let group = reader.get::<GroupSnapshot>(&key).await;
            parts.add(&key, &group, |seen| user_node(seen, reader.clock().now));
        }
        // Its deletion needs no claim and no volume.
        if let Some(key) = claim_of(snapshot).filter(|_| !snapshot.is_deleting()) {
            let mut of_claim = Parts::default();
            claim(reader, &key, reader.get(&key).await, &mut of_claim).await;
            parts.nodes.append(&mut of_claim.nodes);
            if content.is_none() {
                // A content says what the claim was.
                parts.blind.append(&mut of_claim.blind);
            }
        }
        if let Some(content) = content {
            groups::of_handle(reader, snapshot, content, &mut parts).await;
        }
        if snapshot.is_deleting() {
            restores(reader, snapshot.namespace(), &mut parts).await;
        }
        parts
    }
    fn step(look: &Look<'_>, object: &Object<Self>) -> Step {
        look.snapshot(object, &mut UserMemory::default())
    }
}

/// Reads the class that a content names; `None` where it names none, or where there is none of the name.
///
/// # Errors
/// Whether there is one cannot be known.
pub async fn class_of<U: UserKind>(reader: &Reader<'_>, name: Option<&str>) -> Result<Option<Class>, Unread> {
    let Some(name) = name else { return Ok(None) };
    match reader.get::<U::Class>(name).await {
        Ok(seen) => Ok(Some(Class::of(&seen.object))),
        Err(unread) if is_blind(&unread) => Err(unread),
        Err(_) => Ok(None),
    }
}

/// Whether the next step for a content depends on its class: it is still to be taken.
pub fn needs_class(content: &Facts<'_>) -> bool {
    content.handle().is_none() && !content.meta.deleting
}
