//! The most memory that a process holds, for tests with a limit.

use std::time::Duration;

use tokio::task::JoinHandle;

/// Watches a process until it ends, and returns the most that it held, in KiB.
#[must_use]
pub fn watch(pid: u32) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let mut most = 0;
        while let Some(now) = highest(pid) {
            most = now.max(most);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        most
    })
}

/// The most that a running process has held, in KiB; `None` once it has ended.
fn highest(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
