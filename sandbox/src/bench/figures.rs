//! The figures of the benchmark, and how they are printed.

use std::fmt;
use std::time::Duration;

use crate::program::MemoryUse;

/// The figures of one run.
pub(super) struct Figures {
    pub(super) contents: usize,
    pub(super) taking: Duration,
    pub(super) deleting: Duration,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// The number of API requests of the sidecar.
    pub(super) requests: usize,
    pub(super) creates: usize,
    pub(super) deletes: usize,
    /// The CPU time of the sidecar for taking the snapshots.
    pub(super) cpu_taking: Duration,
    /// The CPU time for taking and deleting them.
    pub(super) cpu: Duration,
    /// The memory before there were any contents.
    pub(super) idle: MemoryUse,
    /// The memory while all contents existed.
    pub(super) full: MemoryUse,
    /// The memory after they were deleted.
    pub(super) end: MemoryUse,
    pub(super) foreign: usize,
    pub(super) first_ready: Duration,
}

/// The smallest of the sorted values that is not exceeded by this percentage of them.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

impl fmt::Display for Figures {
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.contents as f64;
        let rate = |time: Duration| contents / time.as_secs_f64().max(f64::EPSILON);
        let each = |count: usize| count as f64 / contents;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let mb = |kilobytes: u64| kilobytes as f64 / 1024.0;
        writeln!(out)?;
        writeln!(out, "  snapshots taken          {:9.1} /s", rate(self.taking))?;
        writeln!(out, "  snapshots deleted        {:9.1} /s", rate(self.deleting))?;
        writeln!(out, "  creation to ready, p50   {:9.1} ms", ms(self.p50))?;
        writeln!(out, "  creation to ready, p99   {:9.1} ms", ms(self.p99))?;
        writeln!(out, "  API requests each        {:9.2}    (taken and deleted)", each(self.requests))?;
        writeln!(out, "  CreateSnapshot each      {:9.2}", each(self.creates))?;
        writeln!(out, "  DeleteSnapshot each      {:9.2}", each(self.deletes))?;
        let (taking, cpu) = (ms(self.cpu_taking) / contents, ms(self.cpu) / contents);
        writeln!(out, "  CPU of the sidecar each  {cpu:9.2} ms (taken {taking:.2}, then deleted)")?;
        let foreign = format!("idle, {} foreign", self.foreign);
        let memory =
            [(foreign.as_str(), self.idle), ("all are there", self.full), ("all are gone", self.end)];
        for (when, MemoryUse { resident, anonymous }) in memory {
            let (all, own) = (mb(resident), mb(anonymous));
            writeln!(out, "  RSS, {when:<19} {all:9.1} MB (of it {own:.1} MB allocated)")?;
        }
        write!(out, "  start to first ready     {:9.1} ms", ms(self.first_ready))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
