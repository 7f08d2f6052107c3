//! The protobuf messages of the kinds that typed Go clients send: numbers, JSON names and types of the fields.

/// A field of a message: its number, its JSON name, its type.
pub(crate) type Field = (u64, &'static str, Type);

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Text,
    Texts,
    Int,
    Flag,
    /// `metav1.Time`, whole seconds in JSON.
    Time,
    /// `metav1.MicroTime`, six digits of a second in JSON.
    MicroTime,
    One(&'static [Field]),
    Many(&'static [Field]),
    Map(MapOf),
}

/// The type of a map's values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MapOf {
    Text,
    Bytes,
    Quantity,
}

const TEXT_MAP: Type = Type::Map(MapOf::Text);
const BYTES_MAP: Type = Type::Map(MapOf::Bytes);
const QUANTITY_MAP: Type = Type::Map(MapOf::Quantity);

use Type::{Flag, Int, Many, MicroTime, One, Text, Texts, Time};

const OWNER: &[Field] = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Flag),
    (7, "blockOwnerDeletion", Flag),
];
const META: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (11, "labels", TEXT_MAP),
    (12, "annotations", TEXT_MAP),
    (13, "ownerReferences", Many(OWNER)),
    (14, "finalizers", Texts),
];
const REFERENCE: &[Field] = &[
    (1, "kind", Text),
    (2, "namespace", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "resourceVersion", Text),
    (7, "fieldPath", Text),
];
const NAMED: &[Field] = &[(1, "name", Text)];
const RULE: &[Field] = &[
    (1, "verbs", Texts),
    (2, "apiGroups", Texts),
    (3, "resources", Texts),
    (4, "resourceNames", Texts),
    (5, "nonResourceURLs", Texts),
];
const ROLE: &[Field] = &[(1, "metadata", One(META)), (2, "rules", Many(RULE))];
const SUBJECT: &[Field] =
    &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)];
const ROLE_REFERENCE: &[Field] = &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)];
const BINDING: &[Field] =
    &[(1, "metadata", One(META)), (2, "subjects", Many(SUBJECT)), (3, "roleRef", One(ROLE_REFERENCE))];
const SOURCE: &[Field] = &[(1, "component", Text), (2, "host", Text)];
const SERIES: &[Field] = &[(1, "count", Int), (2, "lastObservedTime", MicroTime)];
const EVENT: &[Field] = &[
    (1, "metadata", One(META)),
    (2, "involvedObject", One(REFERENCE)),
    (3, "reason", Text),
    (4, "message", Text),
    (5, "source", One(SOURCE)),
    (6, "firstTimestamp", Time),
    (7, "lastTimestamp", Time),
    (8, "count", Int),
    (9, "type", Text),
    (10, "eventTime", MicroTime),
    (11, "series", One(SERIES)),
    (12, "action", Text),
    (13, "related", One(REFERENCE)),
    (14, "reportingComponent", Text),
    (15, "reportingInstance", Text),
];
const LEASE_SPEC: &[Field] = &[
    (1, "holderIdentity", Text),
    (2, "leaseDurationSeconds", Int),
    (3, "acquireTime", MicroTime),
    (4, "renewTime", MicroTime),
    (5, "leaseTransitions", Int),
    (6, "strategy", Text),
    (7, "preferredHolder", Text),
];
const RESOURCES: &[Field] = &[(1, "limits", QUANTITY_MAP), (2, "requests", QUANTITY_MAP)];
const DATA_SOURCE: &[Field] =
    &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text), (4, "namespace", Text)];
const CLAIM_SPEC: &[Field] = &[
    (1, "accessModes", Texts),
    (2, "resources", One(RESOURCES)),
    (3, "volumeName", Text),
    (5, "storageClassName", Text),
    (6, "volumeMode", Text),
    (7, "dataSource", One(DATA_SOURCE)),
    (8, "dataSourceRef", One(DATA_SOURCE)),
];
const ATTRIBUTES: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];

/// The messages of the kinds that are read, by kind; kinds of the same name in other groups do not occur.
pub(crate) const MESSAGES: &[(&str, &[Field])] = &[
    (
        "ConfigMap",
        &[
            (1, "metadata", One(META)),
            (2, "data", TEXT_MAP),
            (3, "binaryData", BYTES_MAP),
            (4, "immutable", Flag),
        ],
    ),
    (
        "Secret",
        &[
            (1, "metadata", One(META)),
            (2, "data", BYTES_MAP),
            (3, "type", Text),
            (4, "stringData", TEXT_MAP),
            (5, "immutable", Flag),
        ],
    ),
    (
        "ServiceAccount",
        &[
            (1, "metadata", One(META)),
            (2, "secrets", Many(REFERENCE)),
            (3, "imagePullSecrets", Many(NAMED)),
            (4, "automountServiceAccountToken", Flag),
        ],
    ),
    ("Namespace", &[(1, "metadata", One(META))]),
    ("Event", EVENT),
    ("Lease", &[(1, "metadata", One(META)), (2, "spec", One(LEASE_SPEC))]),
    ("PersistentVolumeClaim", &[(1, "metadata", One(META)), (2, "spec", One(CLAIM_SPEC))]),
    ("Role", ROLE),
    ("ClusterRole", ROLE),
    ("RoleBinding", BINDING),
    ("ClusterRoleBinding", BINDING),
    (
        "TokenRequest",
        &[
            (1, "metadata", One(META)),
            (2, "spec", One(&[(1, "audiences", Texts), (4, "expirationSeconds", Int)])),
        ],
    ),
    ("SelfSubjectAccessReview", &[(2, "spec", One(&[(1, "resourceAttributes", One(ATTRIBUTES))]))]),
    (
        "DeleteOptions",
        &[
            (1, "gracePeriodSeconds", Int),
            (2, "preconditions", One(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
            (4, "propagationPolicy", Text),
            (5, "dryRun", Texts),
        ],
    ),
];
