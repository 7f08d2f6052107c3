//! Label selectors, as Kubernetes reads them.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use machinery::object::{Fields, Pairs};
use serde_json::Value;

use crate::expression::Expression;

/// A label selector. All that it says must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`.
    pub labels: BTreeMap<String, String>,
    /// `matchExpressions`.
    pub expressions: Vec<Expression>,
    /// Part of it is of a type that it cannot have: what can be read of it would select more than it says.
    pub nonsense: bool,
}

impl Selector {
    pub(crate) fn read(value: Value) -> Self {
        let mut fields = Fields::of(value);
        let labels = fields.take("matchLabels").unwrap_or_default();
        let mut nonsense = false;
        let expressions = fields.take::<Vec<Value>>("matchExpressions").into_iter().flatten().map(|value| {
            let (expression, is_odd) = Expression::read(value);
            nonsense |= is_odd;
            expression
        });
        let expressions = expressions.collect();
        Self { labels, expressions, nonsense: nonsense || fields.nonsense }
    }

    /// Whether it says nothing, and so would select everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Why it cannot be used, in words; `None` if it can.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.nonsense {
            return Some("part of it is of a wrong type".to_owned());
        }
        self.expressions.iter().find_map(|Expression { key, operator, values }| {
            match (operator.as_str(), values.is_empty()) {
                _ if key.is_empty() => Some("an expression has no key".to_owned()),
                ("In" | "NotIn", false) | ("Exists" | "DoesNotExist", true) => None,
                ("In" | "NotIn", true) => Some(format!("{operator} of the key {key:?} needs values")),
                ("Exists" | "DoesNotExist", false) => {
                    Some(format!("{operator} of the key {key:?} has values"))
                }
                (unknown, _) => Some(format!(
                    "the operator {unknown:?} of the key {key:?} is none of In, NotIn, Exists, DoesNotExist"
                )),
            }
        })
    }

    /// Whether an object with these labels is selected. Nothing is by a selector that cannot be used.
    #[must_use]
    pub fn matches(&self, labels: Option<&Pairs>) -> bool {
        let value = |key: &str| labels.and_then(|labels| labels.get(key));
        self.fault().is_none()
            && self.labels.iter().all(|(key, wanted)| value(key) == Some(wanted.as_str()))
            && self
                .expressions
                .iter()
                .all(|expression| expression.is_met_by(value(&expression.key)) == Some(true))
    }
}

impl Display for Selector {
    /// As `kubectl get -l` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let expressions = self.expressions.iter().map(Expression::to_string);
        f.write_str(&labels.chain(expressions).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(selector: Value, labels: &[(&str, &str)]) -> bool {
        Selector::read(selector).matches(Some(&labels.iter().copied().collect()))
    }

    #[test]
    fn labels_and_expressions_must_all_fit() {
        let of = |key: &str, operator: &str, values: Value| json!({"matchLabels": {"app": "db"}, "matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, prod, bare) in [
            (of("tier", "In", json!(["prod", "test"])), true, false),
            (of("tier", "NotIn", json!(["prod"])), false, true),
            (of("tier", "Exists", json!([])), true, false),
            (of("tier", "DoesNotExist", Value::Null), false, true),
        ] {
            assert_eq!(selects(selector.clone(), &[("app", "db"), ("tier", "prod")]), prod, "{selector}");
            assert_eq!(selects(selector.clone(), &[("app", "db")]), bare, "{selector}");
            assert!(!selects(selector.clone(), &[("tier", "prod")]), "{selector}");
        }
    }

    #[test]
    fn a_selector_that_cannot_be_used_selects_nothing_and_says_why() {
        for (selector, words) in [
            (json!({"matchLabels": {"a": 5}}), "wrong type"),
            (json!({"matchExpressions": [5]}), "wrong type"),
            (json!({"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]}), "Like"),
            (json!({"matchExpressions": [{"key": "a", "operator": "In"}]}), "needs values"),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
                "has values",
            ),
            (json!({"matchExpressions": [{"operator": "Exists"}]}), "no key"),
        ] {
            let read = Selector::read(selector.clone());
            assert!(read.fault().is_some_and(|fault| fault.contains(words)), "{selector}");
            assert!(!read.matches(None), "{selector}");
        }
    }

    #[test]
    fn it_is_written_as_kubectl_takes_it() {
        let selector = json!({"matchLabels": {"app": "db"}, "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"},
        ]});
        assert_eq!(Selector::read(selector).to_string(), "app=db,tier notin (a,b),!old");
        assert!(Selector::read(json!({})).is_empty());
    }
}
