//! The table of protobuf messages that typed Go clients send: the number, JSON name and type of each field.

/// A field of a message with its number, its JSON name and its type.
pub(crate) type Field = (u64, &'static str, Type);

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    /// A string. Go writes "" if it was not set.
    Text,
    /// A pointer to a string. If Go writes "", it was set.
    Optional,
    Texts,
    /// A number. Go writes 0 if it was not set.
    Count,
    /// A pointer to a number. If Go writes 0, it was set.
    Int,
    Flag,
    /// A `metav1.Time`, which has whole seconds in JSON.
    Time,
    /// A `metav1.MicroTime`, which has microseconds in JSON.
    MicroTime,
    One(&'static [Field]),
    /// A message whose fields are inlined in JSON.
    Inline(&'static [Field]),
    Many(&'static [Field]),
    Map(MapOf),
    /// A message whose only field contains JSON.
    Json,
}

/// The type of the values of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MapOf {
    Text,
    Bytes,
    Quantity,
}

const TEXT_MAP: Type = Type::Map(MapOf::Text);
const BYTES_MAP: Type = Type::Map(MapOf::Bytes);
const QUANTITY_MAP: Type = Type::Map(MapOf::Quantity);

use Type::{Count, Flag, Inline, Int, Json, Many, MicroTime, One, Optional, Text, Texts, Time};

const OWNER: &[Field] = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Flag),
    (7, "blockOwnerDeletion", Flag),
];
const MANAGER: &[Field] = &[
    (1, "manager", Text),
    (2, "operation", Text),
    (3, "apiVersion", Text),
    (4, "time", Time),
    (6, "fieldsType", Text),
    (7, "fieldsV1", Json),
    (8, "subresource", Text),
];
const META: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (4, "selfLink", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Count),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Int),
    (11, "labels", TEXT_MAP),
    (12, "annotations", TEXT_MAP),
    (13, "ownerReferences", Many(OWNER)),
    (14, "finalizers", Texts),
    (17, "managedFields", Many(MANAGER)),
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
const EXPRESSION: &[Field] = &[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)];
const SELECTOR: &[Field] = &[(1, "matchLabels", TEXT_MAP), (2, "matchExpressions", Many(EXPRESSION))];
const CLUSTER_ROLE: &[Field] = &[
    (1, "metadata", One(META)),
    (2, "rules", Many(RULE)),
    (3, "aggregationRule", One(&[(1, "clusterRoleSelectors", Many(SELECTOR))])),
];
const SUBJECT: &[Field] =
    &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)];
const ROLE_REFERENCE: &[Field] = &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)];
const BINDING: &[Field] =
    &[(1, "metadata", One(META)), (2, "subjects", Many(SUBJECT)), (3, "roleRef", One(ROLE_REFERENCE))];
const SOURCE: &[Field] = &[(1, "component", Text), (2, "host", Text)];
const SERIES: &[Field] = &[(1, "count", Count), (2, "lastObservedTime", MicroTime)];
const EVENT: &[Field] = &[
    (1, "metadata", One(META)),
    (2, "involvedObject", One(REFERENCE)),
    (3, "reason", Text),
    (4, "message", Text),
    (5, "source", One(SOURCE)),
    (6, "firstTimestamp", Time),
    (7, "lastTimestamp", Time),
    (8, "count", Count),
    (9, "type", Text),
    (10, "eventTime", MicroTime),
    (11, "series", One(SERIES)),
    (12, "action", Text),
    (13, "related", One(REFERENCE)),
    (14, "reportingComponent", Text),
    (15, "reportingInstance", Text),
];
/// The event of `events.k8s.io`.
const EVENTS_EVENT: &[Field] = &[
    (1, "metadata", One(META)),
    (2, "eventTime", MicroTime),
    (3, "series", One(SERIES)),
    (4, "reportingController", Text),
    (5, "reportingInstance", Text),
    (6, "action", Text),
    (7, "reason", Text),
    (8, "regarding", One(REFERENCE)),
    (9, "related", One(REFERENCE)),
    (10, "note", Text),
    (11, "type", Text),
    (12, "deprecatedSource", One(SOURCE)),
    (13, "deprecatedFirstTimestamp", Time),
    (14, "deprecatedLastTimestamp", Time),
    (15, "deprecatedCount", Count),
];
const LEASE_SPEC: &[Field] = &[
    (1, "holderIdentity", Optional),
    (2, "leaseDurationSeconds", Int),
    (3, "acquireTime", MicroTime),
    (4, "renewTime", MicroTime),
    (5, "leaseTransitions", Int),
    (6, "strategy", Optional),
    (7, "preferredHolder", Optional),
];
const RESOURCES: &[Field] = &[(1, "limits", QUANTITY_MAP), (2, "requests", QUANTITY_MAP)];
const DATA_SOURCE: &[Field] =
    &[(1, "apiGroup", Optional), (2, "kind", Text), (3, "name", Text), (4, "namespace", Optional)];
