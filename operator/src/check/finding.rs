//! What can be found: a name that stays, how bad it is, what it means, and what a person can do.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Something may go wrong, or could not be looked at.
    Warning,
    /// Snapshots do not work, or not all of them.
    Failed,
}

impl Verdict {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Failed => 2,
        }
    }

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    KindServed,
    KindMissing,
    KindNotEstablished,
    KindVersion,
    GroupsAbsent,
    GroupVersion,
    OldStoredVersions,
    ConversionAway,
    ConversionWithoutCa,
    ControllerLeads,
    ControllerWithoutLease,
    ControllerGone,
    TwoControllers,
    SidecarLeads,
    SidecarWithoutLease,
    SidecarGone,
    ClassUsable,
    NoClass,
    ClassWithoutDriver,
    TwoDefaultClasses,
    NoDefaultClass,
    StorageWithoutClass,
    AdmissionLeavesUs,
    WebhookAway,
    WebhookOnOurWrites,
    WebhookOptional,
    PolicyOnOurWrites,
    RightsGranted,
    RightsMissing,
    RightsFewer,
    AccountUnknown,
    MayNotBeRead,
}

/// What is said about a finding.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// The name, which stays.
    pub id: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What it means.
    pub means: &'static str,
    /// What a person can do; "" if nothing has to be done.
    pub remedy: &'static str,
}

const fn ok(id: &'static str, means: &'static str) -> Meaning {
    Meaning { id, verdict: Verdict::Ok, means, remedy: "" }
}

const fn warning(id: &'static str, means: &'static str, remedy: &'static str) -> Meaning {
    Meaning { id, verdict: Verdict::Warning, means, remedy }
}

const fn failed(id: &'static str, means: &'static str, remedy: &'static str) -> Meaning {
    Meaning { id, verdict: Verdict::Failed, means, remedy }
}

