//! The requests themselves: names, parameters, secret references; or what makes them impossible.

use std::collections::BTreeMap;

use super::call::{CreateCall, PollCall, Purpose, SecretRef};
use super::missing::{class_to_create, named_class};
use super::observed::Observed;
use super::step::Complaint;
use model::class::Class;
use model::facts::{Facts, Source};
use model::names::{RESERVED_PARAMETER_PREFIX, RESERVED_PARAMETERS};

pub(super) fn create_call(seen: &Observed<'_>, purpose: Purpose) -> Result<CreateCall, Complaint> {
    let facts = &seen.facts;
    let uid = facts.owner.uid.ok_or(Complaint::Unbound)?;
    if !facts.meta.held && purpose == Purpose::Take {
        return Err(Complaint::NoFinalizer { finalizer: facts.kind.names().finalizer });
    }
    let volumes = if let Source::Volumes(volumes) = facts.source { volumes } else { &[] };
    Ok(CreateCall {
        purpose,
        name: seen.naming.snapshot_name(uid),
        volumes: volumes.to_vec(),
        parameters: parameters(seen, purpose)?,
        may_differ: seen.memory.sent.is_none() && !class_is_as_it_was(seen),
        secret: if purpose.is_for_deletion() { deletion_secret(facts) } else { annotated_secret(facts)? },
    })
}

/// Whether the class says what it said when the content was created. An edited class, or one that was created after
/// the content, may have had other parameters.
fn class_is_as_it_was(seen: &Observed<'_>) -> bool {
    named_class(seen).ok().flatten().is_some_and(|class| {
        let younger = class.created.zip(seen.facts.meta.created).is_some_and(|(class, own)| class > own);
        !younger && !class.edited
    })
}

pub(super) fn poll_call(
    seen: &Observed<'_>,
    handle: &str,
    members: &[String],
) -> Result<PollCall, Complaint> {
    let secret = if !matches!(seen.facts.source, Source::Given(..)) {
        annotated_secret(&seen.facts)?
    } else if let Some(class) = named_class(seen)? {
        class_secret(&seen.facts, class)?
    } else {
        None
    };
    Ok(PollCall { handle: handle.to_owned(), members: members.to_vec(), secret })
}

/// The Secret that the two annotations name. One alone names none; both there and one of them empty is a mistake.
pub(super) fn annotated_secret(facts: &Facts<'_>) -> Result<Option<SecretRef>, Complaint> {
    let names = facts.kind.names();
    let (Some(name), Some(namespace)) = facts.meta.secret else { return Ok(None) };
    let filled = |value| Some(value).filter(|value: &&str| !value.is_empty());
    match secret_ref((names.secret_name, filled(name)), (names.secret_namespace, filled(namespace)))? {
        None => Err(Complaint::EmptySecret { name: names.secret_name, namespace: names.secret_namespace }),
        found => Ok(found),
    }
}

/// The same for a deletion, which neither a mistake in them stops nor a Secret that is gone: the driver may well do
/// without.
pub(super) fn deletion_secret(facts: &Facts<'_>) -> Option<SecretRef> {
    annotated_secret(facts).unwrap_or_default().map(|secret| SecretRef { optional: true, ..secret })
}

/// The class's parameters without the reserved ones. What is owed for a snapshot that may be there already repeats what
/// the first call said, where this process knows that.
fn parameters(seen: &Observed<'_>, purpose: Purpose) -> Result<BTreeMap<String, String>, Complaint> {
    if let Some(sent) = seen.memory.sent.as_ref().filter(|_| purpose != Purpose::Take) {
        return Ok(sent.parameters.clone());
    }
    let is_reserved = |key: &&String| key.starts_with(RESERVED_PARAMETER_PREFIX);
    let is_unknown = |key: &&String| is_reserved(key) && !RESERVED_PARAMETERS.contains(&key.as_str());
    let class = class_to_create(seen, purpose)?;
    let given = class.map(|class| &class.parameters).into_iter().flatten();
    if let Some((key, _)) = given.clone().find(|(key, _)| is_unknown(key))
        && !purpose.is_for_deletion()
    {
        return Err(Complaint::UnknownReservedParameter { key: key.clone() });
    }
    let own = given.filter(|(key, _)| !is_reserved(key)).map(|(key, value)| (key.clone(), value.clone()));
    let mut sent: BTreeMap<String, String> = own.collect();
    if seen.naming.extra_metadata {
        let owner = &seen.facts.owner;
        let keys = seen.facts.kind.names().metadata.map(str::to_owned);
        sent.extend(keys.into_iter().zip([owner.name, owner.namespace, seen.facts.name].map(str::to_owned)));
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
            Ok(Some(SecretRef { namespace: namespace.to_owned(), name: name.to_owned(), optional: false }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(name_key, namespace_key)),
        (None, Some(_)) => Err(half(namespace_key, name_key)),
    }
}
