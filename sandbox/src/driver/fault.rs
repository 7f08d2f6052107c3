//! The ways in which a call can be made to go wrong.

use std::collections::VecDeque;

use tonic::{Code, Status};

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The call fails and storage stays as it was.
    Before(Status),
    /// Storage changes as asked, then the call fails.
    After(Status),
    /// The call never answers and storage stays as it was.
    Hang,
    /// Storage changes as asked; the answer's headers come, its body never does.
    HangAfterHeaders,
    /// Storage changes as asked; the answer is broken in this way.
    Malformed(Malformed),
}

impl Fault {
    /// A failure with this code that leaves storage as it was.
    #[must_use]
    pub fn before(code: Code) -> Fault {
        Fault::Before(Status::new(code, "scripted failure"))
    }

    /// A failure with this code after storage changed as asked.
    #[must_use]
    pub fn after(code: Code) -> Fault {
        Fault::After(Status::new(code, "scripted failure"))
    }
}

/// What is wrong with an answer. A message that lacks the field in question is sent unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The message holds nothing at all. Of `Probe` this means ready.
    Empty,
    /// The id (of `GetPluginInfo`: the name) is an empty string.
    NoId,
    /// The snapshot claims to be of another volume.
    OtherSource,
    /// The creation time is 300,000 years away.
    AbsurdSeconds,
    /// The creation time has more nanoseconds than a second has, and fewer than none.
    AbsurdNanos,
    /// The creation time is that of a Go program which never set one: the first day of the year 1.
    GoZeroTime,
    /// The creation time is the last second of the year 9999, which in places means "never".
    EndOfTime,
    /// The size is below zero.
    NegativeSize,
    /// The size is 0, as of a snapshot that is not measured yet.
    NoSize,
    /// The members of a group have no id.
    NoMemberIds,
    /// A list names a next page, whose token is always the same.
    SameToken,
    /// There is no creation time.
    NoCreationTime,
    /// The message is larger than the 4 MiB that a client takes by default.
    Oversized,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// The next calls of the method, this many.
    Next(u32),
    /// Every call until the script is cleared.
    UntilCleared,
    /// Each call with this probability (0 to 1), the same calls for the same seed, until the script is cleared.
    Chance {
        /// From 0, never, to 1, always.
        probability: f64,
        /// What the sequence of chances is made from.
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

/// The faults that wait for the calls of one method. The first that strikes is the call's; a later rule comes
/// into force when those before it are used up or miss.
#[derive(Debug, Default)]
pub(super) struct Rules(VecDeque<Rule>);

impl Rules {
    pub(super) fn push(&mut self, fault: Fault, times: Times) {
        let left = match times {
            Times::Next(count) => Left::Count(count),
            Times::UntilCleared => Left::Endless,
            Times::Chance { probability, seed } => Left::Chance(probability, fastrand::Rng::with_seed(seed)),
        };
        self.0.push_back(Rule { fault, left });
    }

    /// The fault of the next call, if one strikes.
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
        let mut rules = Rules::default();
        rules.push(Fault::before(Code::Aborted), Times::Next(2));
        rules.push(Fault::after(Code::Internal), Times::Next(1));
        let struck: Vec<_> = (0..4).map(|_| code(rules.draw())).collect();
        assert_eq!(struck, [Some(Code::Aborted), Some(Code::Aborted), Some(Code::Internal), None]);
    }

    #[test]
    fn a_chance_with_the_same_seed_strikes_the_same_calls() {
        let struck = || {
            let mut rules = Rules::default();
            rules.push(Fault::before(Code::Unavailable), Times::Chance { probability: 0.5, seed: 7 });
            (0..64).map(|_| rules.draw().is_some()).collect::<Vec<_>>()
        };
        let first = struck();
        assert_eq!(first, struck());
        assert!(first.contains(&true) && first.contains(&false));
    }
}
