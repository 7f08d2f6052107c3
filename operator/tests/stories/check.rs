//! `kubectl snapshots check`, each finding in a cluster that really is so.

use serde_json::{Value, json};

use crate::common::{
    CLASS, CONTROLLER_LEASE, DRIVER, Kind, LEASE, NAMESPACE, Program, SIDECAR_LEASE, Stage, story,
};

const DEFINITION: Kind = Kind("apiextensions.k8s.io", "CustomResourceDefinition", false);
const CSI_DRIVER: Kind = Kind("storage.k8s.io", "CSIDriver", false);
const STORAGE_CLASS: Kind = Kind("storage.k8s.io", "StorageClass", false);
const VALIDATING: Kind = Kind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false);
const SLICE: Kind = Kind("discovery.k8s.io", "EndpointSlice", true);
const POLICY: Kind = Kind("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", false);
const BINDING: Kind = Kind("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", false);
const ROLE: Kind = Kind("rbac.authorization.k8s.io", "ClusterRole", false);

/// A line of the answer as data.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    finding: String,
    about: String,
    says: String,
}

/// The verdict's exit code, and the lines.
async fn check(stage: &Stage, more: &[&str]) -> (i32, Vec<Line>) {
    let answer = stage.ask(&[&["check", "-o", "json"], more].concat()).await;
    let data: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let line = |line: &Value| Line {
        finding: text(line, "finding"),
        about: text(line, "about"),
        says: text(line, "says"),
    };
    (answer.code, data["lines"].as_array().unwrap().iter().map(line).collect())
}

fn found<'a>(lines: &'a [Line], finding: &str) -> &'a Line {
    lines.iter().find(|line| line.finding == finding).unwrap_or_else(|| panic!("no {finding}: {lines:#?}"))
}

/// A cluster as it should be: both programs in pods, the driver installed, one class that is its default.
async fn whole() -> (Stage, [Program; 2]) {
    let stage = Stage::bare().await;
    let default = json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}},
        "driver": DRIVER, "deletionPolicy": "Delete"});
    stage.make(CLASS, "fast", &default).await;
    stage.make(CSI_DRIVER, DRIVER, &json!({"spec": {}})).await;
    stage.make(STORAGE_CLASS, "fast", &json!({"provisioner": DRIVER})).await;
    let both = [stage.controller(), stage.sidecar()];
    stage.until_led().await;
    stage.make_pods().await;
    (stage, both)
}

#[test]
fn a_cluster_as_it_should_be_is_fit() {
    story(async {
        let (stage, _both) = whole().await;
        let answer = stage.ask(&["check"]).await;
        assert_eq!((answer.code, &*answer.err), (0, ""), "{}", answer.out);
        assert!(
            answer.out.lines().all(|line| line.starts_with("ok") || line.starts_with("0 failed, 0 warnings"))
        );
        let (_, lines) = check(&stage, &[]).await;
        let rights = lines.iter().filter(|line| line.finding == "rights-granted").count();
        assert_eq!(rights, 2, "{lines:#?}");
        for finding in
            ["kind-served", "controller-leads", "sidecar-leads", "class-usable", "admission-leaves-us"]
        {
            found(&lines, finding);
        }
    });
}

#[test]
fn an_account_with_the_rights_of_the_manifest_sees_everything_and_writes_nothing() {
    story(async {
        let (stage, _both) = whole().await;
        stage.server.clear_requests();
        let answer = stage.ask_as_reader(&["check"]).await;
        assert_eq!((answer.code, &*answer.err), (0, ""), "{}", answer.out);
        let list = stage.ask_as_reader(&["list", "-A"]).await;
        assert_eq!(list.code, 0, "{list:?}");
        let requests = stage.server.requests();
        let ours: Vec<_> = requests.iter().filter(|request| request.user.ends_with(":reader")).collect();
        assert!(ours.len() > 50, "{}", ours.len());
        for request in ours {
            assert!(
                request.method == "GET" || request.path.ends_with("reviews"),
                "{} {}",
                request.method,
                request.path
            );
            assert!(!request.path.contains("secrets"), "{}", request.path);
        }
    });
}

