//! The table of the built-in kinds.

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, batch::v1 as batch,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, policy::v1 as policy,
    rbac::v1 as rbac, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

use super::cluster_rules;
use super::core_rules;
use super::crd;
use super::events;
use super::kind::{Kind, View};
use crate::api::clients::table;

/// Namespaces cannot be deleted as a collection.
const NAMESPACE_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

fn events(api_version: &str) -> Kind {
    let mut kind = Kind::built_in::<core::Event>(api_version, "events", "Event")
        .short(&["ev"])
        .selects(events::EVENT_FIELDS)
        .shows(table::event_columns())
        .prepared(events::prepare_event)
        .checked(events::check_event);
    kind.resource = "events".into();
    kind.stored_as = "v1".into();
    kind
}

fn core_kinds() -> Vec<Kind> {
    vec![
        Kind::built_in::<core::ConfigMap>("v1", "configmaps", "ConfigMap")
            .short(&["cm"])
            .shows(table::configmap_columns())
            .checked_change(core_rules::check_data_change),
        events("v1"),
        Kind { verbs: NAMESPACE_VERBS, ..Kind::built_in::<core::Namespace>("v1", "namespaces", "Namespace") }
            .short(&["ns"])
            .cluster()
            .with_status()
            .returns_deleted()
            .selects(&["status.phase"])
            .shows(table::namespace_columns())
            .prepared(core_rules::prepare_namespace),
        Kind::built_in::<core::Node>("v1", "nodes", "Node").short(&["no"]).cluster().with_status(),
        Kind::built_in::<core::PersistentVolumeClaim>(
            "v1",
            "persistentvolumeclaims",
            "PersistentVolumeClaim",
        )
        .short(&["pvc"])
        .with_status()
        .returns_deleted()
        .shows(table::claim_columns())
        .prepared(core_rules::prepare_claim),
        Kind::built_in::<core::PersistentVolume>("v1", "persistentvolumes", "PersistentVolume")
            .short(&["pv"])
            .cluster()
            .with_status()
            .returns_deleted()
            .shows(table::volume_columns())
            .prepared(core_rules::prepare_volume),
        Kind::built_in::<core::Pod>("v1", "pods", "Pod")
            .short(&["po"])
            .category("all")
            .with_status()
            .returns_deleted()
            .selects(&["spec.nodeName", "status.phase", "spec.serviceAccountName"])
            .shows(table::pod_columns())
            .prepared(core_rules::prepare_pod),
        Kind::built_in::<core::Secret>("v1", "secrets", "Secret")
            .selects(&["type"])
            .shows(table::secret_columns())
            .prepared(core_rules::prepare_secret)
            .checked_change(core_rules::check_secret_change),
        Kind::built_in::<core::Service>("v1", "services", "Service")
            .short(&["svc"])
            .category("all")
            .with_status()
            .returns_deleted()
            .prepared(core_rules::prepare_service),
        Kind::built_in::<core::ServiceAccount>("v1", "serviceaccounts", "ServiceAccount")
            .short(&["sa"])
            .returns_deleted(),
    ]
}

/// What decides about the writes of others, in a real cluster: here it is only stored.
fn admission_kinds() -> Vec<Kind> {
    const GROUP: &str = "admissionregistration.k8s.io/v1";
    let kind = |kind: Kind| kind.category("api-extensions").cluster().with_generation();
    vec![
        kind(Kind::built_in::<admission::MutatingWebhookConfiguration>(
            GROUP,
            "mutatingwebhookconfigurations",
            "MutatingWebhookConfiguration",
        ))
        .prepared(cluster_rules::prepare_webhooks),
        kind(Kind::built_in::<admission::ValidatingAdmissionPolicy>(
            GROUP,
            "validatingadmissionpolicies",
            "ValidatingAdmissionPolicy",
        ))
        .with_status()
        .prepared(cluster_rules::prepare_policy),
        kind(Kind::built_in::<admission::ValidatingAdmissionPolicyBinding>(
            GROUP,
            "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
        )),
        kind(Kind::built_in::<admission::ValidatingWebhookConfiguration>(
            GROUP,
            "validatingwebhookconfigurations",
            "ValidatingWebhookConfiguration",
        ))
        .prepared(cluster_rules::prepare_webhooks),
    ]
}