const CLAIM_SPEC: &[Field] = &[
    (1, "accessModes", Texts),
    (2, "resources", One(RESOURCES)),
    (3, "volumeName", Text),
    (4, "selector", One(SELECTOR)),
    (5, "storageClassName", Optional),
    (6, "volumeMode", Optional),
    (7, "dataSource", One(DATA_SOURCE)),
    (8, "dataSourceRef", One(DATA_SOURCE)),
    (9, "volumeAttributesClassName", Optional),
];
const CONDITION: &[Field] = &[
    (1, "type", Text),
    (2, "status", Text),
    (3, "lastProbeTime", Time),
    (4, "lastTransitionTime", Time),
    (5, "reason", Text),
    (6, "message", Text),
];
const CLAIM_STATUS: &[Field] = &[
    (1, "phase", Text),
    (2, "accessModes", Texts),
    (3, "capacity", QUANTITY_MAP),
    (4, "conditions", Many(CONDITION)),
    (5, "allocatedResources", QUANTITY_MAP),
    (7, "allocatedResourceStatuses", TEXT_MAP),
    (8, "currentVolumeAttributesClassName", Optional),
    (9, "modifyVolumeStatus", One(&[(1, "targetVolumeAttributesClassName", Text), (2, "status", Text)])),
];
const SECRET_REFERENCE: Type = One(&[(1, "name", Text), (2, "namespace", Text)]);
const CSI_SOURCE: &[Field] = &[
    (1, "driver", Text),
    (2, "volumeHandle", Text),
    (3, "readOnly", Flag),
    (4, "fsType", Text),
    (5, "volumeAttributes", TEXT_MAP),
    (6, "controllerPublishSecretRef", SECRET_REFERENCE),
    (7, "nodeStageSecretRef", SECRET_REFERENCE),
    (8, "nodePublishSecretRef", SECRET_REFERENCE),
    (9, "controllerExpandSecretRef", SECRET_REFERENCE),
    (10, "nodeExpandSecretRef", SECRET_REFERENCE),
];
/// The volume sources that occur in a cluster with snapshots.
const VOLUME_SOURCE: &[Field] =
    &[(3, "hostPath", One(&[(1, "path", Text), (2, "type", Optional)])), (22, "csi", One(CSI_SOURCE))];
const NODE_TERM: &[Field] =
    &[(1, "matchExpressions", Many(EXPRESSION)), (2, "matchFields", Many(EXPRESSION))];
const VOLUME_SPEC: &[Field] = &[
    (1, "capacity", QUANTITY_MAP),
    (2, "", Inline(VOLUME_SOURCE)),
    (3, "accessModes", Texts),
    (4, "claimRef", One(REFERENCE)),
    (5, "persistentVolumeReclaimPolicy", Text),
    (6, "storageClassName", Text),
    (7, "mountOptions", Texts),
    (8, "volumeMode", Optional),
    (9, "nodeAffinity", One(&[(1, "required", One(&[(1, "nodeSelectorTerms", Many(NODE_TERM))]))])),
    (10, "volumeAttributesClassName", Optional),
];
const VOLUME_STATUS: &[Field] =
    &[(1, "phase", Text), (2, "message", Text), (3, "reason", Text), (4, "lastPhaseTransitionTime", Time)];
