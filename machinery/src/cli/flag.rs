//! Declarations of flags: typed constants for the code that reads them, and a table for the parser and the help.

use std::marker::PhantomData;
use std::time::Duration;

use super::value::{Value, ValueKind};

/// Whether a flag has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagEffect {
    /// It has an effect.
    Live,
    /// A flag of klog, accepted without effect: logs always go to stderr.
    Accepted,
    /// A former flag of the reference sidecar, accepted with a warning and without effect.
    Retired,
}

/// A row of the table: a flag without the Rust type of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Without dashes.
    pub name: &'static str,
    /// Type of its value.
    pub kind: ValueKind,
    /// The default in the flag's own syntax; "" for none.
    pub default: &'static str,
    pub(crate) group: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// Whether it has an effect.
    pub effect: FlagEffect,
    /// Whether repeated values are joined with commas, as in Go programs whose flag fills a map.
    pub(crate) is_list: bool,
}

/// A Rust type of flag values.
pub trait FlagValue: Default {
    /// The syntax of its values.
    const KIND: ValueKind;
    /// The value, if it is of this type.
    fn of(value: Value) -> Option<Self>;
}

/// A flag whose value is a `T`. Code reads a flag by this constant, so a wrong name or type does not compile.
#[derive(Debug, Clone, Copy)]
pub struct Flag<T> {
    /// The row for the table.
    pub spec: Spec,
    value: PhantomData<fn() -> T>,
}

impl<T: FlagValue> Flag<T> {
    /// A flag with an effect.
    #[must_use]
    pub const fn new(
        group: &'static str,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        let spec =
            Spec { name, kind: T::KIND, default, group, help, effect: FlagEffect::Live, is_list: false };
        Self { spec, value: PhantomData }
    }

    /// Makes repeated values add up.
    #[must_use]
    pub const fn list(self) -> Self {
        Self { spec: Spec { is_list: true, ..self.spec }, value: PhantomData }
    }

    /// Retires the flag: `help` says what to use instead.
    #[must_use]
    pub const fn retired(self) -> Self {
        Self { spec: Spec { effect: FlagEffect::Retired, ..self.spec }, value: PhantomData }
    }
}

/// A flag of klog, accepted without effect.
#[must_use]
pub(crate) const fn accepted(name: &'static str, kind: ValueKind, help: &'static str) -> Spec {
    Spec { name, kind, default: "", group: "Logging", help, effect: FlagEffect::Accepted, is_list: false }
}

/// Every flag of a program in the order of its help; the single source for the parser, the help and the documents.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static [&'static [Spec]]);

impl Table {
    /// All flags, in order.
    pub fn iter(self) -> impl Iterator<Item = &'static Spec> {
        self.0.iter().copied().flatten()
    }

    /// The flag with this name; `h` is short for `help`, and `o` for `output`.
    pub(crate) fn find(self, name: &str) -> Option<&'static Spec> {
        let name = match name {
            "h" => "help",
            "o" => "output",
            name => name,
        };
        self.iter().find(|flag| flag.name == name)
    }

    /// The flag with the most similar name, if there is a similar one.
    pub(crate) fn nearest(self, name: &str) -> Option<&'static str> {
        let name: String = name.chars().take(64).collect();
        let (distance, nearest) = self.iter().map(|flag| (distance(&name, flag.name), flag.name)).min()?;
        (distance <= 3 && distance * 2 < nearest.len()).then_some(nearest)
    }
}

/// The Levenshtein distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

macro_rules! flag_value {
    ($type:ty, $kind:ident) => {
        impl FlagValue for $type {
            const KIND: ValueKind = ValueKind::$kind;
            fn of(value: Value) -> Option<Self> {
                if let Value::$kind(value) = value { Some(value) } else { None }
            }
        }
    };
}

flag_value!(bool, Bool);
flag_value!(i64, Int);
flag_value!(f64, Float);
flag_value!(Duration, Duration);
flag_value!(String, Text);
