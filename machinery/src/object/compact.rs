//! Parts of the metadata in little room.

use std::num::NonZeroI64;

use jiff::Timestamp;

/// Name, uid and resourceVersion, one after the other in one text.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    text: Box<str>,
    name: u32,
    uid: u32,
}

impl Identity {
    /// Of texts that are shorter than 4 GiB together, as everything that the API server sends.
    pub(super) fn new(name: &str, uid: &str, version: &str) -> Self {
        let end = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let text = [name, uid, version].concat().into_boxed_str();
        Self { text, name: end(name.len()), uid: end(name.len() + uid.len()) }
    }

    fn part(&self, from: u32, to: u32) -> &str {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.part(0, self.name)
    }

    pub(super) fn uid(&self) -> &str {
        self.part(self.name, self.uid)
    }

    pub(super) fn version(&self) -> &str {
        self.text.get(self.uid as usize..).unwrap_or_default()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} at {}", self.name(), self.uid(), self.version())
    }
}

/// A time in whole seconds, which is all that the API server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Second(NonZeroI64);

/// More than the seconds of any time: added to them, the sum is never 0.
const BEYOND: i64 = 1 << 40;

impl Second {
    pub(super) fn of(time: Timestamp) -> Option<Self> {
        NonZeroI64::new(time.as_second() + BEYOND).map(Self)
    }

    pub(super) fn time(self) -> Option<Timestamp> {
        Timestamp::from_second(self.0.get() - BEYOND).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_are_told_apart() {
        for (name, uid, version) in [("", "", ""), ("n", "", "7"), ("", "u", ""), ("größe", "u-1", "12")] {
            let identity = Identity::new(name, uid, version);
            assert_eq!((identity.name(), identity.uid(), identity.version()), (name, uid, version));
        }
        assert_ne!(Identity::new("ab", "c", ""), Identity::new("a", "bc", ""));
    }

    #[test]
    fn every_time_survives() {
        for text in
            ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-12-01T00:00:01Z", "9999-12-30T22:00:00Z"]
        {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(Second::of(time).and_then(Second::time), Some(time), "{text}");
        }
        assert_eq!(size_of::<Option<Second>>(), 8);
    }
}
