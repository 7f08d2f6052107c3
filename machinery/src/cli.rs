//! The command line: Go's `flag` grammar over a program's table of flags.
//!
//! Drivers' charts were written for a Go program, so their words have to be read as Go reads them; where Go
//! silently drops words or panics later, we refuse with a line that says what to write instead.

use std::collections::HashMap;
use std::ffi::OsString;

use thiserror::Error;

pub mod duration;
pub mod flag;
mod help;
mod value;

#[cfg(test)]
mod tests;

pub use flag::{Effect, Flag, Spec, Table};
pub use help::{Page, help};
pub use value::{Kind, Value};

use flag::FlagValue;

/// What is wrong with a command line, in one line that names the word and says what to write.
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
    /// Dashes that are no flag.
    #[error("bad flag syntax: {}", .0.escape_debug())]
    Syntax(String),
    /// A value that is not of the flag's type or range.
    #[error("invalid value {value:?} for flag -{name}: {why}")]
    Value {
        /// The flag.
        name: &'static str,
        /// As given.
        value: String,
        /// What it should be.
        why: String,
    },
    /// A flag at the end that needs a value.
    #[error("flag needs an argument: -{0}")]
    NoValue(&'static str),
    /// A word that belongs to no flag; Go would stop reading here and drop the rest.
    #[error("unexpected word {word:?}: every argument is a flag{}", after.map(|name| format!(" (for a value of --{name} write --{name}={})", word.escape_debug())).unwrap_or_default())]
    Stray {
        /// The word.
        word: String,
        /// The boolean flag before it, whose value it may have been meant to be.
        after: Option<&'static str>,
    },
    /// An argument that is not UTF-8.
    #[error("an argument is not valid UTF-8: {}", .0.escape_debug())]
    NotText(String),
    /// Flags that do not go together, or lack something.
    #[error("{0}")]
    Combination(String),
}

/// Flags as given: the last of each counts, and those that are lists add up.
#[derive(Debug, Default)]
pub struct Given {
    values: HashMap<&'static str, Value>,
    /// Names in the order of their first appearance, for warnings.
    order: Vec<&'static str>,
}

impl Given {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// [`UsageError`] for the first word that cannot be read.
    pub fn read(table: Table, words: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut words = words.into_iter().map(|word| {
            word.into_string().map_err(|word| UsageError::NotText(word.to_string_lossy().into_owned()))
        });
        let mut given = Self::default();
        let mut last_switch = None;
        while let Some(word) = words.next().transpose()? {
            let Some(body) = flag_body(&word)? else {
                // Go stops at "--" as well as at the first word that is no flag.
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
                (None, Kind::Bool) => {
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

    /// The value of a flag: as given, else its default.
    #[must_use]
    pub fn get<T: FlagValue>(&self, flag: &Flag<T>) -> T {
        let given = self.values.get(flag.spec.name).cloned();
        given.and_then(T::of).unwrap_or_else(|| default(flag))
    }

    /// The value of a flag of text, `None` where it is empty.
    #[must_use]
    pub fn non_empty(&self, flag: &Flag<String>) -> Option<String> {
        Some(self.get(flag)).filter(|text| !text.is_empty())
    }

    /// Whether a flag was given at all.
    #[must_use]
    pub fn has<T>(&self, flag: &Flag<T>) -> bool {
        self.values.contains_key(flag.spec.name)
    }

    /// One warning for each flag that was given and has no effect.
    #[must_use]
    pub fn warnings(&self, table: Table) -> Vec<String> {
        let flags = self.order.iter().filter_map(|name| table.find(name));
        flags
            .filter_map(|flag| match flag.effect {
                Effect::Live => None,
                Effect::Accepted => Some(format!("--{} has no effect: logs go to stderr", flag.name)),
                Effect::Retired => {
                    Some(format!("--{} is retired and may be removed: {}", flag.name, flag.help))
                }
            })
            .collect()
    }
}

/// What a flag is where it was not given.
#[must_use]
pub fn default<T: FlagValue>(flag: &Flag<T>) -> T {
    Value::of(T::KIND, flag.spec.default).and_then(T::of).unwrap_or_default()
}

/// What stands after the dashes; `None` for a word that is no flag, and for `--` alone.
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