#[test]
fn missing_kinds_are_found_and_those_of_groups_are_no_fault() {
    story(async {
        let stage =
            Stage::on(sandbox::api::Options { install_crds: false, ..sandbox::api::Options::default() })
                .await;
        let install = |wanted: &dyn Fn(&str) -> bool| {
            for crd in sandbox::crds::all().unwrap() {
                if wanted(crd["metadata"]["name"].as_str().unwrap()) {
                    stage.server.install(&crd).unwrap();
                }
            }
        };
        install(&|name| name.ends_with(".snapshot.storage.k8s.io") && !name.contains("contents"));
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        assert_eq!(found(&lines, "kind-missing").about, "volumesnapshotcontents.snapshot.storage.k8s.io");
        found(&lines, "groups-absent");
        // Some of the kinds of groups are worse than none.
        install(&|name| name == "volumegroupsnapshots.groupsnapshot.storage.k8s.io");
        let (_, lines) = check(&stage, &[]).await;
        let partly = lines.iter().filter(|line| line.finding == "group-version").count();
        assert_eq!(partly, 2, "{lines:#?}");
    });
}

#[test]
fn old_versions_are_found_where_they_are_stored_and_where_nothing_newer_is_served() {
    story(async {
        let (stage, _both) = whole().await;
        let name = "volumesnapshotclasses.snapshot.storage.k8s.io";
        let mut versions =
            stage.until(DEFINITION, name, |it| !it.is_null()).await["spec"]["versions"].clone();
        let mut old = versions[0].clone();
        (old["name"], old["storage"]) = ("v1beta1".into(), true.into());
        versions[0]["storage"] = false.into();
        versions.as_array_mut().unwrap().push(old);
        stage.change(DEFINITION, name, &json!({"spec": {"versions": versions}})).await;
        (versions[0]["storage"], versions[1]["storage"]) = (true.into(), false.into());
        stage.change(DEFINITION, name, &json!({"spec": {"versions": versions}})).await;
        let (code, lines) = check(&stage, &[]).await;
        let line = found(&lines, "old-stored-versions");
        assert_eq!((code, &*line.about), (1, name));
        assert!(line.says.contains("v1beta1"), "{}", line.says);
        versions[0]["served"] = false.into();
        stage.change(DEFINITION, name, &json!({"spec": {"versions": versions}})).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!((code, &*found(&lines, "kind-version").about), (2, name));
    });
}

#[test]
fn a_conversion_webhook_needs_a_certificate_authority_and_an_endpoint() {
    story(async {
        let (stage, _both) = whole().await;
        let name = "volumegroupsnapshots.groupsnapshot.storage.k8s.io";
        let service = json!({"namespace": NAMESPACE, "name": "convert", "path": "/convert"});
        let conversion = json!({"spec": {"conversion": {"strategy": "Webhook", "webhook": {
            "clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}}}});
        stage.change(DEFINITION, name, &conversion).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        assert_eq!(found(&lines, "conversion-without-ca").about, name);
        assert!(found(&lines, "conversion-away").says.contains("team/convert"));
        let ca = json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "MAA="}}}}});
        stage.change(DEFINITION, name, &ca).await;
        make_endpoint(&stage, "convert", true).await;
        assert_eq!(check(&stage, &[]).await.0, 0);
    });
}

/// A slice with an endpoint of a service.
async fn make_endpoint(stage: &Stage, service: &str, is_ready: bool) {
    let slice = json!({"metadata": {"labels": {"kubernetes.io/service-name": service}}, "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": is_ready}}]});
    stage.make(SLICE, &format!("{service}-{is_ready}"), &slice).await;
}

