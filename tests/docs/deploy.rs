//! Tests that the sidecar accepts the arguments in deploy/, and has the metrics that alerts and dashboard use.

use serde_json::Value;

use super::compatibility::scrape::{Family, families};
use super::operations::OPERATIONS;
use csi_snapshotter::settings::{Command, Settings, parse};

const SIDECAR: &str = include_str!("../../deploy/sidecar/container.yaml");
const LONGHORN: &str = include_str!("../../deploy/longhorn/deployment.yaml");
const ALERTS: &str = include_str!("../../deploy/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../deploy/monitoring/dashboard.yaml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The settings of the sidecar in a Deployment, with the variables in its arguments filled in.
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
        assert_eq!(settings.diagnostics.warnings, Vec::<String>::new());
        assert_eq!(settings.csi_address.to_str(), Some("/csi/csi.sock"));
        assert_eq!(settings.election.unwrap().namespace.as_deref(), Some("n"));
        assert!(settings.endpoint.unwrap().metrics_path == "/metrics");
    }
}

#[test]
fn the_sidecar_of_longhorn_has_the_settings_of_longhorn() {
    let settings = settings(LONGHORN);
    assert_eq!(settings.timeout.as_secs(), 110);
    assert_eq!((settings.api.qps, settings.api.burst), (50.0, 100));
    assert_eq!(settings.endpoint.unwrap().address, ":8000");
}

/// The expression of an alert or a panel, and the text that shows its result.
struct Asked {
    expression: String,
    says: String,
}

/// All expressions of the alerts and the dashboard.
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

/// The metric families that an expression names.
fn metrics_of<'a>(expression: &str, scraped: &'a [Family]) -> Vec<&'a Family> {
    let ours = ["csi_", "leader_", "rest_", "workqueue_", "process_"];
    let words =
        expression.split(|c| !is_word(c)).filter(|word| ours.iter().any(|start| word.starts_with(start)));
    let family = |word: &str| {
        let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end));
        let known = |family: &&Family| family.name == word || Some(family.name.as_str()) == of_histogram;
        scraped.iter().find(known).unwrap_or_else(|| panic!("{word} of {expression}"))
    };
    words.map(family).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The labels that the outermost aggregation of an expression keeps, if there is one. Only a `by` list in front counts.
fn kept(expression: &str) -> Option<Vec<&str>> {
    let aggregations =
        ["sum", "min", "max", "avg", "count", "group", "topk", "bottomk", "quantile", "stddev"];
    let mut rest = expression;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        if aggregations.contains(&word) {
            let list = after.strip_prefix(" by (").and_then(|list| list.split_once(')'));
            return Some(list.map_or_else(Vec::new, |(labels, _)| labels.split(", ").collect()));
        }
        rest = after.trim_start_matches(|c| !is_word(c));
    }
    None
}

/// The labels of the metrics of an expression, including those that every scrape adds.
fn labels_of<'a>(metrics: &[&'a Family]) -> Vec<&'a str> {
    let own = metrics.iter().flat_map(|family| &family.labels).map(String::as_str);
    own.chain(["namespace", "pod", "container", "le"]).collect()
}

/// The labels that a text shows.
fn shown(says: &str) -> Vec<&str> {
    let places = says.split("{{").skip(1).map(|place| place.split("}}").next().unwrap().trim());
    places.filter(|place| *place != "$value").map(|place| place.trim_start_matches("$labels.")).collect()
}

#[test]
fn alerts_and_dashboard_use_existing_metrics() {
    let scraped = families();
    for Asked { expression, says: _ } in expressions() {
        assert!(!metrics_of(&expression, &scraped).is_empty(), "{expression}");
        let balanced = |open, close| expression.matches(open).count() == expression.matches(close).count();
        assert!(balanced('(', ')') && balanced('{', '}') && balanced('[', ']'), "{expression}");
    }
}

#[test]
fn texts_show_only_labels_that_their_expression_keeps() {
    let scraped = families();
    for Asked { expression, says } in expressions() {
        let there = labels_of(&metrics_of(&expression, &scraped));
        let kept = kept(&expression).unwrap_or_else(|| there.clone());
        for label in &kept {
            assert!(there.contains(label), "nothing has the label {label} of {expression}");
        }
        for label in shown(&says) {
            assert!(kept.contains(&label), "{label} of {expression}");
        }
    }
}

#[test]
fn metrics_by_kind_are_queried_and_shown_by_kind() {
    let scraped = families();
    let mut by_kind = 0;
    for Asked { expression, says } in expressions() {
        let metrics = metrics_of(&expression, &scraped);
        if metrics.iter().any(|family| family.labels.iter().any(|label| label == "kind")) {
            by_kind += 1;
            assert!(kept(&expression).is_none_or(|kept| kept.contains(&"kind")), "{expression}");
            assert!(shown(&says).contains(&"kind"), "{expression}: {says}");
        }
    }
    assert!(by_kind > 0);
}

#[test]
fn every_alert_is_in_the_operations_page() {
    for group in yaml(ALERTS)["spec"]["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let alert = rule["alert"].as_str().unwrap();
            assert!(OPERATIONS.contains(&format!("`{alert}`")), "{alert}");
        }
    }
}
