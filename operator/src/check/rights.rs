//! Whether the accounts of the programs have the rights that the programs need: those of the manifests in `deploy`.

use std::sync::LazyLock;

use anyhow::Context;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use machinery::cluster::plain::Resource;
use serde_json::{Value, json};

use super::accounts::{Program, Role};
use super::finding::Finding;
use super::line::Line;
use super::seen::Seen;
use crate::arguments::Account;
use crate::fields::{each, owned};
use crate::session::Session;
use crate::unread::Unread;

const CONTROLLER: &str = include_str!("../../../deploy/snapshot-controller/rbac.yaml");
const SIDECAR: &str = include_str!("../../../deploy/sidecar/rbac.yaml");
const REVIEWS: Resource =
    Resource { group: "authorization.k8s.io", version: "v1", plural: "subjectaccessreviews" };
/// Questions at once.
const AT_ONCE: usize = 16;
/// What the manifests grant because the reference's do, and neither program does.
const NEEDLESS: [(&str, &str); 5] =
    [("events", "list"), ("events", "watch"), ("leases", "list"), ("leases", "watch"), ("leases", "delete")];

/// A right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub group: String,
    pub resource: String,
    pub sub: String,
    pub verb: String,
    /// It is needed in the namespace of the Lease alone.
    pub in_namespace: bool,
}

impl Wanted {
    /// With its subresource.
    pub fn full_resource(&self) -> String {
        if self.sub.is_empty() { self.resource.clone() } else { format!("{}/{}", self.resource, self.sub) }
    }
}

/// The rights that both programs need.
pub fn manifests() -> &'static [Wanted] {
    static ALL: LazyLock<Vec<Wanted>> = LazyLock::new(|| {
        [CONTROLLER, SIDECAR].iter().flat_map(|manifest| wanted(manifest).unwrap_or_default()).collect()
    });
    &ALL
}

/// The rights that a manifest grants.
fn wanted(manifest: &str) -> anyhow::Result<Vec<Wanted>> {
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(manifest).context("the manifest of rights is not YAML")?;
    let mut all = Vec::new();
    for object in &objects {
        let in_namespace = owned(object, "/kind").as_deref() == Some("Role");
        for rule in each(object, "/rules") {
            let words = |place| each(rule, place).filter_map(Value::as_str);
            for group in words("/apiGroups") {
                for (resource, verb) in
                    words("/resources").flat_map(|it| words("/verbs").map(move |verb| (it, verb)))
                {
                    let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
                    if !NEEDLESS.contains(&(resource, verb)) {
                        let [group, resource, sub, verb] = [group, resource, sub, verb].map(str::to_owned);
                        all.push(Wanted { group, resource, sub, verb, in_namespace });
                    }
                }
            }
        }
    }
    Ok(all)
}

/// A line for each program.
///
/// # Errors
/// A manifest that was built in is not YAML.
pub async fn lines(session: &Session, programs: Vec<Program>, seen: &Seen) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for program in programs {
        let about = format!("rights of the {}", program.name);
        let account = match &program.account {
            Ok(account) => account,
            Err(why) => {
                lines.push(Line::new(Finding::AccountUnknown, about, why.clone()));
                continue;
            }
        };
        let wanted = needed(program.role, seen.has_groups())?;
        lines.extend(match missing(session, account, program.namespace.as_deref(), wanted).await {
            Ok((count, missing)) => judge(&about, account, count, &missing),
            Err(unread) => vec![Line::unread(about, &unread)],
        });
    }
    Ok(lines)
}

/// What a program needs in this cluster.
fn needed(role: Role, are_groups_served: bool) -> anyhow::Result<Vec<Wanted>> {
    let (manifest, has_secrets, has_groups) = match role {
        Role::Controller => (CONTROLLER, true, true),
        Role::Sidecar { has_secrets, has_groups } => (SIDECAR, has_secrets, has_groups),
    };
    let mut all = wanted(manifest)?;
    all.retain(|right| {
        (right.resource != "secrets" || has_secrets)
            && (!is_for_groups(right) || (has_groups && are_groups_served))
    });
    Ok(all)
}