#[test]
fn programs_without_a_lease_and_programs_that_are_gone_are_told_apart() {
    story(async {
        let stage = Stage::set().await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 1);
        found(&lines, "controller-without-lease");
        assert_eq!(found(&lines, "sidecar-without-lease").about, "sidecar of a.csi.test");
        let both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        drop(both);
        // Both have ended as in a crash. Their Leases run out by themselves; the story does not wait for it.
        for (namespace, name) in [CONTROLLER_LEASE, SIDECAR_LEASE] {
            let past = json!({"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}});
            stage.change_in(namespace, LEASE, name, &past).await;
        }
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        assert!(found(&lines, "controller-gone").says.contains("kube-system/snapshot-controller-leader"));
        assert!(found(&lines, "sidecar-gone").says.contains("the class fast names it"));
    });
}

#[test]
fn two_controllers_in_different_namespaces_are_found() {
    story(async {
        let (stage, _both) = whole().await;
        let _second = stage.second_controller();
        stage.until(LEASE, CONTROLLER_LEASE.1, |lease| lease["spec"]["holderIdentity"].is_string()).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 1);
        let says = &found(&lines, "two-controllers").says;
        assert!(says.contains("team/") && says.contains("kube-system/"), "{says}");
    });
}

#[test]
fn classes_that_lead_nowhere_are_found() {
    story(async {
        let (stage, both) = whole().await;
        let second = json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}},
            "driver": DRIVER, "deletionPolicy": "Retain"});
        stage.make(CLASS, "second", &second).await;
        stage.make(CLASS, "lost", &json!({"driver": "b.csi.test", "deletionPolicy": "Delete"})).await;
        stage.make(CSI_DRIVER, "c.csi.test", &json!({"spec": {}})).await;
        stage.make(STORAGE_CLASS, "slow", &json!({"provisioner": "c.csi.test"})).await;
        stage.make(STORAGE_CLASS, "local", &json!({"provisioner": "kubernetes.io/no-provisioner"})).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        assert!(found(&lines, "two-default-classes").says.contains("fast, second"));
        assert_eq!(found(&lines, "class-without-driver").about, "VolumeSnapshotClass lost");
        assert_eq!(found(&lines, "no-default-class").about, "driver b.csi.test");
        assert_eq!(found(&lines, "storage-without-class").about, "StorageClass slow");
        drop(both);
        for name in ["fast", "second", "lost"] {
            stage.delete(CLASS, name).await;
        }
        found(&check(&stage, &[]).await.1, "no-class");
    });
}

/// A webhook of this service that is asked about these resources.
fn webhook(policy: &str, group: &str, resources: &[&str]) -> Value {
    json!({"webhooks": [{"name": "look.example.com", "failurePolicy": policy, "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "clientConfig": {"service": {"namespace": NAMESPACE, "name": "look"}},
        "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": resources}]}]})
}

#[test]
fn webhooks_and_policies_that_may_refuse_our_writes_are_found() {
    story(async {
        let (stage, _both) = whole().await;
        stage.make(VALIDATING, "other", &webhook("Fail", "apps", &["*"])).await;
        assert_eq!(check(&stage, &[]).await.0, 0, "it is not asked about ours");
        stage.make(VALIDATING, "ours", &webhook("Fail", "snapshot.storage.k8s.io", &["*/*"])).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        let says = &found(&lines, "webhook-away").says;
        assert!(says.contains("volumesnapshotcontents/status") && says.contains("team/look"), "{says}");
        make_endpoint(&stage, "look", false).await;
        found(&check(&stage, &[]).await.1, "webhook-away");
        make_endpoint(&stage, "look", true).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(
            (code, &*found(&lines, "webhook-on-our-writes").about),
            (1, "webhook look.example.com of ours")
        );
        stage.change(VALIDATING, "ours", &webhook("Ignore", "*", &["*"])).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(
            (code, found(&lines, "webhook-optional").says.contains("persistentvolumeclaims")),
            (0, true)
        );
        let rules = json!([{"apiGroups": ["snapshot.storage.k8s.io"], "apiVersions": ["v1"], "operations": ["UPDATE"],
            "resources": ["volumesnapshots"]}]);
        let policy = json!({"spec": {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "true"}]}});
        stage.make(POLICY, "names", &policy).await;
        assert_eq!(check(&stage, &[]).await.0, 0, "nobody has bound it");
        stage
            .make(BINDING, "names", &json!({"spec": {"policyName": "names", "validationActions": ["Deny"]}}))
            .await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(
            (code, &*found(&lines, "policy-on-our-writes").about),
            (1, "ValidatingAdmissionPolicy names")
        );
    });
}

