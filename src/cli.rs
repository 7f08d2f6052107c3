//! The command line: Go's `flag` grammar over one table of flags.
//!
//! Drivers' charts were written for a Go program, so their words have to be read as Go reads them; where Go
//! silently drops words or panics later, we refuse with a line that says what to write instead.

use std::collections::HashMap;
use std::ffi::OsString;

use thiserror::Error;

pub mod duration;
mod help;
pub mod table;
mod value;

#[cfg(test)]
mod tests;

pub use help::help;
pub use value::Value;

use table::{Flag, Kind, find};

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
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
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
            let flag = find(name)
                .ok_or_else(|| UsageError::Unknown { name: name.to_owned(), hint: table::nearest(name) })?;
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

    fn set(&mut self, flag: &'static Flag, text: &str) -> Result<(), UsageError> {
        let mut value = value::parse(flag.kind, text).map_err(|why| UsageError::Value {
            name: flag.name,
            value: text.to_owned(),
            why: why.to_string(),
        })?;
        if let (true, Value::Text(more), Some(Value::Text(before))) =
            (flag.is_list(), &mut value, self.values.get(flag.name))
        {
            *more = format!("{before},{more}");
        }
        if self.values.insert(flag.name, value).is_none() {
            self.order.push(flag.name);
        }
        Ok(())
    }

    /// The value of a flag, if it was given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The flags that were given, each once.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.order
    }
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
