//! The way of a dynamic snapshot to its content: validate, then protect, then create.

use model::claim::{CLAIM_FINALIZER, PersistentVolume, PersistentVolumeClaim};
use model::{class::Class, snapshot::dynamic_content_name};

use super::observed::{Observed, finalizers};
use super::problem::Problem;
use super::secret::{Tokens, secret};
use super::step::{ContentDraft, Step};

/// The next step of a snapshot that has no content yet. Nothing is written before everything that it needs is right.
pub(super) fn decide(seen: &Observed<'_>) -> Step {
    match draft(seen) {
        Err(problem) => Step::Report(problem),
        Ok(Draft::Class(name)) => Step::SetClass(name),
        Ok(Draft::Content(content)) => {
            // On it before its content exists: whatever happens from now on, its deletion finds what it has to clean up.
            if let Some(step) = finalizers(seen, Some(content.policy)) {
                step
            } else if seen.claim.is_some_and(|claim| !claim.has_finalizer(CLAIM_FINALIZER)) {
                Step::ProtectClaim
            } else {
                Step::CreateContent(content)
            }
        }
    }
}

enum Draft {
    /// The snapshot gets this class first.
    Class(String),
    Content(Box<ContentDraft>),
}

fn draft(seen: &Observed<'_>) -> Result<Draft, Problem> {
    let snapshot = seen.snapshot;
    let named = snapshot.body.class_name.as_deref();
    if let (Some(name), None) = (named, seen.class) {
        return Err(Problem::ClassMissing { class: name.to_owned() });
    }
    let (driver, volume_handle, volume) = volume(seen)?;
    let Some(class_name) = named else { return default_class(seen, driver).map(Draft::Class) };
    let Some(class) = seen.class else { return Err(Problem::ClassMissing { class: class_name.to_owned() }) };
    if class.driver != driver {
        return Err(Problem::ClassOfOtherDriver {
            class: class_name.to_owned(),
            class_driver: class.driver.clone(),
            volume: volume.name().to_owned(),
            volume_driver: driver.to_owned(),
        });
    }
    let name = dynamic_content_name(snapshot.uid());
    let tokens = Tokens {
        content: &name,
        namespace: snapshot.metadata.namespace.as_deref().unwrap_or_default(),
        snapshot: snapshot.name(),
    };
    let secret = secret(&class.parameters, &tokens)
        .map_err(|why| Problem::Secret { class: class_name.to_owned(), why })?;
    Ok(Draft::Content(Box::new(ContentDraft {
        driver: class.driver.clone(),
        policy: class.policy,
        volume_handle: volume_handle.to_owned(),
        class_name: class_name.to_owned(),
        volume_mode: volume.body.mode.clone().filter(|_| seen.keeps_mode),
        secret,
        name,
    })))
}

fn default_class(seen: &Observed<'_>, driver: &str) -> Result<String, Problem> {
    let of_driver: Vec<(&str, &Class)> =
        seen.defaults.iter().copied().filter(|(_, class)| class.driver == driver).collect();
    match of_driver.as_slice() {
        [(name, _)] => Ok((*name).to_owned()),
        [] => Err(Problem::NoDefaultClass { driver: driver.to_owned() }),
        several => Err(Problem::DefaultClasses {
            driver: driver.to_owned(),
            classes: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }),
    }
}

/// Driver, handle and object of the volume that the claim holds.
fn volume<'a>(seen: &Observed<'a>) -> Result<(&'a str, &'a str, &'a PersistentVolume), Problem> {
    let namespace = seen.snapshot.metadata.namespace.as_deref().unwrap_or_default();
    let key = || format!("{namespace}/{}", seen.snapshot.body.claim.as_deref().unwrap_or_default());
    let Some(claim) = seen.claim else { return Err(Problem::ClaimMissing { claim: key() }) };
    if claim.is_deleting() && !claim.has_finalizer(CLAIM_FINALIZER) {
        return Err(Problem::ClaimDeleting { claim: key() });
    }
    let Some(named) = claim.body.volume.as_deref().filter(|_| claim.body.is_bound()) else {
        return Err(Problem::ClaimUnbound { claim: key(), phase: claim.body.phase.clone() });
    };
    let Some(volume) = seen.volume else {
        return Err(Problem::VolumeMissing { claim: key(), volume: named.to_owned() });
    };
    if !holds(claim, namespace, volume) {
        let holder = volume.body.claim.as_ref();
        let holder = holder.map(|(namespace, name, uid)| format!("{namespace}/{name} (uid {uid:?})"));
        return Err(Problem::VolumeBoundElsewhere {
            claim: key(),
            volume: named.to_owned(),
            holder: holder.unwrap_or_default(),
        });
    }
    match &volume.body.csi {
        Some((driver, handle)) => Ok((driver, handle, volume)),
        None => Err(Problem::NotCsi { volume: named.to_owned() }),
    }
}

/// Whether a volume points back to a claim: namespace, name, and uid where it has one.
fn holds(claim: &PersistentVolumeClaim, namespace: &str, volume: &PersistentVolume) -> bool {
    volume.body.claim.as_ref().is_some_and(|(of, name, uid)| {
        of == namespace && name == claim.name() && (uid.is_empty() || uid == claim.uid())
    })
}
