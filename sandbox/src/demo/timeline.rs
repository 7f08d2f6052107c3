//! Prints what happened and when.

use std::io::Write;
use std::time::Instant;

/// A list of steps, each with the seconds since the beginning.
pub(super) struct Timeline(Instant);

impl Timeline {
    pub(super) fn begin() -> Timeline {
        Timeline(Instant::now())
    }

    pub(super) fn step(&self, what: &str) {
        println!("{:8.3} s  {what}", self.0.elapsed().as_secs_f64());
        // Whoever reads along through a pipe shall see it now; whoever closed it does not want to.
        drop(std::io::stdout().flush());
    }
}
