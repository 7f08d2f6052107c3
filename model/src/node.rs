//! Node (core v1), and the node affinity of volumes: from which nodes a volume can be reached.

use std::fmt::{self, Display};

use machinery::object::{Body, Fields, Object, Pairs};
use ring::digest::{Context, SHA256};
use serde_json::Value;

use crate::expression::Expression;

/// The only field of a node that an affinity may name.
const NAME: &str = "metadata.name";

/// core/v1 Node, of which only name and labels count.
pub type ClusterNode = Object<Node>;

/// Body of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Node;

impl Body for Node {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "Node";
    const PLURAL: &'static str = "nodes";
    const KEEPS: &'static [&'static str] = &["labels"];

    fn read(_fields: &mut Fields) -> Self {
        Self
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}

/// `spec.nodeAffinity.required` of a volume: a node must fit one of these terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affinity {
    terms: Vec<Term>,
}

/// A term, all of which must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Term {
    labels: Vec<Expression>,
    fields: Vec<Expression>,
    /// Part of it is of a type that it cannot have.
    nonsense: bool,
}

impl Affinity {
    pub(crate) fn read(required: Value) -> Self {
        let terms: Vec<Value> = Fields::of(required).take("nodeSelectorTerms").unwrap_or_default();
        Self { terms: terms.into_iter().map(Term::read).collect() }
    }

    /// Whether a node fits. A term that is empty or invalid fits none.
    #[must_use]
    pub fn fits(&self, node: &ClusterNode) -> bool {
        self.terms.iter().any(|term| term.fits(node.name(), node.metadata.labels.as_ref()))
    }
}

impl Term {
    fn read(term: Value) -> Self {
        let mut fields = Fields::of(term);
        let mut nonsense = false;
        let mut list = |name: &str| {
            let values: Vec<Value> = fields.take(name).unwrap_or_default();
            let all = values.into_iter().map(|value| {
                let (expression, is_odd) = Expression::read(value);
                nonsense |= is_odd;
                expression
            });
            all.collect()
        };
        let (labels, names) = (list("matchExpressions"), list("matchFields"));
        Self { labels, fields: names, nonsense: nonsense || fields.nonsense }
    }

    fn fits(&self, name: &str, labels: Option<&Pairs>) -> bool {
        let label = |key: &str| labels.and_then(|labels| labels.get(key));
        let field = |key: &str| (key == NAME).then_some(name);
        let is_empty = self.labels.is_empty() && self.fields.is_empty();
        !self.nonsense
            && !is_empty
            && self.labels.iter().all(|wanted| wanted.is_met_by(label(&wanted.key)) == Some(true))
            && self
                .fields
                .iter()
                .all(|wanted| is_for_fields(wanted) && wanted.is_met_by(field(&wanted.key)) == Some(true))
    }
}

/// A field has exactly one value, and is compared with one.
fn is_for_fields(wanted: &Expression) -> bool {
    matches!(wanted.operator.as_str(), "In" | "NotIn") && wanted.values.len() == 1
}

impl Display for Affinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = |term: &Term| {
            let all: Vec<_> = term.labels.iter().chain(&term.fields).map(Expression::to_string).collect();
            all.join(" and ")
        };
        let terms: Vec<_> = self.terms.iter().map(term).filter(|term| !term.is_empty()).collect();
        f.write_str(if terms.is_empty() { "none" } else { "" })?;
        f.write_str(&terms.join(", or "))
    }
}

