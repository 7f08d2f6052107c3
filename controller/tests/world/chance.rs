//! What happens by chance. Each draw depends on the seed, on what it is for, and on how often that was drawn before: so a
//! story hardly changes elsewhere when one thing in it changes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub struct Chance {
    seed: u64,
    drawn: Mutex<HashMap<String, u32>>,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::default() }
    }

    /// The chance of one thing.
    pub fn of(&self, what: &str) -> fastrand::Rng {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let times = drawn.entry(what.to_owned()).or_default();
        *times += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, what, *times).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }
}

/// True in so many of a thousand cases.
pub fn strikes(chance: &mut fastrand::Rng, per_mille: u32) -> bool {
    chance.u32(0..1000) < per_mille
}

/// Mostly short, sometimes long.
pub fn delay(chance: &mut fastrand::Rng, longest: Duration) -> Duration {
    let share = match chance.u32(0..100) {
        0..60 => 0.001,
        60..90 => 0.02,
        90..98 => 0.2,
        _ => 1.0,
    };
    longest.mul_f64(share * chance.f64())
}
