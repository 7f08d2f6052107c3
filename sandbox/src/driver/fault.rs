//! The faults that a script can give to a call.

use std::collections::VecDeque;

use tonic::{Code, Status};

/// The fault of one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The call fails, and storage does not change.
    Before(Status),
    /// Storage changes as requested, then the call fails.
    After(Status),
    /// The call never returns, and storage does not change.
    Hang,
    /// Storage changes as requested. The headers of the answer are sent, but its body never is.
    HangAfterHeaders,
    /// Storage changes as requested, and the answer is malformed in this way.
    Malformed(Malformed),
}

impl Fault {
    /// A failure with this code that does not change storage.
    #[must_use]
    pub fn before(code: Code) -> Fault {
        Fault::Before(Status::new(code, "scripted failure"))
    }

    /// A failure with this code after storage has changed as requested.
    #[must_use]
    pub fn after(code: Code) -> Fault {
        Fault::After(Status::new(code, "scripted failure"))
    }
}

/// The way in which an answer is malformed. A message without the field in question is sent unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The message is empty. For `Probe` this means ready.
    Empty,
    /// The id is an empty string; for `GetPluginInfo` it is the name.
    NoId,
    /// The snapshot has the id of another source volume.
    OtherSource,
    /// The creation time is 300,000 years in the future.
    AbsurdSeconds,
    /// The nanoseconds of the creation time are out of range: too many, and negative.
    AbsurdNanos,
    /// The creation time is the first day of the year 1, as from a Go program that has never set it.
    GoZeroTime,
    /// The creation time is the last second of the year 9999, which some programs use for "never".
    EndOfTime,
    /// The size is negative.
    NegativeSize,
    /// The size is 0, as for a snapshot whose size is not known yet.
    NoSize,
    /// The members of a group have no id.
    NoMemberIds,
    /// A list always has a next page, with the same token each time.
    SameToken,
    /// The creation time is missing.
    NoCreationTime,
    /// The message is larger than the 4 MiB that a client accepts by default.
    Oversized,
}

/// How often a fault occurs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// In this many of the next calls of the method.
    Next(u32),
    /// In every call until the script is cleared.
    UntilCleared,
    /// In each call with this probability until the script is cleared. The same seed chooses the same calls.
    Chance {
        /// The probability from 0 (never) to 1 (always).
        probability: f64,
        /// The seed of the random numbers.
        seed: u64,
    },
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    left: Left,
}

#[derive(Debug)]
enum Left {
    Count(u32),
    Endless,
    Chance(f64, fastrand::Rng),
}

/// The faults for the calls of one method. A call gets the first one that occurs; a later rule is used only if those
/// before it are used up or do not occur.
#[derive(Debug, Default)]
pub(super) struct FaultRules(VecDeque<Rule>);

impl FaultRules {
    pub(super) fn push(&mut self, fault: Fault, times: Times) {
        let left = match times {
            Times::Next(count) => Left::Count(count),
            Times::UntilCleared => Left::Endless,
            Times::Chance { probability, seed } => Left::Chance(probability, fastrand::Rng::with_seed(seed)),
        };
        self.0.push_back(Rule { fault, left });
    }

    /// The fault of the next call, if any occurs.
    pub(super) fn draw(&mut self) -> Option<Fault> {
        self.0.retain(|rule| !matches!(rule.left, Left::Count(0)));
        for rule in &mut self.0 {
            let strikes = match &mut rule.left {
                Left::Count(count) => {
                    *count -= 1;
                    true
                }
                Left::Endless => true,
                Left::Chance(probability, random) => random.f64() < *probability,
            };
            if strikes {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(fault: Option<Fault>) -> Option<Code> {
        match fault {
            Some(Fault::Before(status) | Fault::After(status)) => Some(status.code()),
            Some(Fault::Hang | Fault::HangAfterHeaders | Fault::Malformed(_)) | None => None,
        }
    }

    #[test]
    fn rules_strike_in_the_order_they_were_given_and_then_no_more() {
        let mut rules = FaultRules::default();
        rules.push(Fault::before(Code::Aborted), Times::Next(2));
        rules.push(Fault::after(Code::Internal), Times::Next(1));
        let struck: Vec<_> = (0..4).map(|_| code(rules.draw())).collect();
        assert_eq!(struck, [Some(Code::Aborted), Some(Code::Aborted), Some(Code::Internal), None]);
    }

    #[test]
    fn a_chance_with_the_same_seed_strikes_the_same_calls() {
        let struck = || {
            let mut rules = FaultRules::default();
            rules.push(Fault::before(Code::Unavailable), Times::Chance { probability: 0.5, seed: 7 });
            (0..64).map(|_| rules.draw().is_some()).collect::<Vec<_>>()
        };
        let first = struck();
        assert_eq!(first, struck());
        assert!(first.contains(&true) && first.contains(&false));
    }
}
