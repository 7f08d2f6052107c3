//! The election, if there is one: its task, and how its end ends the process.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::elector::Elector;
use super::lease::Lease;
use super::protocol::Candidate;
use super::terms::{Outcome, Timing, identity};
use crate::claim::Claim;
use crate::clock;
use crate::metrics::BaseMetrics;

/// Where Kubernetes tells a pod its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Where the Lease is kept where nothing tells the pod's namespace.
const FALLBACK_NAMESPACE: &str = "default";
/// How often the gauge of leadership is brought up to date.
const GAUGE_PERIOD: Duration = Duration::from_secs(1);

/// How to stand for election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// Where the Lease is kept; `None` for the pod's own namespace.
    pub namespace: Option<String>,
    /// Its times; the lease duration in whole seconds.
    pub timing: Timing,
    /// Labels of the Lease.
    pub labels: BTreeMap<String, String>,
}

/// An election under way, or that there is none.
pub struct Running {
    /// Until its end was told.
    task: Option<JoinHandle<Outcome>>,
    stop: CancellationToken,
}

/// Starts an election, if there is to be one, for the Lease of a name.
///
/// # Errors
/// The host has no name to stand under.
pub fn start(
    election: Option<Election>,
    client: kube::Client,
    claim: &Claim,
    metrics: &BaseMetrics,
    name: String,
) -> anyhow::Result<Running> {
    let stop = CancellationToken::new();
    let Some(election) = election else { return Ok(Running { task: None, stop }) };
    let Election { namespace, timing, labels } = election;
    let namespace = namespace.unwrap_or_else(|| FALLBACK_NAMESPACE.to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").context("cannot read the host's name")?;
    let lease = Lease::new(client, &namespace, &name);
    let identity = identity(host.trim());
    tracing::info!(lease = format!("{namespace}/{name}"), identity, "standing for election");
    let candidate =
        Candidate { identity, lease_duration: timing.lease_duration, namespace, name: name.clone(), labels };
    let elector = Elector::new(lease, candidate, timing, claim.clone(), clock::now);
    tokio::spawn(show(claim.clone(), metrics.clone(), name));
    let stopped = stop.clone().cancelled_owned();
    let task = tokio::spawn(async move { elector.run(stopped).await });
    Ok(Running { task: Some(task), stop })
}

/// The election with its namespace settled: as set, else the pod's own, else `default`, as the reference has it.
#[must_use]
pub fn in_its_namespace(election: Election) -> Election {
    let namespace = election.namespace.or_else(|| own_namespace(Path::new(NAMESPACE_FILE)));
    if namespace.is_none() {
        tracing::warn!(
            "cannot tell this pod's namespace from {NAMESPACE_FILE}: the Lease is kept in {FALLBACK_NAMESPACE:?}; \
             set --leader-election-namespace or POD_NAMESPACE if replicas are to meet elsewhere"
        );
    }
    Election { namespace, ..election }
}

fn own_namespace(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}

async fn show(claim: Claim, metrics: BaseMetrics, lease: String) {
    loop {
        metrics.leads(&lease, claim.holds());
        tokio::time::sleep(GAUGE_PERIOD).await;
    }
}

impl Running {
    /// Waits for the end of an election that was not asked to stop: the lead is lost, and with it the process.
    pub async fn lost(&mut self) -> anyhow::Error {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(Outcome::Lost(loss)) => loss.into(),
            Ok(Outcome::Stopped) => std::future::pending().await,
            Err(failed) => anyhow::Error::new(failed).context("the task of the leader election failed"),
        }
    }

    /// Stops it, and waits until the lease is released; at once if the lead is lost already.
    pub async fn release(self) {
        self.stop.cancel();
        if let Some(task) = self.task {
            // A task that failed has released nothing: the lease runs out by itself.
            let _ = task.await;
        }
    }
}