/// What a driver brings along.
fn storage_kinds() -> Vec<Kind> {
    const GROUP: &str = "storage.k8s.io/v1";
    vec![
        Kind::built_in::<storage::CSIDriver>(GROUP, "csidrivers", "CSIDriver")
            .cluster()
            .returns_deleted()
            .prepared(cluster_rules::prepare_driver),
        Kind::built_in::<storage::StorageClass>(GROUP, "storageclasses", "StorageClass")
            .short(&["sc"])
            .cluster()
            .returns_deleted()
            .prepared(cluster_rules::prepare_storage_class),
    ]
}

/// What runs, and what leads to it; nothing here runs it.
fn workload_kinds() -> Vec<Kind> {
    vec![
        Kind::built_in::<discovery::EndpointSlice>("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
        Kind::built_in::<apps::DaemonSet>("apps/v1", "daemonsets", "DaemonSet")
            .short(&["ds"])
            .category("all")
            .with_status()
            .with_generation(),
        Kind::built_in::<apps::Deployment>("apps/v1", "deployments", "Deployment")
            .short(&["deploy"])
            .category("all")
            .with_status()
            .with_generation(),
        Kind::built_in::<batch::CronJob>("batch/v1", "cronjobs", "CronJob")
            .short(&["cj"])
            .category("all")
            .with_status()
            .with_generation(),
        Kind::built_in::<policy::PodDisruptionBudget>(
            "policy/v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
        )
        .short(&["pdb"])
        .with_status()
        .with_generation(),
    ]
}

/// The kinds that exist without any CRD.
pub(super) fn built_in() -> Vec<Kind> {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    const CRDS: &str = "apiextensions.k8s.io/v1";
    let mut kinds = core_kinds();
    let mut events_view =
        events("events.k8s.io/v1").selects(events::VIEW_FIELDS).checked_change(events::check_view_change);
    events_view.view = View::EventsV1;
    let lease = Kind::built_in::<coordination::Lease>("coordination.k8s.io/v1", "leases", "Lease")
        .shows(table::lease_columns())
        .checked(core_rules::check_lease);
    kinds.extend(workload_kinds());
    kinds.extend(admission_kinds());
    kinds.extend(storage_kinds());
    kinds.extend([
        events_view,
        Kind { unconditional: false, ..lease },
        Kind::built_in::<rbac::ClusterRoleBinding>(RBAC, "clusterrolebindings", "ClusterRoleBinding")
            .cluster()
            .shows(table::binding_columns())
            .checked_change(core_rules::check_binding_change),
        Kind::built_in::<rbac::ClusterRole>(RBAC, "clusterroles", "ClusterRole")
            .cluster()
            .shows(table::creation_columns()),
        Kind::built_in::<rbac::RoleBinding>(RBAC, "rolebindings", "RoleBinding")
            .shows(table::binding_columns())
            .checked_change(core_rules::check_binding_change),
        Kind::built_in::<rbac::Role>(RBAC, "roles", "Role").shows(table::creation_columns()),
        Kind {
            unconditional: false,
            ..Kind::built_in::<apiextensions::CustomResourceDefinition>(
                CRDS,
                "customresourcedefinitions",
                "CustomResourceDefinition",
            )
        }
        .short(&["crd", "crds"])
        .category("api-extensions")
        .cluster()
        .with_status()
        .with_generation()
        .shows(table::creation_columns())
        .prepared(crd::prepare)
        .checked(crd::check),
    ]);
    kinds
}
