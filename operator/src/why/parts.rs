//! What an object is made of: nodes for the tree, and reads that failed.

use jiff::Timestamp;
use machinery::cluster::pages::Which;
use machinery::object::{Body, Object};
use model::claim::{Claim, Volume};
use serde_json::Value;
use snapshot_controller::decide::step::Step;
use snapshot_controller::look::Look;
use snapshot_controller::wake::UserKind;

use super::node::Node;
use super::read::{Reader, Seen};
use crate::fields::text;
use crate::unread::{Unread, Why};

/// A kind of users' objects, with what it is made of.
pub trait Asked: UserKind {
    /// Reads what it is made of, as far as the rules look at it: nodes for the tree, and reads that failed.
    fn parts(reader: &Reader<'_>, seen: &Seen<Self>, content: Option<&Value>) -> impl Future<Output = Parts>;
    /// The next step of the snapshot-controller.
    fn step(look: &Look<'_>, object: &Object<Self>) -> Step;
}

/// What an object is made of.
#[derive(Debug, Default)]
pub struct Parts {
    pub nodes: Vec<Node>,
    /// Reads that failed and that the next step depends on.
    pub blind: Vec<Unread>,
}

impl Parts {
    /// Adds those of another part.
    pub fn append(&mut self, mut other: Self) {
        self.nodes.append(&mut other.nodes);
        self.blind.append(&mut other.blind);
    }

    /// Adds what was read, or why it was not. What is missing is known; what may not be read is not.
    pub fn add<B: Body>(
        &mut self,
        name: &str,
        read: &Result<Seen<B>, Unread>,
        node: impl FnOnce(&Seen<B>) -> Node,
    ) {
        match read {
            Ok(seen) => self.nodes.push(node(seen)),
            Err(unread) => {
                self.nodes.push(Node::unread(B::KIND_NAME, name, unread));
                self.blind.extend(is_blind(unread).then(|| unread.clone()));
            }
        }
    }
}

/// Whether what was asked for may be there all the same.
pub fn is_blind(unread: &Unread) -> bool {
    !matches!(unread.why, Why::Missing | Why::NotServed)
}

pub fn ready(object: &Value, is_ready: bool) -> &'static str {
    match (is_ready, object.get("status")) {
        (true, _) => "ready",
        (false, None) => "not ready, without a status",
        (false, Some(_)) => "not ready",
    }
}

/// What a user has made, as a part of something else.
pub fn user_node<U: UserKind>(seen: &Seen<U>, now: Timestamp) -> Node {
    let user = U::user(&seen.object);
    Node::of(U::KIND_NAME, &user.key(), &seen.all, ready(&seen.all, user.is_ready()), now)
}

/// A claim and the volume that it names, into one node.
pub async fn claim(reader: &Reader<'_>, key: &str, claim: Result<Seen<Claim>, Unread>, parts: &mut Parts) {
    let now = reader.clock().now;
    let volume = match claim.as_ref().ok().and_then(|seen| seen.object.body.volume.clone()) {
        Some(name) => Some((reader.get::<Volume>(&name).await, name)),
        None => None,
    };
    parts.add(key, &claim, |seen| {
        let phase = text(&seen.all, "/status/phase").unwrap_or("without a phase");
        Node::of(Claim::KIND_NAME, key, &seen.all, phase, now)
    });
    if let Some((volume, name)) = volume {
        let mut below = Parts::default();
        below.add(&name, &volume, |seen| {
            let state = match &seen.object.body.csi {
                Some((driver, handle)) => format!("{handle} of the driver {driver}"),
                None => "no CSI volume".to_owned(),
            };
            Node::of(Volume::KIND_NAME, &name, &seen.all, &state, now)
        });
        parts.blind.append(&mut below.blind);
        if let Some(claim) = parts.nodes.last_mut() {
            claim.parts.append(&mut below.nodes);
        }
    }
}

/// The claims of a namespace, of which one may be restored from what is being deleted.
pub async fn restores(reader: &Reader<'_>, namespace: &str, parts: &mut Parts) {
    let which = Which { namespace: Some(namespace), ..Which::default() };
    parts.blind.extend(reader.list::<Claim>(&which).await.err());
}