/// Whether a right is needed for group snapshots alone, whose members are made and deleted by the snapshot-controller.
fn is_for_groups(right: &Wanted) -> bool {
    let makes_members =
        right.full_resource() == "volumesnapshots" && ["create", "delete"].contains(&&*right.verb);
    right.group == "groupsnapshot.storage.k8s.io" || makes_members
}

/// How many rights were asked about, and those that the account does not have.
async fn missing(
    session: &Session,
    account: &Account,
    namespace: Option<&str>,
    wanted: Vec<Wanted>,
) -> Result<(usize, Vec<Wanted>), Unread> {
    let count = wanted.len();
    let asked = stream::iter(wanted).map(|right| async {
        let is_there = has(session, account, namespace, &right).await?;
        Ok::<_, Unread>((!is_there).then_some(right))
    });
    let missing: Vec<Option<Wanted>> = asked.buffered(AT_ONCE).try_collect().await?;
    Ok((count, missing.into_iter().flatten().collect()))
}

async fn has(
    session: &Session,
    account: &Account,
    namespace: Option<&str>,
    right: &Wanted,
) -> Result<bool, Unread> {
    let Account { namespace: home, name } = account;
    let namespace = if right.in_namespace { namespace.unwrap_or(home) } else { "" };
    let question = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": format!("system:serviceaccount:{home}:{name}"),
        "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{home}"), "system:authenticated"],
        "resourceAttributes": {"group": right.group, "version": "*", "resource": right.resource,
            "subresource": right.sub, "verb": right.verb, "namespace": namespace},
    }});
    let answer = session.review(&REVIEWS, &question).await?;
    Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
}

fn judge(about: &str, account: &Account, count: usize, missing: &[Wanted]) -> Vec<Line> {
    let lacks = |verb: &str, like: &Wanted| {
        missing.iter().any(|right| right.verb == verb && right.full_resource() == like.full_resource())
    };
    // A write goes by patch, else by update; what can do either can write.
    let (fewer, needed): (Vec<&Wanted>, Vec<&Wanted>) =
        missing.iter().partition(|right| match &*right.verb {
            "patch" => has_other("update", right) && !lacks("update", right),
            "update" => has_other("patch", right) && !lacks("patch", right),
            _ => false,
        });
    let patches: Vec<&Wanted> = fewer.into_iter().filter(|right| right.verb == "patch").collect();
    let mut lines = Vec::new();
    if !needed.is_empty() {
        lines.push(Line::new(Finding::RightsMissing, about, format!("{account} may not {}", told(&needed))));
    }
    if !patches.is_empty() {
        lines.push(Line::new(Finding::RightsFewer, about, format!("{account} may not {}", told(&patches))));
    }
    if lines.is_empty() {
        let says = format!("{account} has all {count} that it needs");
        lines.push(Line::new(Finding::RightsGranted, about, says));
    }
    lines
}

/// Whether the same resource is written by another verb as well.
fn has_other(verb: &str, like: &Wanted) -> bool {
    manifests().iter().any(|right| right.verb == verb && right.full_resource() == like.full_resource())
}

/// Rights in words, those of one resource together.
fn told(rights: &[&Wanted]) -> String {
    let mut by_resource: Vec<(String, Vec<&str>)> = Vec::new();
    for right in rights {
        let resource = right.full_resource();
        match by_resource.iter_mut().find(|(known, _)| *known == resource) {
            Some((_, verbs)) => verbs.push(&right.verb),
            None => by_resource.push((resource, vec![&right.verb])),
        }
    }
    let each = by_resource.iter().map(|(resource, verbs)| format!("{} {resource}", verbs.join(", ")));
    each.collect::<Vec<_>>().join("; ")
}