/// One of several nodes, for the object with this uid: the same at every look, different ones for different objects, and
/// another one than before only where that has gone.
#[must_use]
pub fn one_of<'n>(nodes: &'n [String], uid: &str) -> Option<&'n String> {
    let weight = |node: &&String| {
        let mut digest = Context::new(&SHA256);
        digest.update(uid.as_bytes());
        digest.update(node.as_bytes());
        digest.finish().as_ref().to_vec()
    };
    nodes.iter().max_by_key(weight)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whether a node with this name and these labels fits what is required.
    fn fits(terms: &Value, name: &str, labels: &Value) -> bool {
        let node: ClusterNode =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap();
        Affinity::read(json!({"nodeSelectorTerms": terms})).fits(&node)
    }

    fn wanted(key: &str, operator: &str, values: &Value) -> Value {
        json!({"key": key, "operator": operator, "values": values})
    }

    #[test]
    fn every_operator_reads_labels_as_the_scheduler_does() {
        let labels = json!({"zone": "a", "disks": "4"});
        for (wanted, expected) in [
            (wanted("zone", "In", &json!(["a", "b"])), true),
            (wanted("zone", "In", &json!(["b"])), false),
            (wanted("rack", "In", &json!(["b"])), false),
            (wanted("zone", "NotIn", &json!(["b"])), true),
            (wanted("zone", "NotIn", &json!(["a"])), false),
            (wanted("rack", "NotIn", &json!(["a"])), true),
            (wanted("zone", "Exists", &Value::Null), true),
            (wanted("rack", "Exists", &Value::Null), false),
            (wanted("rack", "DoesNotExist", &json!([])), true),
            (wanted("zone", "DoesNotExist", &json!([])), false),
            (wanted("disks", "Gt", &json!(["3"])), true),
            (wanted("disks", "Gt", &json!(["4"])), false),
            (wanted("disks", "Lt", &json!(["5"])), true),
            (wanted("disks", "Lt", &json!(["4"])), false),
            (wanted("rack", "Lt", &json!(["4"])), false),
            (wanted("zone", "Gt", &json!(["1"])), false),
        ] {
            let terms = json!([{ "matchExpressions": [wanted] }]);
            assert_eq!(fits(&terms, "n", &labels), expected, "{terms}");
        }
    }

    #[test]
    fn one_term_must_fit_and_all_of_it() {
        let (zone, rack) = (wanted("zone", "In", &json!(["a"])), wanted("rack", "In", &json!(["r"])));
        let name = wanted(NAME, "In", &json!(["n"]));
        let zone_a = json!({"zone": "a"});
        assert!(!fits(&json!([{"matchExpressions": [zone, rack]}]), "n", &zone_a));
        assert!(fits(&json!([{"matchExpressions": [rack]}, {"matchExpressions": [zone]}]), "n", &zone_a));
        assert!(fits(&json!([{"matchExpressions": [zone], "matchFields": [name]}]), "n", &zone_a));
        assert!(!fits(&json!([{"matchExpressions": [zone], "matchFields": [name]}]), "m", &zone_a));
        assert!(fits(&json!([{"matchFields": [wanted(NAME, "NotIn", &json!(["n"]))]}]), "m", &zone_a));
    }

    #[test]
    fn what_is_empty_or_invalid_fits_no_node() {
        for terms in [
            json!([]),
            json!([{}]),
            json!([{"matchExpressions": []}]),
            json!([{"matchExpressions": [wanted("zone", "Like", &json!(["a"]))]}]),
            json!([{"matchExpressions": [wanted("zone", "In", &json!([]))]}]),
            json!([{"matchExpressions": [wanted("rack", "NotIn", &json!([]))]}]),
            json!([{"matchExpressions": [wanted("zone", "Exists", &json!(["a"]))]}]),
            json!([{"matchExpressions": [wanted("rack", "Gt", &json!(["many"]))]}]),
            json!([{"matchExpressions": [wanted("", "DoesNotExist", &Value::Null)]}]),
            json!([{"matchExpressions": [wanted("rack", "NotIn", &json!(5))]}]),
            json!([{"matchExpressions": [5]}]),
            json!([{"matchFields": [wanted(NAME, "In", &json!(["n", "m"]))]}]),
            json!([{"matchFields": [wanted(NAME, "Exists", &Value::Null)]}]),
        ] {
            assert!(!fits(&terms, "n", &json!({"zone": "a"})), "{terms}");
        }
        let valid =
            json!([{"matchExpressions": [5]}, {"matchExpressions": [wanted("zone", "Exists", &json!([]))]}]);
        assert!(fits(&valid, "n", &json!({"zone": "a"})), "another term is valid");
    }

    #[test]
    fn an_affinity_is_shown_as_it_is_meant() {
        let shown = |terms: Value| Affinity::read(json!({ "nodeSelectorTerms": terms })).to_string();
        let (zone, disks) = (wanted("zone", "In", &json!(["a", "b"])), wanted("disks", "Gt", &json!(["4"])));
        let name = wanted(NAME, "NotIn", &json!(["n"]));
        let both = json!([{"matchExpressions": [zone, disks]}, {"matchFields": [name]}]);
        assert_eq!(shown(both), "zone in (a,b) and disks Gt 4, or metadata.name notin (n)");
        assert_eq!(shown(json!([{}])), "none");
    }

    #[test]
    fn the_choice_spreads_over_all_nodes_and_moves_only_from_a_node_that_has_gone() {
        let nodes: Vec<String> = (0..4).map(|number| format!("node-{number}")).collect();
        let of = |nodes: &[String], uid: usize| one_of(nodes, &uid.to_string()).unwrap().clone();
        let chosen: Vec<String> = (0..400).map(|uid| of(&nodes, uid)).collect();
        for node in &nodes {
            let share = chosen.iter().filter(|chosen| *chosen == node).count();
            assert!((60..140).contains(&share), "{node} has {share} of 400");
        }
        for (uid, before) in chosen.iter().enumerate().filter(|(_, before)| **before != nodes[0]) {
            assert_eq!(of(&nodes[1..], uid), *before);
        }
        assert_eq!(one_of(&[], "u"), None);
    }
}
