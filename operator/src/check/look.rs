//! Reads everything that the checks need, as much as possible at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use futures_util::join;
use machinery::cluster::pages::Which;
use machinery::cluster::plain::Resource;
use machinery::object::{Body, Object};
use model::class::{Class as ClassBody, GroupClass, SingleClass};
use model::content::SingleContent;
use serde_json::{Value, json};

use super::programs::{CONTROLLER, LEASES, SIDECAR};
use super::seen::{Asked, Class, Clock, Definition, Lease, Policy, Seen, Webhook, name};
use crate::fields::{each, owned};
use crate::session::Session;
use crate::unread::Unread;

/// Objects in a page.
const PAGE: u32 = 500;

const DEFINITIONS: Resource = resource("apiextensions.k8s.io", "customresourcedefinitions");
const DRIVERS: Resource = resource("storage.k8s.io", "csidrivers");
const STORAGE_CLASSES: Resource = resource("storage.k8s.io", "storageclasses");
const SLICES: Resource = resource("discovery.k8s.io", "endpointslices");
const POLICIES: Resource = resource("admissionregistration.k8s.io", "validatingadmissionpolicies");
const BINDINGS: Resource = resource("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
const VALIDATING: Resource = resource("admissionregistration.k8s.io", "validatingwebhookconfigurations");
const MUTATING: Resource = resource("admissionregistration.k8s.io", "mutatingwebhookconfigurations");
const WHO: Resource = resource("authentication.k8s.io", "selfsubjectreviews");

/// The definitions of the snapshot kinds.
pub const NAMES: [&str; 6] = [
    "volumesnapshots.snapshot.storage.k8s.io",
    "volumesnapshotcontents.snapshot.storage.k8s.io",
    "volumesnapshotclasses.snapshot.storage.k8s.io",
    "volumegroupsnapshots.groupsnapshot.storage.k8s.io",
    "volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io",
    "volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io",
];

const fn resource(group: &'static str, plural: &'static str) -> Resource {
    Resource { group, version: "v1", plural }
}

/// Reads everything. What cannot be read takes nothing else with it.
pub async fn look(session: &Session) -> Seen {
    let definitions = join_all(NAMES.map(|name| definition(session, name)));
    let (clock, definitions, leases, drivers) =
        Box::pin(async { join!(clock(session), definitions, leases(session), drivers(session)) }).await;
    let classes = classes::<SingleClass>(session);
    let group_classes = self::classes::<GroupClass>(session);
    let (classes, group_classes, storage, contents) =
        Box::pin(async { join!(classes, group_classes, storage(session), contents(session)) }).await;
    let (validating, mutating, policies) = Box::pin(async {
        join!(webhooks(session, &VALIDATING), webhooks(session, &MUTATING), policies(session))
    })
    .await;
    let webhooks = vec![(VALIDATING.plural, validating), (MUTATING.plural, mutating)];
    let mut seen = Seen {
        clock,
        definitions,
        leases,
        drivers,
        classes,
        group_classes,
        storage,
        contents,
        webhooks,
        policies,
        services: BTreeMap::new(),
    };
    seen.services = services(session, &seen).await;
    seen
}

async fn all<T>(
    session: &Session,
    resource: &Resource,
    read: impl Fn(&Value) -> T,
) -> Result<Vec<T>, Unread> {
    let which = Which { page: PAGE, ..Which::default() };
    session.list_plain(resource, &which, |all: &mut Vec<T>, object| all.push(read(&object))).await
}

/// The API server's own clock, which a review of who we are comes with. That of a person's machine may be far off.
async fn clock(session: &Session) -> Clock {
    let question = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = session.review(&WHO, &question).await.unwrap_or_default();
    let told = owned(&answer, "/metadata/creationTimestamp").and_then(|time| time.parse().ok());
    told.map_or(Clock { now: session.now, slack: 120 }, |now| Clock { now, slack: 5 })
}

async fn definition(session: &Session, name: &'static str) -> (&'static str, Result<Definition, Unread>) {
    let read = session.get_plain(&DEFINITIONS, name).await;
    (name, read.map(|object| Definition::read(&object)))
}

/// The Leases of both programs. Those of the nodes are not kept.
async fn leases(session: &Session) -> Result<Vec<Lease>, Unread> {
    let which = Which { page: PAGE, ..Which::default() };
    let add = |kept: &mut Vec<Lease>, object: Value| {
        let lease = Lease::read(&object);
        if lease.name == CONTROLLER || lease.name.starts_with(SIDECAR) {
            kept.push(lease);
        }
    };
    session.list_plain(&LEASES, &which, add).await
}

async fn drivers(session: &Session) -> Result<Vec<String>, Unread> {
    all(session, &DRIVERS, name).await
}

async fn storage(session: &Session) -> Result<Vec<(String, String)>, Unread> {
    all(session, &STORAGE_CLASSES, |class| (name(class), owned(class, "/provisioner").unwrap_or_default()))
        .await
}

async fn classes<B: Body + AsRef<ClassBody>>(session: &Session) -> Result<Vec<Class>, Unread> {
    let add = |all: &mut Vec<Class>, object: Object<B>| {
        let class = ClassBody::of(&object);
        let has_secret = class.parameters.keys().any(|key| key.ends_with("secret-name"));
        let (name, driver) = (object.name().to_owned(), class.driver);
        all.push(Class { name, driver, is_default: class.is_default, has_secret });
    };
    session.fold(&Which { page: PAGE, ..Which::default() }, add).await
}

async fn contents(session: &Session) -> Result<BTreeMap<String, usize>, Unread> {
    let add = |counts: &mut BTreeMap<String, usize>, object: Object<SingleContent>| {
        *counts.entry(object.body.driver.to_string()).or_default() += 1;
    };
    session.fold(&Which { page: PAGE, ..Which::default() }, add).await
}

async fn webhooks(session: &Session, resource: &Resource) -> Result<Vec<Webhook>, Unread> {
    Ok(all(session, resource, Webhook::read).await?.into_iter().flatten().collect())
}

/// The policies with a binding that denies.
async fn policies(session: &Session) -> Result<Vec<Policy>, Unread> {
    let bindings = all(session, &BINDINGS, |binding| {
        let denies = each(binding, "/spec/validationActions").any(|action| action == "Deny");
        owned(binding, "/spec/policyName").filter(|_| denies)
    });
    let (policies, bindings) = join!(all(session, &POLICIES, Policy::read), bindings);
    let policies = policies?;
    let bound: BTreeSet<String> = bindings?.into_iter().flatten().collect();
    Ok(policies.into_iter().filter(|policy| bound.contains(&policy.name)).collect())
}

/// Whether the services of webhooks that matter have a ready endpoint.
async fn services(session: &Session, seen: &Seen) -> BTreeMap<String, Result<bool, Unread>> {
    let definitions = seen.definitions.iter().filter_map(|(_, read)| read.as_ref().ok());
    let conversions = definitions.filter_map(|definition| definition.conversion.as_ref());
    let service = |asked: &Asked| asked.service.clone();
    let admission = super::admission::that_match(seen).map(|webhook| &webhook.asked);
    let keys: BTreeSet<String> = conversions.chain(admission).filter_map(service).collect();
    join_all(keys.into_iter().map(|key| async {
        let found = is_ready(session, &key).await;
        (key, found)
    }))
    .await
    .into_iter()
    .collect()
}

async fn is_ready(session: &Session, service: &str) -> Result<bool, Unread> {
    let (namespace, name) = service.split_once('/').unwrap_or_default();
    let labels = format!("kubernetes.io/service-name={name}");
    let which = Which { namespace: Some(namespace), labels: &labels, ..Which::default() };
    let add = |is_ready: &mut bool, slice: Value| {
        *is_ready |= each(&slice, "/endpoints")
            .any(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false)));
    };
    session.list_plain(&SLICES, &which, add).await
}
