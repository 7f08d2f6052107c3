//! The kinds that are served: a table of the built-in ones, to which CRDs add theirs.

use std::sync::{Arc, RwLock};

use k8s_openapi::api::{
    apps::v1 as apps, coordination::v1 as coordination, core::v1 as core, rbac::v1 as rbac,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::builtin;
use super::events;
use super::schema::Schema;
use super::status::Cause;
use super::table::{self, Column};

/// What most built-in kinds can do.
const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same for custom resources, in the order in which the real server lists them.
pub(crate) const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// Namespaces cannot be deleted as a collection.
const NAMESPACE_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// The other form in which stored objects are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// As they are stored, but for the apiVersion.
    Stored,
    /// Core events in the field names of events.k8s.io/v1.
    EventsV1,
}

/// One resource of one version: what discovery tells, and how its objects are checked, kept and shown.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "each is a fact of its own, named as discovery names it"
)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) verbs: &'static [&'static str],
    /// Whether status is written only through its subresource.
    pub(crate) status: bool,
    /// Where the store keeps the objects; versions of a CRD share it.
    pub(crate) resource: String,
    /// The apiVersion in which objects are stored.
    pub(crate) stored_as: String,
    pub(crate) view: View,
    /// Whether `metadata.generation` counts changes of the spec.
    pub(crate) generation: bool,
    /// Whether a PUT without resourceVersion overwrites.
    pub(crate) unconditional: bool,
    /// Whether DELETE answers with the object where a Status would do.
    pub(crate) returns_deleted: bool,
    /// Fields that a fieldSelector may name besides name and namespace.
    pub(crate) selectable: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// What a deprecated version warns of.
    pub(crate) deprecated: Option<String>,
    pub(crate) rules: Rules,
}

/// How objects of a kind are normalised and checked.
#[derive(Debug)]
pub(crate) enum Rules {
    /// By the type that every Kubernetes client has, with a few words of code.
    BuiltIn(BuiltIn),
    /// By the schema of a CRD.
    Custom(Box<Schema>),
}

/// The code that a built-in kind has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuiltIn {
    /// Through the type and back: drops unknown fields, refuses wrong types.
    pub(crate) typed: fn(Value) -> Result<Value, serde_json::Error>,
    /// Fills in defaults; the old state is None at creation.
    pub(crate) prepare: fn(&mut Value, Option<&Value>),
    pub(crate) check: fn(&Value) -> Vec<Cause>,
    /// Judges the object by the old state, which is None at creation.
    pub(crate) judge: fn(&Value, Option<&Value>) -> Vec<Cause>,
}

fn through<T: Serialize + DeserializeOwned>(value: Value) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(serde_json::from_value::<T>(value)?)?;
    whole_numbers(&mut value);
    Ok(value)
}

/// A type that has a number with a fraction turns 0 into 0.0, which the real server does not show.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && number.is_f64());
            if let Some(whole) = whole.and_then(|n| format!("{n:.0}").parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl Kind {
    fn built_in<T: Serialize + DeserializeOwned>(api_version: &str, plural: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
            verbs: VERBS,
            status: false,
            resource: full_name(plural, group),
            stored_as: api_version.into(),
            view: View::Stored,
            generation: false,
            unconditional: true,
            returns_deleted: false,
            selectable: Vec::new(),
            columns: table::plain_columns(),
            deprecated: None,
            rules: Rules::BuiltIn(BuiltIn {
                typed: through::<T>,
                prepare: |_, _| (),
                check: |_| Vec::new(),
                judge: |_, _| Vec::new(),
            }),
        }
    }

    fn short(mut self, names: &[&str]) -> Self {
        self.short_names = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    fn category(mut self, name: &str) -> Self {
        self.categories = vec![name.into()];
        self
    }

    fn cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }

    fn with_status(mut self) -> Self {
        self.status = true;
        self
    }

    fn with_generation(mut self) -> Self {
        self.generation = true;
        self
    }

    fn returns_deleted(mut self) -> Self {
        self.returns_deleted = true;
        self
    }

    fn selects(mut self, fields: &[&str]) -> Self {
        self.selectable = fields.iter().map(|f| (*f).to_owned()).collect();
        self
    }

    fn shows(mut self, columns: Vec<Column>) -> Self {
        self.columns = columns;
        self
    }

    fn prepared(mut self, prepare: fn(&mut Value, Option<&Value>)) -> Self {
        if let Rules::BuiltIn(rules) = &mut self.rules {
            rules.prepare = prepare;
        }
        self
    }

    fn checked(mut self, check: fn(&Value) -> Vec<Cause>) -> Self {
        if let Rules::BuiltIn(rules) = &mut self.rules {
            rules.check = check;
        }
        self
    }

    fn judged(mut self, judge: fn(&Value, Option<&Value>) -> Vec<Cause>) -> Self {
        if let Rules::BuiltIn(rules) = &mut self.rules {
            rules.judge = judge;
        }
        self
    }

    /// `group/version`, or the version alone for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `plural.group`, as messages name a resource.
    pub(crate) fn full_name(&self) -> String {
        full_name(&self.plural, &self.group)
    }

    /// The schema of a custom resource.
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.rules {
            Rules::Custom(schema) => Some(schema),
            Rules::BuiltIn(_) => None,
        }
    }
}

