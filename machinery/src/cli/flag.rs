//! Flags as a program declares them: typed for whoever reads them, and a table of all for the grammar and the help.

use std::marker::PhantomData;
use std::time::Duration;

use super::value::{Kind, Value};

/// Whether a flag has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does what it says.
    Live,
    /// Taken from klog's family and without effect: logs go to stderr, always.
    Accepted,
    /// Once the reference's, now without effect; a warning says so.
    Retired,
}

/// A row of the table: everything about a flag but the Rust type of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Without dashes.
    pub name: &'static str,
    /// Type of its value.
    pub kind: Kind,
    /// As help shows it; "" for none.
    pub default: &'static str,
    /// Heading in the help.
    pub group: &'static str,
    /// One line.
    pub help: &'static str,
    /// Whether it has an effect.
    pub effect: Effect,
    /// Whether each repetition adds to the ones before, as in Go programs where these fill a map.
    pub is_list: bool,
}

/// A type that a flag's value may have.
pub trait FlagValue: Default {
    /// How its text is read.
    const KIND: Kind;
    /// The value, if it is of this type.
    fn of(value: Value) -> Option<Self>;
}

/// A flag whose value is a `T`. What reads a flag names this, so that no name and no type can be wrong.
#[derive(Debug, Clone, Copy)]
pub struct Flag<T> {
    /// Its row in the table.
    pub spec: Spec,
    value: PhantomData<fn() -> T>,
}

impl<T: FlagValue> Flag<T> {
    /// A flag that does what its help says.
    #[must_use]
    pub const fn new(
        group: &'static str,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        let spec = Spec { name, kind: T::KIND, default, group, help, effect: Effect::Live, is_list: false };
        Self { spec, value: PhantomData }
    }

    /// The same flag, whose repetitions add up.
    #[must_use]
    pub const fn list(self) -> Self {
        Self { spec: Spec { is_list: true, ..self.spec }, value: PhantomData }
    }

    /// The same flag, retired: `help` says what to write instead.
    #[must_use]
    pub const fn retired(self) -> Self {
        Self { spec: Spec { effect: Effect::Retired, ..self.spec }, value: PhantomData }
    }

    /// The flag with another default.
    #[must_use]
    pub const fn with_default(self, default: &'static str) -> Self {
        Self { spec: Spec { default, ..self.spec }, value: PhantomData }
    }
}

/// A flag of klog's family, accepted and without effect.
#[must_use]
pub const fn accepted(name: &'static str, kind: Kind, help: &'static str) -> Spec {
    Spec { name, kind, default: "", group: "Logging", help, effect: Effect::Accepted, is_list: false }
}

/// Every flag of a program, in the order of its help: the one source of grammar, help and documents.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static [&'static [Spec]]);

impl Table {
    /// Every flag.
    pub fn iter(self) -> impl Iterator<Item = &'static Spec> {
        self.0.iter().copied().flatten()
    }

    /// The flag of a name; `h` is short for `help`.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'static Spec> {
        let name = if name == "h" { "help" } else { name };
        self.iter().find(|flag| flag.name == name)
    }

    /// The flag whose name is most like this one, if any is like it.
    #[must_use]
    pub fn nearest(self, name: &str) -> Option<&'static str> {
        let name: String = name.chars().take(64).collect();
        let (distance, nearest) = self.iter().map(|flag| (distance(&name, flag.name), flag.name)).min()?;
        (distance <= 3 && distance * 2 < nearest.len()).then_some(nearest)
    }
}

/// How many characters have to be added, dropped or changed to make one word of the other.
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

impl FlagValue for bool {
    const KIND: Kind = Kind::Bool;
    fn of(value: Value) -> Option<Self> {
        if let Value::Bool(value) = value { Some(value) } else { None }
    }
}

impl FlagValue for i64 {
    const KIND: Kind = Kind::Int;
    fn of(value: Value) -> Option<Self> {
        if let Value::Int(value) = value { Some(value) } else { None }
    }
}

impl FlagValue for f64 {
    const KIND: Kind = Kind::Float;
    fn of(value: Value) -> Option<Self> {
        if let Value::Float(value) = value { Some(value) } else { None }
    }
}

impl FlagValue for Duration {
    const KIND: Kind = Kind::Duration;
    fn of(value: Value) -> Option<Self> {
        if let Value::Duration(value) = value { Some(value) } else { None }
    }
}

impl FlagValue for String {
    const KIND: Kind = Kind::Text;
    fn of(value: Value) -> Option<Self> {
        if let Value::Text(value) = value { Some(value) } else { None }
    }
}
