//! The command line: Go's `flag` grammar over a program's table of flags.
//!
//! Charts were written for Go programs, so arguments are parsed as Go parses them. Where Go would silently drop
//! arguments or panic later, parsing fails with a line that says what to write instead.

use std::collections::HashMap;
use std::ffi::OsString;

use thiserror::Error;

pub mod duration;
pub mod flag;
mod help;
mod value;

#[cfg(test)]
mod tests;

pub use flag::{Flag, FlagEffect, Spec, Table};
pub use help::{Page, help};
pub use value::{Value, ValueKind};

use flag::FlagValue;

/// Why a command line is invalid: one line that names the argument and says what to write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// No such flag.
    #[error("flag provided but not defined: -{}{}", name.escape_debug(), hint.map(|name| format!(" (did you mean --{name}?)")).unwrap_or_default())]
    Unknown {
        /// As given, without dashes.
        name: String,
        /// A flag of a similar name.
        hint: Option<&'static str>,
    },
    /// Dashes without a flag name.
    #[error("bad flag syntax: {}", .0.escape_debug())]
    Syntax(String),
    /// A value of the wrong type or out of range.
    #[error("invalid value {value:?} for flag -{name}: {why}")]
    Value {
        /// The flag.
        name: &'static str,
        /// As given.
        value: String,
        /// What to write instead.
        why: String,
    },
    /// The last flag needs a value.
    #[error("flag needs an argument: -{0}")]
    NoValue(&'static str),
    /// An argument that belongs to no flag; Go would stop parsing here and drop the rest.
    #[error("unexpected word {word:?}: every argument is a flag{}", after.map(|name| format!(" (for a value of --{name} write --{name}={})", word.escape_debug())).unwrap_or_default())]
    Stray {
        /// The argument.
        word: String,
        /// The boolean flag before it, whose value it may be meant to be.
        after: Option<&'static str>,
    },
    /// An argument that is not UTF-8.
    #[error("an argument is not valid UTF-8: {}", .0.escape_debug())]
    NotText(String),
    /// Flags that conflict, or need another one.
    #[error("{0}")]
    Combination(String),
}

/// The flags of a command line: the last value of each counts, and the values of list flags add up.
#[derive(Debug, Default)]
pub struct Given {
    values: HashMap<&'static str, Value>,
    /// Names in the order in which they first came, for warnings.
    order: Vec<&'static str>,
}

impl Given {
    /// Parses the arguments after the program's name.
    ///
    /// # Errors
    /// [`UsageError`] for the first invalid argument.
    pub(crate) fn read(table: Table, words: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut words = words.into_iter().map(|word| {
            word.into_string().map_err(|word| UsageError::NotText(word.to_string_lossy().into_owned()))
        });
        let mut given = Self::default();
        let mut last_switch = None;
        while let Some(word) = words.next().transpose()? {
            let Some(body) = flag_body(&word)? else {
                // Go stops at "--" and at the first argument that is not a flag.
                match if word == "--" { words.next().transpose()? } else { Some(word) } {
                    Some(word) => return Err(UsageError::Stray { word, after: last_switch }),
                    None => return Ok(given),
                }
            };
            let (name, inline) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (body, None),
            };
            let flag = table
                .find(name)
                .ok_or_else(|| UsageError::Unknown { name: name.to_owned(), hint: table.nearest(name) })?;
            last_switch = None;
            let text = match (inline, flag.kind) {
                (Some(text), _) => text,
                (None, ValueKind::Bool) => {
                    last_switch = Some(flag.name);
                    "true".to_owned()
                }
                (None, _) => words.next().transpose()?.ok_or(UsageError::NoValue(flag.name))?,
            };
            given.set(flag, &text)?;
        }
        Ok(given)
    }

    fn set(&mut self, flag: &'static Spec, text: &str) -> Result<(), UsageError> {
        let mut value = value::parse(flag.kind, text).map_err(|why| UsageError::Value {
            name: flag.name,
            value: text.to_owned(),
            why: why.to_string(),
        })?;
        if let (true, Value::Text(more), Some(Value::Text(before))) =
            (flag.is_list, &mut value, self.values.get(flag.name))
        {
            *more = format!("{before},{more}");
        }
        if self.values.insert(flag.name, value).is_none() {
            self.order.push(flag.name);
        }
        Ok(())
    }

    /// The value of a flag, else its default.
    #[must_use]
    pub fn get<T: FlagValue>(&self, flag: &Flag<T>) -> T {
        let given = self.values.get(flag.spec.name).cloned();
        given.and_then(T::of).unwrap_or_else(|| default(flag))
    }

    /// The value of a text flag; `None` if it is empty.
    #[must_use]
    pub fn non_empty(&self, flag: &Flag<String>) -> Option<String> {
        Some(self.get(flag)).filter(|text| !text.is_empty())
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn has<T>(&self, flag: &Flag<T>) -> bool {
        self.values.contains_key(flag.spec.name)
    }

    /// One warning for each given flag that has no effect.
    pub(crate) fn warnings(&self, table: Table) -> Vec<String> {
        let flags = self.order.iter().filter_map(|name| table.find(name));
        flags
            .filter_map(|flag| match flag.effect {
                FlagEffect::Live => None,
                FlagEffect::Accepted => Some(format!("--{} has no effect: logs go to stderr", flag.name)),
                FlagEffect::Retired => {
                    Some(format!("--{} is retired and may be removed: {}", flag.name, flag.help))
                }
            })
            .collect()
    }
}

pub(crate) fn default<T: FlagValue>(flag: &Flag<T>) -> T {
    Value::of(T::KIND, flag.spec.default).and_then(T::of).unwrap_or_default()
}

/// The argument without its dashes; `None` if it is not a flag, or `--` alone.
fn flag_body(word: &str) -> Result<Option<&str>, UsageError> {
    let Some(body) = word.strip_prefix('-') else { return Ok(None) };
    if body.is_empty() || body == "-" {
        return Ok(None);
    }
    let body = body.strip_prefix('-').unwrap_or(body);
    if body.starts_with('-') || body.starts_with('=') {
        return Err(UsageError::Syntax(word.to_owned()));
    }
    Ok(Some(body))
}