/// What is said about each finding, in the order of the checks.
pub const MEANINGS: [(Finding, Meaning); 32] = [
    (
        Finding::KindServed,
        ok("kind-served", "the kind is established, v1 is served, and all objects are stored in one version"),
    ),
    (
        Finding::KindMissing,
        failed(
            "kind-missing",
            "a kind of lone snapshots is not there",
            "Install it: kubectl apply -k deploy/crds",
        ),
    ),
    (
        Finding::KindNotEstablished,
        failed(
            "kind-not-established",
            "the API server does not accept the definition",
            "See the conditions of the definition, most often a name that another definition has",
        ),
    ),
    (
        Finding::KindVersion,
        failed(
            "kind-version",
            "v1 of the kind is not served",
            "Install a newer one: kubectl apply -k deploy/crds",
        ),
    ),
    (
        Finding::GroupsAbsent,
        ok("groups-absent", "the kinds of group snapshots are not there; lone snapshots need none"),
    ),
    (
        Finding::GroupVersion,
        warning(
            "group-version",
            "group snapshots are there without v1, which our programs need, or not all of their kinds are there",
            "Install newer ones if our programs are to take group snapshots: kubectl apply -k deploy/crds",
        ),
    ),
    (
        Finding::OldStoredVersions,
        warning(
            "old-stored-versions",
            "objects may still be stored in an old version, so a newer definition without it would be refused",
            "Write each object of the kind once (kubectl get KIND -A -o json | kubectl replace -f -), then take the old \
             version out of status.storedVersions",
        ),
    ),
    (
        Finding::ConversionAway,
        failed(
            "conversion-away",
            "the webhook that converts between versions has no ready endpoint, so the kind cannot be read",
            "Start the webhook, or set spec.conversion.strategy to None where no old version is stored",
        ),
    ),
    (
        Finding::ConversionWithoutCa,
        failed(
            "conversion-without-ca",
            "the webhook that converts between versions has no certificate authority",
            "Put it into spec.conversion.webhook.clientConfig.caBundle of the definition",
        ),
    ),
    (Finding::ControllerLeads, ok("controller-leads", "a snapshot-controller holds its Lease")),
    (
        Finding::ControllerWithoutLease,
        warning(
            "controller-without-lease",
            "there is no Lease of a snapshot-controller: none is installed, or it runs without leader election",
            "Install one: kubectl apply -k deploy/snapshot-controller. If it runs, add --leader-election",
        ),
    ),
    (
        Finding::ControllerGone,
        failed(
            "controller-gone",
            "the snapshot-controller has not renewed its Lease in time, or gave it up: nothing is bound or deleted",
            "Look for its pods in the namespace of the Lease, and at what they log",
        ),
    ),
    (
        Finding::TwoControllers,
        warning(
            "two-controllers",
            "two snapshot-controllers work in different namespaces, and undo each other's work",
            "Remove one of them",
        ),
    ),
    (Finding::SidecarLeads, ok("sidecar-leads", "a sidecar of the driver holds its Lease")),
    (
        Finding::SidecarWithoutLease,
        warning(
            "sidecar-without-lease",
            "there is no Lease of a sidecar of the driver: it has none, or it runs without leader election",
            "Add the sidecar to the driver: see docs/install.md. If it runs, add --leader-election",
        ),
    ),
    (
        Finding::SidecarGone,
        failed(
            "sidecar-gone",
            "the driver's sidecar has not renewed its Lease in time, or gave it up: no snapshot of the driver is taken or deleted",
            "Look for the driver's pods in the namespace of the Lease, and at what the container logs",
        ),
    ),
    (Finding::ClassUsable, ok("class-usable", "the driver of the class is installed")),
    (
        Finding::NoClass,
        warning(
            "no-class",
            "there is no VolumeSnapshotClass, so no snapshot can be taken",
            "Make one for each driver",
        ),
    ),
    (
        Finding::ClassWithoutDriver,
        warning(
            "class-without-driver",
            "no CSIDriver has the name that the class gives",
            "Correct the name, or install the driver; a few drivers register no CSIDriver",
        ),
    ),
    (
        Finding::TwoDefaultClasses,
        failed(
            "two-default-classes",
            "a driver has two default classes, so a snapshot without a class is refused",
            "Take the annotation from all but one",
        ),
    ),
    (
        Finding::NoDefaultClass,
        ok("no-default-class", "a driver has no default class, so a snapshot of its volumes has to name one"),
    ),
    (
        Finding::StorageWithoutClass,
        warning(
            "storage-without-class",
            "the volumes of a StorageClass cannot be snapshotted: its driver has no VolumeSnapshotClass",
            "Make a VolumeSnapshotClass if the driver takes snapshots",
        ),
    ),
    (
        Finding::AdmissionLeavesUs,
        ok("admission-leaves-us", "no webhook and no policy of admission can refuse our writes"),
    ),
    (
        Finding::WebhookAway,
        failed(
            "webhook-away",
            "a webhook is asked about our writes, has no ready endpoint, and its failurePolicy is Fail: they are refused",
            "Start the webhook, or delete its configuration",
        ),
    ),
    (
        Finding::WebhookOnOurWrites,
        warning(
            "webhook-on-our-writes",
            "a webhook can refuse our writes, and they fail while it is away",
            "Leave the snapshot kinds out of its rules unless it is meant for them",
        ),
    ),
    (
        Finding::WebhookOptional,
        ok("webhook-optional", "a webhook is asked about our writes, which go on while it is away"),
    ),
    (
        Finding::PolicyOnOurWrites,
        warning(
            "policy-on-our-writes",
            "a ValidatingAdmissionPolicy can refuse our writes",
            "See that it lets the accounts of both programs through",
        ),
    ),
    (Finding::RightsGranted, ok("rights-granted", "the account may do what the program has to")),
    (
        Finding::RightsMissing,
        failed(
            "rights-missing",
            "the account lacks rights that the program needs",
            "Grant them: deploy/snapshot-controller/rbac.yaml and deploy/sidecar/rbac.yaml have them all",
        ),
    ),
    (
        Finding::RightsFewer,
        warning(
            "rights-fewer",
            "the account may update but not patch: each write costs a read more",
            "Grant patch as well",
        ),
    ),
    (
        Finding::AccountUnknown,
        warning(
            "account-unknown",
            "the account of a program is not known, so its rights were not looked at",
            "Name it: --controller-account NAMESPACE/NAME, --sidecar-account NAMESPACE/NAME",
        ),
    ),
    (
        Finding::MayNotBeRead,
        warning(
            "may-not-be-read",
            "something could not be looked at, so nothing is known about it",
            "Grant what the line names; deploy/operator/rbac.yaml has it all",
        ),
    ),
];

/// Each finding has its row, and stands at its place.
const _: () = {
    assert!(Finding::MayNotBeRead as usize + 1 == MEANINGS.len(), "a finding has no meaning");
    let mut at = 0;
    while at < MEANINGS.len() {
        assert!(MEANINGS[at].0 as usize == at, "the meanings are in another order than the findings");
        at += 1;
    }
};

impl Finding {
    /// What is said about it.
    #[must_use]
    pub fn meaning(self) -> &'static Meaning {
        &MEANINGS[self as usize].1
    }
}
