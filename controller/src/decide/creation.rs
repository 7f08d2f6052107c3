//! The way of what is to be taken to its content: validate, then protect, then create.

use model::claim::{CLAIM_FINALIZER, PersistentVolume, PersistentVolumeClaim};
use model::class::Class;
use model::node::one_of;

use super::binding::{self, Seen, Way};
use super::place::Reach;
use super::problem::{ClaimProblem, ClassProblem, Problem};
use super::secret::secret;
use super::step::{ContentDraft, Step};

/// A claim that is taken, and the volume that it names, as far as they are there.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// `namespace/name` of the claim.
    pub key: &'a str,
    /// The claim.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// The volume that the claim names.
    pub volume: Option<&'a PersistentVolume>,
    /// The protection of the claim is being taken off: what is seen of it may be over.
    pub is_being_freed: bool,
}

/// A CSI volume that its claim holds.
struct CsiVolume<'a> {
    driver: &'a str,
    handle: &'a str,
    volume: &'a PersistentVolume,
}

/// The next step of what is to be taken of these claims. Nothing is written before everything that it needs is right.
/// `keeps_mode`: the content keeps the mode of its volume. `reach`: it gets the label of a node that reaches the volume.
pub(super) fn decide(
    way: &impl Way,
    sources: &[Source<'_>],
    keeps_mode: bool,
    reach: Option<&Reach>,
) -> Step {
    let seen = way.seen();
    match draft(seen, sources, keeps_mode, reach) {
        Err(problem) => Step::Report(problem),
        Ok(Draft::Class(name)) => Step::SetClass(name),
        Ok(Draft::Content(content)) => {
            // On it before its content exists: whatever happens from now on, its deletion finds what it has to clean up.
            if let Some(step) = binding::finalizers(&seen.user, &way.finalizers(content.policy)) {
                return step;
            }
            let is_bare = |source: &&Source<'_>| {
                source.claim.is_some_and(|claim| !claim.has_finalizer(CLAIM_FINALIZER))
                    || source.is_being_freed
            };
            let bare = sources.iter().find(is_bare);
            match bare {
                Some(source) => Step::ProtectClaim { claim: source.key.to_owned() },
                None => Step::CreateContent(content),
            }
        }
    }
}

enum Draft {
    /// The object gets this class first.
    Class(String),
    Content(Box<ContentDraft>),
}

fn draft(
    seen: &Seen<'_>,
    sources: &[Source<'_>],
    keeps_mode: bool,
    reach: Option<&Reach>,
) -> Result<Draft, Problem> {
    let user = &seen.user;
    if let (Some(name), None) = (user.class_name, seen.class) {
        return Err(ClassProblem::Missing { class: name.to_owned() }.into());
    }
    let volumes = sources.iter().map(volume).collect::<Result<Vec<_>, _>>()?;
    let (Some(class_name), Some(class)) = (user.class_name, seen.class) else {
        return default_class(seen, one_driver(&volumes)?).map(Draft::Class).map_err(Problem::from);
    };
    if let Some(other) = volumes.iter().find(|volume| volume.driver != class.driver) {
        return Err(ClassProblem::OtherDriver {
            class: class_name.to_owned(),
            class_driver: class.driver.clone(),
            volume: other.volume.name().to_owned(),
            volume_driver: other.driver.to_owned(),
        }
        .into());
    }
    let name = user.kind.content_of(user.uid());
    let secret = secret(&class.parameters, user, &name)
        .map_err(|why| ClassProblem::Secret { class: class_name.to_owned(), why })?;
    Ok(Draft::Content(Box::new(ContentDraft {
        driver: class.driver.clone(),
        policy: class.policy,
        volume_handles: once_each(&volumes),
        volume_mode: volumes.first().and_then(|first| first.volume.body.mode.clone()).filter(|_| keeps_mode),
        class_name: Some(class_name.to_owned()),
        secret,
        name,
        member_of: None,
        node: reach.map(|reach| node(reach, user.uid())).transpose()?,
    })))
}

/// The handles of volumes. Several claims may have one volume, through PersistentVolumes that were made by hand: it is taken
/// once, and drivers refuse to be asked for it twice.
fn once_each(volumes: &[CsiVolume<'_>]) -> Vec<String> {
    let mut handles: Vec<String> = Vec::new();
    for volume in volumes {
        if !handles.iter().any(|handle| *handle == *volume.handle) {
            handles.push(volume.handle.to_owned());
        }
    }
    handles
}

/// The node whose sidecar is to take a snapshot. Without one, nobody would take it.
fn node(reach: &Reach, uid: &str) -> Result<String, ClaimProblem> {
    one_of(&reach.nodes, uid).cloned().ok_or_else(|| ClaimProblem::NoNode {
        volume: reach.volume.clone(),
        affinity: reach.affinity.to_string(),
    })
}

/// The driver of all volumes.
fn one_driver<'a>(volumes: &[CsiVolume<'a>]) -> Result<&'a str, ClassProblem> {
    let mut drivers: Vec<&str> = volumes.iter().map(|volume| volume.driver).collect();
    drivers.sort_unstable();
    drivers.dedup();
    match drivers.as_slice() {
        [driver] => Ok(driver),
        several => Err(ClassProblem::Drivers {
            drivers: several.iter().map(|driver| (*driver).to_owned()).collect(),
        }),
    }
}

fn default_class(seen: &Seen<'_>, driver: &str) -> Result<String, ClassProblem> {
    let of_driver: Vec<(&str, &Class)> =
        seen.defaults.iter().copied().filter(|(_, class)| class.driver == driver).collect();
    match of_driver.as_slice() {
        [(name, _)] => Ok((*name).to_owned()),
        [] => Err(ClassProblem::NoDefault { driver: driver.to_owned() }),
        several => Err(ClassProblem::Defaults {
            driver: driver.to_owned(),
            classes: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }),
    }
}

/// The volume that a claim holds.
fn volume<'a>(source: &Source<'a>) -> Result<CsiVolume<'a>, ClaimProblem> {
    let key = || source.key.to_owned();
    let Some(claim) = source.claim else { return Err(ClaimProblem::Missing { claim: key() }) };
    if claim.is_deleting() && !claim.has_finalizer(CLAIM_FINALIZER) {
        return Err(ClaimProblem::Deleting { claim: key() });
    }
    let Some(named) = claim.body.volume.as_deref().filter(|_| claim.body.is_bound()) else {
        return Err(ClaimProblem::Unbound { claim: key(), phase: claim.body.phase.to_string() });
    };
    let Some(volume) = source.volume else {
        return Err(ClaimProblem::VolumeMissing { claim: key(), volume: named.to_owned() });
    };
    if !is_held(volume, claim) {
        let holder = volume.body.claim.as_ref();
        let holder = holder.map(|(namespace, name, uid)| format!("{namespace}/{name} (uid {uid:?})"));
        return Err(ClaimProblem::BoundElsewhere {
            claim: key(),
            volume: named.to_owned(),
            holder: holder.unwrap_or_default(),
        });
    }
    match &volume.body.csi {
        Some((driver, handle)) => Ok(CsiVolume { driver, handle, volume }),
        None => Err(ClaimProblem::NotCsi { volume: named.to_owned() }),
    }
}

/// Whether a volume points back to a claim: namespace, name, and uid where it has one.
#[must_use]
pub fn is_held(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    volume.body.claim.as_ref().is_some_and(|(namespace, name, uid)| {
        **namespace == *claim.namespace()
            && **name == *claim.name()
            && (uid.is_empty() || **uid == *claim.uid())
    })
}
