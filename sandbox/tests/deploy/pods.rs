//! What every sidecar container of the manifests has in common, and the rights of its account.

use serde_json::{Value, json};

use crate::manifests::{deploy, objects};

/// The sidecar's container in each manifest that has one, with the name of the file.
fn sidecars() -> Vec<(&'static str, Value)> {
    ["sidecar/container.yaml", "longhorn/deployment.yaml"]
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(deploy().join(file)).expect("a manifest");
            let deployment: Value = serde_saphyr::from_str(&text).expect("YAML");
            let containers =
                deployment["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
            let sidecar = containers.iter().find(|container| container["name"] == "csi-snapshotter");
            (file, sidecar.expect("a sidecar").clone())
        })
        .collect()
}

#[test]
fn a_sidecar_can_do_nothing_but_its_work() {
    for (file, container) in sidecars() {
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true, "{file}");
        assert_eq!(security["allowPrivilegeEscalation"], false, "{file}");
        assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{file}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{file}");
        assert!(container.get("command").is_none(), "{file}: the image has an entrypoint");
    }
}

#[test]
fn a_sidecar_is_probed_where_it_listens() {
    for (file, container) in sidecars() {
        let ports = container["ports"].as_array().expect("ports");
        let port = ports.iter().find(|port| port["name"] == "snapshotter").expect("the port to scrape");
        let listens = format!("--http-endpoint=:{}", port["containerPort"]);
        assert!(container["args"].as_array().expect("args").contains(&listens.into()), "{file}");
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "snapshotter"}), "{file}");
        }
    }
}

#[test]
fn a_sidecar_asks_for_what_was_measured_and_can_find_the_socket() {
    for (file, container) in sidecars() {
        let resources = json!({"requests": {"cpu": "10m", "memory": "20Mi"}, "limits": {"memory": "100Mi"}});
        assert_eq!(container["resources"], resources, "{file}");
        let mount = json!({"name": "socket-dir", "mountPath": "/csi"});
        assert!(container["volumeMounts"].as_array().expect("mounts").contains(&mount), "{file}");
    }
}

#[test]
fn the_account_has_the_rights_that_drivers_grant_and_no_others() {
    let objects = objects(&deploy().join("sidecar"));
    let rules = |kind: &str| {
        let role = objects.iter().find(|object| object["kind"] == kind).expect("a role");
        let rules = role["rules"].as_array().expect("rules").iter();
        rules
            .map(|rule| (row(&rule["apiGroups"]), row(&rule["resources"]), row(&rule["verbs"])))
            .collect::<Vec<_>>()
    };
    let owned = |rows: &[(&str, &str, &str)]| {
        let rows = rows.iter();
        rows.map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect::<Vec<_>>()
    };
    let (single, group) = ("snapshot.storage.k8s.io", "groupsnapshot.storage.k8s.io");
    let (look, work) = ("get list watch", "get list watch update patch");
    let everywhere = [
        ("", "events", "list watch create update patch"),
        ("", "secrets", "get list"),
        (single, "volumesnapshotclasses", look),
        (single, "volumesnapshotcontents", work),
        (single, "volumesnapshotcontents/status", "update patch"),
        (group, "volumegroupsnapshotclasses", look),
        (group, "volumegroupsnapshotcontents", work),
        (group, "volumegroupsnapshotcontents/status", "update patch"),
    ];
    assert_eq!(rules("ClusterRole"), owned(&everywhere));
    let leases = [("coordination.k8s.io", "leases", "get watch list delete update create")];
    assert_eq!(rules("Role"), owned(&leases));
}

fn row(list: &Value) -> String {
    let words: Vec<_> = list.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    words.join(" ")
}