const ATTRIBUTES: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const PATH: &[Field] = &[(1, "path", Text), (2, "verb", Text)];
/// The spec of access reviews. Their status is ignored in a request.
const ACCESS: Field = (1, "resourceAttributes", One(ATTRIBUTES));
const PATH_ACCESS: Field = (2, "nonResourceAttributes", One(PATH));
const ANSWER: Field = (
    3,
    "status",
    One(&[(1, "allowed", Flag), (2, "reason", Text), (3, "evaluationError", Text), (4, "denied", Flag)]),
);

/// The name in [`MESSAGES`] of the kind whose name is used by two groups.
pub(crate) const EVENT_OF_EVENTS: &str = "Event of events.k8s.io";

/// The messages of the kinds that can be decoded, by kind.
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
    (
        "Namespace",
        &[
            (1, "metadata", One(META)),
            (2, "spec", One(&[(1, "finalizers", Texts)])),
            (3, "status", One(&[(1, "phase", Text), (2, "conditions", Many(CONDITION))])),
        ],
    ),
    ("Event", EVENT),
    (EVENT_OF_EVENTS, EVENTS_EVENT),
    ("Lease", &[(1, "metadata", One(META)), (2, "spec", One(LEASE_SPEC))]),
    (
        "PersistentVolumeClaim",
        &[(1, "metadata", One(META)), (2, "spec", One(CLAIM_SPEC)), (3, "status", One(CLAIM_STATUS))],
    ),
    (
        "PersistentVolume",
        &[(1, "metadata", One(META)), (2, "spec", One(VOLUME_SPEC)), (3, "status", One(VOLUME_STATUS))],
    ),
    ("Role", ROLE),
    ("ClusterRole", CLUSTER_ROLE),
    ("RoleBinding", BINDING),
    ("ClusterRoleBinding", BINDING),
    (
        "TokenRequest",
        &[
            (1, "metadata", One(META)),
            (
                2,
                "spec",
                One(&[
                    (1, "audiences", Texts),
                    (
                        3,
                        "boundObjectRef",
                        One(&[
                            (1, "kind", Text),
                            (2, "apiVersion", Text),
                            (3, "name", Text),
                            (4, "uid", Text),
                        ]),
                    ),
                    (4, "expirationSeconds", Int),
                ]),
            ),
            (3, "status", One(&[(1, "token", Text), (2, "expirationTimestamp", Time)])),
        ],
    ),
    (
        "SelfSubjectAccessReview",
        &[(1, "metadata", One(META)), (2, "spec", One(&[ACCESS, PATH_ACCESS])), ANSWER],
    ),
    (
        "SubjectAccessReview",
        &[
            (1, "metadata", One(META)),
            (
                2,
                "spec",
                One(&[ACCESS, PATH_ACCESS, (3, "user", Text), (4, "groups", Texts), (6, "uid", Text)]),
            ),
            ANSWER,
        ],
    ),
    (
        "SelfSubjectRulesReview",
        &[
            (1, "metadata", One(META)),
            (2, "spec", One(&[(1, "namespace", Text)])),
            (3, "status", One(&[(3, "incomplete", Flag), (4, "evaluationError", Text)])),
        ],
    ),
    (
        "SelfSubjectReview",
        &[
            (1, "metadata", One(META)),
            (2, "status", One(&[(1, "userInfo", One(&[(1, "username", Text), (2, "uid", Text)]))])),
        ],
    ),
    (
        "DeleteOptions",
        &[
            (1, "gracePeriodSeconds", Int),
            (2, "preconditions", One(&[(1, "uid", Optional), (2, "resourceVersion", Optional)])),
            (3, "orphanDependents", Flag),
            (4, "propagationPolicy", Optional),
            (5, "dryRun", Texts),
        ],
    ),
];
