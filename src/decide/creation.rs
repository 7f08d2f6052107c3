//! The requests themselves: names, parameters, secret references; or what makes them impossible.

use std::collections::BTreeMap;

use super::observed::{ClassSeen, Naming, Observed};
use super::step::{Complaint, CreateCall, PollCall, Purpose, SecretRef};
use crate::objects::class::Class;
use crate::objects::facts::{Facts, Source};
use crate::objects::names::{RESERVED_PARAMETER_PREFIX, RESERVED_PARAMETERS};

/// The create call for this object, or why there can be none.
pub(super) fn create_call(seen: &Observed<'_>) -> Result<CreateCall, Complaint> {
    let facts = &seen.facts;
    let purpose = purpose(seen);
    let uid = facts.owner.uid.ok_or(Complaint::Unbound)?;
    if !facts.meta.held && purpose != Purpose::Reconcile {
        return Err(Complaint::NoFinalizer { finalizer: facts.kind.names().finalizer });
    }
    let volumes = match facts.source {
        Source::Volumes(volumes) => volumes.to_vec(),
        Source::Given(..) | Source::Both | Source::None => Vec::new(),
    };
    Ok(CreateCall {
        purpose,
        name: snapshot_name(seen.naming, uid),
        volumes,
        parameters: parameters(seen, purpose)?,
        complete: matches!(seen.class, ClassSeen::Found(_)),
        secret: annotated_secret(facts)?,
    })
}

/// The poll for a handle, or why there can be none.
pub(super) fn poll_call(
    seen: &Observed<'_>,
    handle: &str,
    members: &[String],
) -> Result<PollCall, Complaint> {
    let secret = match (&seen.facts.source, seen.class) {
        (Source::Volumes(_) | Source::None | Source::Both, _) => annotated_secret(&seen.facts)?,
        (Source::Given(..), ClassSeen::Found(class)) => class_secret(&seen.facts, class)?,
        (Source::Given(..), ClassSeen::Unnamed) => None,
        (Source::Given(..), ClassSeen::Missing(name)) => {
            return Err(Complaint::ClassMissing { name: name.to_owned() });
        }
    };
    Ok(PollCall { handle: handle.to_owned(), members: members.to_vec(), secret })
}

/// The Secret that the two annotations name: both or neither.
pub(super) fn annotated_secret(facts: &Facts<'_>) -> Result<Option<SecretRef>, Complaint> {
    let names = facts.kind.names();
    let (name, namespace) = facts.meta.secret;
    secret_ref((names.secret_name, name), (names.secret_namespace, namespace))
}

fn purpose(seen: &Observed<'_>) -> Purpose {
    if seen.facts.handle().is_some() {
        Purpose::Follow
    } else if seen.is_reconciling() {
        Purpose::Reconcile
    } else {
        Purpose::Cut
    }
}

/// `<prefix>-<uid>`, or the uid without dashes, cut.
fn snapshot_name(naming: &Naming, uid: &str) -> String {
    match naming.uuid_length {
        None => format!("{}-{uid}", naming.prefix),
        Some(length) => {
            let cut: String = uid.chars().filter(|&c| c != '-').take(usize::from(length)).collect();
            format!("{}-{cut}", naming.prefix)
        }
    }
}

/// The class's parameters without the reserved ones. A deletion that must learn a handle first is not
/// stopped by a class that is gone or wrong: the call then goes out with what is left.
fn parameters(seen: &Observed<'_>, purpose: Purpose) -> Result<BTreeMap<String, String>, Complaint> {
    let tolerant = purpose == Purpose::Reconcile;
    let empty = BTreeMap::new();
    let given = match seen.class {
        ClassSeen::Found(class) => &class.parameters,
        ClassSeen::Unnamed | ClassSeen::Missing(_) if tolerant => &empty,
        ClassSeen::Unnamed => {
            return Err(Complaint::NoClass { driver: seen.driver.name.clone() });
        }
        ClassSeen::Missing(name) => {
            return Err(Complaint::ClassMissing { name: name.to_owned() });
        }
    };
    let is_reserved = |key: &str| key.starts_with(RESERVED_PARAMETER_PREFIX);
    let is_known = |key: &str| RESERVED_PARAMETERS.contains(&key);
    if let Some(key) = given.keys().find(|key| is_reserved(key) && !is_known(key))
        && !tolerant
    {
        return Err(Complaint::UnknownReservedParameter { key: key.clone() });
    }
    let mut sent: BTreeMap<String, String> =
        given.iter().filter(|(key, _)| !is_reserved(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    if seen.naming.extra_metadata {
        let owner = &seen.facts.owner;
        let values = [owner.name, owner.namespace, seen.facts.name];
        sent.extend(
            seen.facts.kind.names().metadata.iter().zip(values).map(|(&k, v)| (k.to_owned(), v.to_owned())),
        );
    }
    Ok(sent)
}

/// The Secret that the class names for polls, its template filled in.
fn class_secret(facts: &Facts<'_>, class: &Class) -> Result<Option<SecretRef>, Complaint> {
    let (name_key, namespace_key) = facts.kind.names().poll_secret;
    let filled = |key: &str| -> Result<Option<String>, Complaint> {
        class.parameters.get(key).filter(|v| !v.is_empty()).map(|v| fill(facts, key, v)).transpose()
    };
    let (name, namespace) = (filled(name_key)?, filled(namespace_key)?);
    secret_ref((name_key, name.as_deref()), (namespace_key, namespace.as_deref()))
}

fn fill(facts: &Facts<'_>, key: &str, template: &str) -> Result<String, Complaint> {
    let known = facts.kind.names().poll_secret_template;
    let text = template.replace(known, facts.name);
    if text.contains("${") {
        return Err(Complaint::SecretTemplate { key: key.to_owned(), value: template.to_owned(), known });
    }
    Ok(text)
}

fn secret_ref(
    (name_key, name): (&str, Option<&str>),
    (namespace_key, namespace): (&str, Option<&str>),
) -> Result<Option<SecretRef>, Complaint> {
    let half = |present: &str, missing: &str| Complaint::HalfSecret {
        present: present.to_owned(),
        missing: missing.to_owned(),
    };
    match (name, namespace) {
        (Some(name), Some(namespace)) => {
            Ok(Some(SecretRef { namespace: namespace.to_owned(), name: name.to_owned() }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(name_key, namespace_key)),
        (None, Some(_)) => Err(half(namespace_key, name_key)),
    }
}
