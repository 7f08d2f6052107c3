//! Flags by name, each with its default from the table.

use std::time::Duration;

use crate::cli::table::find;
use crate::cli::{Given, Value};

/// The flags as given, with defaults behind them. A name that the table has not is a defect, which the tests
/// of the settings find: they read every flag.
pub(super) struct Flags<'a>(pub &'a Given);

impl Flags<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let default = || {
            let flag = find(name)?;
            Value::of(flag.kind, flag.default)
        };
        self.0.value(name).cloned().or_else(default)
    }

    /// Whether the flag was given at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.value(name).is_some()
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    pub(super) fn int(&self, name: &str) -> i64 {
        if let Some(Value::Int(number)) = self.value(name) { number } else { 0 }
    }

    pub(super) fn float(&self, name: &str) -> f64 {
        if let Some(Value::Float(number)) = self.value(name) { number } else { 0.0 }
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        if let Some(Value::Duration(duration)) = self.value(name) { duration } else { Duration::ZERO }
    }

    pub(super) fn text(&self, name: &str) -> String {
        if let Some(Value::Text(text)) = self.value(name) { text } else { String::new() }
    }
}
