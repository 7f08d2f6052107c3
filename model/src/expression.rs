//! One requirement of a selector, as Kubernetes reads it: of labels, or of nodes, which know two operators more.

use std::fmt::{self, Display};

use machinery::object::Fields;
use serde_json::Value;

/// A requirement about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// `key`.
    pub key: String,
    /// `operator`.
    pub operator: String,
    /// `values`.
    pub values: Vec<String>,
}

impl Expression {
    /// Reads one, and says whether part of it is of a type that it cannot have.
    pub(crate) fn read(value: Value) -> (Self, bool) {
        let mut fields = Fields::of(value);
        let expression = Self {
            key: fields.take("key").unwrap_or_default(),
            operator: fields.take("operator").unwrap_or_default(),
            values: fields.take("values").unwrap_or_default(),
        };
        (expression, fields.nonsense)
    }

    /// Whether the value that the key has, if it has one, is as required; `None` if the requirement itself is invalid.
    pub(crate) fn is_met_by(&self, found: Option<&str>) -> Option<bool> {
        let is_listed = || found.is_some_and(|found| self.values.iter().any(|value| value == found));
        match (self.operator.as_str(), self.values.as_slice()) {
            _ if self.key.is_empty() => None,
            ("In", [_, ..]) => Some(is_listed()),
            ("NotIn", [_, ..]) => Some(!is_listed()),
            ("Exists", []) => Some(found.is_some()),
            ("DoesNotExist", []) => Some(found.is_none()),
            ("Gt" | "Lt", [bound]) => {
                let bound: i64 = bound.parse().ok()?;
                let found: Option<i64> = found.and_then(|found| found.parse().ok());
                let is_greater = self.operator == "Gt";
                Some(found.is_some_and(|found| if is_greater { found > bound } else { found < bound }))
            }
            _ => None,
        }
    }
}

impl Display for Expression {
    /// As `kubectl get -l` takes it, where it knows the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        let values = values.join(",");
        match operator.as_str() {
            "In" => write!(f, "{key} in ({values})"),
            "NotIn" => write!(f, "{key} notin ({values})"),
            "Exists" => f.write_str(key),
            "DoesNotExist" => write!(f, "!{key}"),
            other => write!(f, "{key} {other} {values}"),
        }
    }
}
