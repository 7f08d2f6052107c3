//! Prints each step with its time.

use std::io::Write;
use std::time::Instant;

/// A list of steps, each with the time since the start in seconds.
pub(super) struct Timeline(Instant);

impl Timeline {
    pub(super) fn begin() -> Timeline {
        Timeline(Instant::now())
    }

    pub(super) fn step(&self, what: &str) {
        println!("{:8.3} s  {what}", self.0.elapsed().as_secs_f64());
        // A reader at the end of a pipe must see each line at once. If the pipe is closed, nobody reads it.
        drop(std::io::stdout().flush());
    }
}

/// Prints a command and its output, indented below the step.
pub(super) fn show(command: &str, output: &[String]) {
    println!("            $ {command}");
    for line in output {
        println!("            {line}");
    }
    println!();
}
