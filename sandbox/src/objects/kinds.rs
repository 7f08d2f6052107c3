//! The kinds that the demonstration and the benchmark use, each with the namespace of its objects.

use kube::Resource;
use kube::api::{Api, ApiResource, DynamicObject};
use serde_json::Value;

/// The namespace of the sidecar's service account.
pub(crate) const SIDECAR_NAMESPACE: &str = "hostdir-system";

/// The namespace of the snapshot-controller, and of its Lease.
pub(crate) const CONTROLLER_NAMESPACE: &str = "kube-system";

pub(super) const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
const GROUPS: &str = "groupsnapshot.storage.k8s.io";

/// A kind of object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    namespace: Option<&'static str>,
}

const fn cluster(group: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind { group, name, plural, namespace: None }
}

const fn namespaced(
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    namespace: &'static str,
) -> Kind {
    Kind { group, name, plural, namespace: Some(namespace) }
}

pub(crate) const NAMESPACE: Kind = cluster("", "Namespace", "namespaces");
pub(crate) const VOLUME: Kind = cluster("", "PersistentVolume", "persistentvolumes");
pub(crate) const CLAIM: Kind = namespaced("", "PersistentVolumeClaim", "persistentvolumeclaims", "default");
pub(crate) const CONTENT: Kind = cluster(SNAPSHOTS, "VolumeSnapshotContent", "volumesnapshotcontents");
pub(crate) const SNAPSHOT: Kind = namespaced(SNAPSHOTS, "VolumeSnapshot", "volumesnapshots", "default");
pub(crate) const GROUP_CONTENT: Kind =
    cluster(GROUPS, "VolumeGroupSnapshotContent", "volumegroupsnapshotcontents");
pub(crate) const GROUP: Kind = namespaced(GROUPS, "VolumeGroupSnapshot", "volumegroupsnapshots", "default");

impl Kind {
    /// The client for the objects of this kind.
    pub(crate) fn api(self, client: &kube::Client) -> Api<DynamicObject> {
        match self.namespace {
            Some(namespace) => self.within(client, namespace),
            None => self.everywhere(client),
        }
    }

    /// The client for the objects of this kind in another namespace.
    pub(crate) fn within(self, client: &kube::Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }

    /// The client for the objects of this kind in all namespaces.
    pub(crate) fn everywhere(self, client: &kube::Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource())
    }

    /// The path of its objects at the API server.
    pub(crate) fn path(self) -> String {
        DynamicObject::url_path(&self.resource(), self.namespace)
    }

    /// The name that kubectl knows it by.
    pub(crate) fn word(self) -> String {
        self.name.to_lowercase()
    }

    fn resource(self) -> ApiResource {
        let group = if self.group.is_empty() { String::new() } else { format!("{}/", self.group) };
        ApiResource {
            group: self.group.to_owned(),
            version: "v1".to_owned(),
            api_version: format!("{group}v1"),
            kind: self.name.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// An object of this kind. `body` is everything except the kind and the name.
    pub(crate) fn named(self, name: &str, body: Value) -> Value {
        let mut object = body;
        object["apiVersion"] = self.resource().api_version.into();
        object["kind"] = self.name.into();
        object["metadata"]["name"] = name.into();
        object
    }
}
