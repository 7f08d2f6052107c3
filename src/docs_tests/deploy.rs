//! What deploy/ says to the sidecar, and of its metrics, it understands and has.

use serde_json::Value;

use super::{OPERATIONS, metric_names};
use crate::settings::{Command, Settings, parse};

const SIDECAR: &str = include_str!("../../deploy/sidecar/container.yaml");
const LONGHORN: &str = include_str!("../../deploy/longhorn/deployment.yaml");
const ALERTS: &str = include_str!("../../deploy/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../deploy/monitoring/dashboard.yaml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The settings of the sidecar in a Deployment, as the kubelet fills in its arguments.
fn settings(manifest: &str) -> Settings {
    let deployment = yaml(manifest);
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().unwrap().clone();
    let sidecar = containers.into_iter().find(|container| container["name"] == "csi-snapshotter").unwrap();
    let args = sidecar["args"].as_array().unwrap().iter();
    let args = args.map(|arg| {
        let arg = arg.as_str().unwrap();
        arg.replace("$(ADDRESS)", "/csi/csi.sock").replace("$(POD_NAMESPACE)", "n").into()
    });
    match parse(args.collect::<Vec<_>>(), &|_| None) {
        Ok(Command::Run(settings)) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_arguments_of_every_manifest_are_accepted_without_a_warning() {
    for manifest in [SIDECAR, LONGHORN] {
        let settings = settings(manifest);
        assert_eq!(settings.warnings, Vec::<String>::new());
        assert_eq!(settings.csi_address.to_str(), Some("/csi/csi.sock"));
        assert_eq!(settings.election.unwrap().namespace.as_deref(), Some("n"));
        assert!(settings.endpoint.unwrap().metrics_path == "/metrics");
    }
}

#[test]
fn longhorn_s_sidecar_has_longhorn_s_settings() {
    let settings = settings(LONGHORN);
    assert_eq!(settings.timeout.as_secs(), 110);
    assert_eq!((settings.api.qps, settings.api.burst), (50.0, 100));
    assert_eq!(settings.endpoint.unwrap().address, ":8000");
}

/// What an alert or a panel asks for, and what it says of the answer.
struct Asked {
    expression: String,
    says: String,
}

/// Everything that the alerts and the dashboard ask for.
fn expressions() -> Vec<Asked> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for group in yaml(ALERTS)["spec"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let says = text(&rule["annotations"]["summary"]) + &text(&rule["annotations"]["description"]);
            found.push(Asked { expression: text(&rule["expr"]), says });
        }
    }
    let dashboard = yaml(DASHBOARD);
    let dashboard: Value =
        serde_json::from_str(dashboard["data"]["csi-snapshotter.json"].as_str().unwrap()).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            found.push(Asked { expression: text(&target["expr"]), says: text(&target["legendFormat"]) });
        }
    }
    found
}

/// The metrics that an expression names.
fn metrics_of(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = ["csi_", "leader_", "rest_", "workqueue_", "process_"];
    words.filter(|word| ours.iter().any(|start| word.starts_with(start))).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_are_there() {
    let names = metric_names();
    for Asked { expression, says: _ } in expressions() {
        let asked = metrics_of(&expression);
        assert!(!asked.is_empty(), "{expression}");
        for metric in asked {
            let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| metric.strip_suffix(end));
            let known = names.contains(&metric) || family.is_some_and(|family| names.contains(family));
            assert!(known, "{metric} of {expression}");
        }
        let balanced = |open, close| expression.matches(open).count() == expression.matches(close).count();
        assert!(balanced('(', ')') && balanced('{', '}') && balanced('[', ']'), "{expression}");
    }
}

#[test]
fn what_they_say_of_a_label_is_what_the_expression_keeps() {
    for Asked { expression, says } in expressions() {
        let Some((_, kept)) = expression.split_once(" by (") else { continue };
        let kept: Vec<_> = kept.split(')').next().unwrap().split(", ").collect();
        for place in says.split("{{").skip(1) {
            let label = place.split("}}").next().unwrap().trim().trim_start_matches("$labels.");
            assert!(label == "$value" || kept.contains(&label), "{label} of {expression}");
        }
    }
}

#[test]
fn contents_are_told_apart_by_kind() {
    let of_contents = ["csi_snapshotter_contents", "csi_snapshotter_backlog_age_seconds"];
    let asked = expressions().into_iter().filter(|asked| {
        metrics_of(&asked.expression).iter().any(|metric| of_contents.contains(&metric.as_str()))
    });
    let asked: Vec<_> = asked.collect();
    assert!(!asked.is_empty());
    for Asked { expression, says } in asked {
        assert!(says.contains("kind"), "{expression}: {says}");
    }
}

#[test]
fn every_alert_stands_in_the_operations_page() {
    for group in yaml(ALERTS)["spec"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let alert = rule["alert"].as_str().unwrap();
            assert!(OPERATIONS.contains(&format!("`{alert}`")), "{alert}");
        }
    }
}
