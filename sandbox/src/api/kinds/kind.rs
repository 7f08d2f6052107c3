//! The type of a kind: how discovery describes it, and how its objects are checked, stored and shown.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::api::cause::Cause;
use crate::api::clients::table::{self, Column};
use crate::api::schema::compiled::Schema;

/// The verbs of most built-in kinds.
const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same for custom resources, in the order in which the real server lists them.
pub(crate) const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// How stored objects are converted when they are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// They are served as they are stored, except for the apiVersion.
    Stored,
    /// Core events are served with the field names of events.k8s.io/v1.
    EventsV1,
}

/// One resource in one version: what discovery says about it, and how its objects are checked, stored and shown.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "each is a fact of its own, named as discovery names it"
)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) verbs: &'static [&'static str],
    /// Whether status can be written only through its subresource.
    pub(crate) status: bool,
    /// The store's name for these objects, which all versions of a CRD share.
    pub(crate) resource: String,
    /// The apiVersion in which objects are stored.
    pub(crate) stored_as: String,
    pub(crate) view: View,
    /// Whether `metadata.generation` counts changes of the spec.
    pub(crate) generation: bool,
    /// Whether a PUT without resourceVersion overwrites.
    pub(crate) unconditional: bool,
    /// Whether DELETE answers with the object instead of a Status.
    pub(crate) returns_deleted: bool,
    /// The fields that a fieldSelector can name in addition to name and namespace.
    pub(crate) selectable: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// The warning, if the version is deprecated.
    pub(crate) deprecated: Option<String>,
    pub(crate) rules: KindRules,
}

/// How objects of a kind are normalised and checked.
#[derive(Debug)]
pub(crate) enum KindRules {
    /// By the type that Kubernetes clients have for the kind, and by code.
    BuiltIn(BuiltIn),
    /// By the schema of a CRD.
    Custom(Box<Schema>),
}

/// The code of a built-in kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuiltIn {
    /// Converts an object to its type and back, which drops unknown fields and refuses wrong types.
    pub(crate) typed: fn(Value) -> Result<Value, serde_json::Error>,
    /// Fills in defaults. The old state is None when an object is created.
    pub(crate) prepare: fn(&mut Value, Option<&Value>),
    pub(crate) check: fn(&Value) -> Vec<Cause>,
    /// Compares the object with its old state, which is None when it is created.
    pub(crate) check_change: fn(&Value, Option<&Value>) -> Vec<Cause>,
}

fn through<T: Serialize + DeserializeOwned>(value: Value) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(serde_json::from_value::<T>(value)?)?;
    whole_numbers(&mut value);
    Ok(value)
}

/// A field of a floating-point type turns 0 into 0.0, which the real server never shows.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && number.is_f64());
            if let Some(whole) = whole.and_then(|n| format!("{n:.0}").parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl Kind {
    pub(super) fn built_in<T: Serialize + DeserializeOwned>(
        api_version: &str,
        plural: &str,
        kind: &str,
    ) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
            verbs: VERBS,
            status: false,
            resource: full_name(plural, group),
            stored_as: api_version.into(),
            view: View::Stored,
            generation: false,
            unconditional: true,
            returns_deleted: false,
            selectable: Vec::new(),
            columns: table::plain_columns(),
            deprecated: None,
            rules: KindRules::BuiltIn(BuiltIn {
                typed: through::<T>,
                prepare: |_, _| (),
                check: |_| Vec::new(),
                check_change: |_, _| Vec::new(),
            }),
        }
    }

    pub(super) fn short(mut self, names: &[&str]) -> Self {
        self.short_names = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    pub(super) fn category(mut self, name: &str) -> Self {
        self.categories = vec![name.into()];
        self
    }

    pub(super) fn cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }

    pub(super) fn with_status(mut self) -> Self {
        self.status = true;
        self
    }

    pub(super) fn with_generation(mut self) -> Self {
        self.generation = true;
        self
    }

    pub(super) fn returns_deleted(mut self) -> Self {
        self.returns_deleted = true;
        self
    }

    pub(super) fn selects(mut self, fields: &[&str]) -> Self {
        self.selectable = fields.iter().map(|f| (*f).to_owned()).collect();
        self
    }

    pub(super) fn shows(mut self, columns: Vec<Column>) -> Self {
        self.columns = columns;
        self
    }

    pub(super) fn prepared(mut self, prepare: fn(&mut Value, Option<&Value>)) -> Self {
        if let KindRules::BuiltIn(rules) = &mut self.rules {
            rules.prepare = prepare;
        }
        self
    }

    pub(super) fn checked(mut self, check: fn(&Value) -> Vec<Cause>) -> Self {
        if let KindRules::BuiltIn(rules) = &mut self.rules {
            rules.check = check;
        }
        self
    }

    pub(super) fn checked_change(mut self, check_change: fn(&Value, Option<&Value>) -> Vec<Cause>) -> Self {
        if let KindRules::BuiltIn(rules) = &mut self.rules {
            rules.check_change = check_change;
        }
        self
    }

    /// `group/version`, or the version alone for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `plural.group`, as messages name a resource.
    pub(crate) fn full_name(&self) -> String {
        full_name(&self.plural, &self.group)
    }

    /// The schema of a custom resource.
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.rules {
            KindRules::Custom(schema) => Some(schema),
            KindRules::BuiltIn(_) => None,
        }
    }
}

/// `plural.group`, or the plural alone for the core group.
pub(crate) fn full_name(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.into() } else { format!("{plural}.{group}") }
}