/// `plural.group`, or the plural alone for the core group.
pub(crate) fn full_name(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.into() } else { format!("{plural}.{group}") }
}

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
            .judged(builtin::judge_data),
        events("v1"),
        Kind { verbs: NAMESPACE_VERBS, ..Kind::built_in::<core::Namespace>("v1", "namespaces", "Namespace") }
            .short(&["ns"])
            .cluster()
            .with_status()
            .returns_deleted()
            .selects(&["status.phase"])
            .shows(table::namespace_columns())
            .prepared(builtin::prepare_namespace),
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
        .prepared(builtin::prepare_claim),
        Kind::built_in::<core::PersistentVolume>("v1", "persistentvolumes", "PersistentVolume")
            .short(&["pv"])
            .cluster()
            .with_status()
            .returns_deleted()
            .shows(table::volume_columns())
            .prepared(builtin::prepare_volume),
        Kind::built_in::<core::Pod>("v1", "pods", "Pod")
            .short(&["po"])
            .category("all")
            .with_status()
            .returns_deleted()
            .selects(&["spec.nodeName", "status.phase", "spec.serviceAccountName"])
            .shows(table::pod_columns())
            .prepared(builtin::prepare_pod),
        Kind::built_in::<core::Secret>("v1", "secrets", "Secret")
            .selects(&["type"])
            .shows(table::secret_columns())
            .prepared(builtin::prepare_secret)
            .judged(builtin::judge_secret),
        Kind::built_in::<core::ServiceAccount>("v1", "serviceaccounts", "ServiceAccount")
            .short(&["sa"])
            .returns_deleted(),
    ]
}

/// The kinds that exist without any CRD.
fn built_in() -> Vec<Kind> {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    const CRDS: &str = "apiextensions.k8s.io/v1";
    let mut kinds = core_kinds();
    let mut events_view = events("events.k8s.io/v1").selects(events::VIEW_FIELDS).judged(events::judge_view);
    events_view.view = View::EventsV1;
    let lease = Kind::built_in::<coordination::Lease>("coordination.k8s.io/v1", "leases", "Lease")
        .shows(table::lease_columns())
        .checked(builtin::check_lease);
    kinds.extend([
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
        events_view,
        Kind { unconditional: false, ..lease },
        Kind::built_in::<rbac::ClusterRoleBinding>(RBAC, "clusterrolebindings", "ClusterRoleBinding")
            .cluster()
            .shows(table::binding_columns())
            .judged(builtin::judge_binding),
        Kind::built_in::<rbac::ClusterRole>(RBAC, "clusterroles", "ClusterRole")
            .cluster()
            .shows(table::creation_columns()),
        Kind::built_in::<rbac::RoleBinding>(RBAC, "rolebindings", "RoleBinding")
            .shows(table::binding_columns())
            .judged(builtin::judge_binding),
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
        .prepared(super::crd::prepare)
        .checked(super::crd::check),
    ]);
    kinds
}

/// All kinds served at this moment.
#[derive(Debug)]
pub(crate) struct Kinds(RwLock<Arc<Vec<Arc<Kind>>>>);

impl Kinds {
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Arc::new(built_in().into_iter().map(Arc::new).collect())))
    }

    /// The kinds as they are now, in the order of discovery.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Kind>>> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.all().iter().find(|k| k.plural == plural && k.version == version && k.group == group).cloned()
    }

    /// Whether any kind is served in the group and version.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        self.all().iter().any(|k| k.group == group && k.version == version)
    }

    /// Replaces whatever is served from `resource` by `new`, which may be nothing.
    pub(crate) fn replace(&self, resource: &str, new: Vec<Kind>) {
        let mut kinds = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut next: Vec<Arc<Kind>> = kinds.iter().filter(|k| k.resource != resource).cloned().collect();
        next.extend(new.into_iter().map(Arc::new));
        *kinds = Arc::new(next);
    }
}