/// Takes verbs on a resource from a program.
async fn refuse(stage: &Stage, role: &str, resource: &str, verbs: &[&str]) {
    let mut rules = stage.until(ROLE, role, |it| !it.is_null()).await["rules"].clone();
    for rule in rules.as_array_mut().unwrap() {
        if rule["resources"].as_array().unwrap().iter().any(|it| it == resource) {
            let granted = rule["verbs"].as_array_mut().unwrap();
            granted.retain(|verb| !verbs.iter().any(|without| verb == without));
        }
    }
    stage.change(ROLE, role, &json!({ "rules": rules })).await;
}

#[test]
fn rights_that_are_missing_are_named_and_those_that_only_cost_more_are_not_called_missing() {
    story(async {
        let (stage, _both) = whole().await;
        refuse(&stage, "sidecar", "volumesnapshotcontents", &["patch"]).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(
            (code, &*found(&lines, "rights-fewer").says),
            (1, "driver/sidecar may not patch volumesnapshotcontents")
        );
        refuse(&stage, "snapshot-controller", "persistentvolumeclaims", &["update"]).await;
        refuse(&stage, "snapshot-controller", "volumesnapshotcontents", &["create", "delete"]).await;
        let (code, lines) = check(&stage, &[]).await;
        assert_eq!(code, 2);
        assert_eq!(
            found(&lines, "rights-missing").says,
            "kube-system/snapshot-controller may not update persistentvolumeclaims; create, delete volumesnapshotcontents"
        );
    });
}

#[test]
fn an_account_that_no_pod_leads_to_can_be_named() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let (code, lines) = check(&stage, &[]).await;
        let unknown = lines.iter().filter(|line| line.finding == "account-unknown").count();
        assert_eq!((code, unknown), (1, 2), "{lines:#?}");
        let named = [
            "--controller-account",
            "kube-system/snapshot-controller",
            "--sidecar-account",
            "driver/sidecar",
        ];
        let (_, lines) = check(&stage, &named).await;
        let granted = lines.iter().filter(|line| line.finding == "rights-granted").count();
        assert_eq!(granted, 2, "{lines:#?}");
    });
}

#[test]
fn what_may_not_be_read_is_a_warning_and_never_well() {
    story(async {
        let (stage, _both) = whole().await;
        let (code, lines) = check(&stage, &["--as", "jane"]).await;
        assert_eq!(code, 1);
        for line in &lines {
            assert!(["may-not-be-read", "account-unknown"].contains(&&*line.finding), "{line:?}");
        }
        for right in [
            "grant `get` on `customresourcedefinitions.apiextensions.k8s.io`",
            "grant `list` on `leases.coordination.k8s.io`",
            "grant `list` on `csidrivers.storage.k8s.io`",
            "grant `list` on `validatingadmissionpolicies.admissionregistration.k8s.io`",
        ] {
            assert!(lines.iter().any(|line| line.says.contains(right)), "{right}: {lines:#?}");
        }
        stage.server.stop_listening().await;
        let away = stage.ask(&["check"]).await;
        assert_eq!((away.code, away.out.as_str(), away.err.lines().count()), (2, "", 1), "{away:?}");
    });
}
