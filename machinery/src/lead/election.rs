//! Runs the leader election of a process, if it is enabled.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::elector::Elector;
use super::lease::Lease;
use super::protocol::Candidate;
use super::terms::{ElectionEnd, Timing, identity};
use crate::cluster::pod::namespace_in;
use crate::{clock, leadership::Leadership, metrics::BaseMetrics};

/// Where Kubernetes mounts the namespace of a pod.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of the Lease if the pod's namespace is unknown; the reference sidecar's choice.
const FALLBACK_NAMESPACE: &str = "default";
/// How often the leadership gauge is updated.
const GAUGE_PERIOD: Duration = Duration::from_secs(1);

/// Settings of an election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// Namespace of the Lease; `None` for the pod's own.
    pub namespace: Option<String>,
    /// The times; the lease duration in whole seconds.
    pub timing: Timing,
    /// Labels of the Lease.
    pub labels: BTreeMap<String, String>,
}

/// A running election, or none.
pub struct RunningElection {
    /// `None` without election, and after [`lost`](Self::lost).
    task: Option<JoinHandle<ElectionEnd>>,
    stop: CancellationToken,
}

/// Starts an election for the Lease `name`, if there are settings for one.
///
/// # Errors
/// The host name, which becomes part of the identity, cannot be read.
pub fn start(
    election: Option<Election>,
    client: kube::Client,
    leadership: &Leadership,
    metrics: &BaseMetrics,
    name: String,
) -> anyhow::Result<RunningElection> {
    let stop = CancellationToken::new();
    let Some(election) = election else { return Ok(RunningElection { task: None, stop }) };
    let Election { namespace, timing, labels } = election;
    let namespace = namespace.unwrap_or_else(|| FALLBACK_NAMESPACE.to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").context("cannot read the host's name")?;
    let lease = Lease::new(client, &namespace, &name);
    let identity = identity(host.trim());
    tracing::info!(lease = format!("{namespace}/{name}"), identity, "standing for election");
    let candidate =
        Candidate { identity, lease_duration: timing.lease_duration, namespace, name: name.clone(), labels };
    let elector = Elector::new(lease, candidate, timing, leadership.clone(), clock::now);
    tokio::spawn(update_gauge(leadership.clone(), metrics.clone(), name));
    let stopped = stop.clone().cancelled_owned();
    let task = tokio::spawn(async move { elector.run(stopped).await });
    Ok(RunningElection { task: Some(task), stop })
}

/// The settings with a namespace: the one that is set, else the pod's own.
#[must_use]
pub fn in_its_namespace(election: Election) -> Election {
    let namespace = election.namespace.or_else(|| namespace_in(Path::new(NAMESPACE_FILE)));
    if namespace.is_none() {
        tracing::warn!(
            "cannot tell this pod's namespace from {NAMESPACE_FILE}: the Lease is kept in {FALLBACK_NAMESPACE:?}; \
             set --leader-election-namespace or POD_NAMESPACE if replicas are to meet elsewhere"
        );
    }
    Election { namespace, ..election }
}

async fn update_gauge(leadership: Leadership, metrics: BaseMetrics, lease: String) {
    loop {
        metrics.leads(&lease, leadership.holds());
        tokio::time::sleep(GAUGE_PERIOD).await;
    }
}

impl RunningElection {
    /// Waits until leadership is lost, and returns why; the process has to end then.
    pub async fn lost(&mut self) -> anyhow::Error {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(ElectionEnd::Lost(loss)) => loss.into(),
            Ok(ElectionEnd::Stopped) => std::future::pending().await,
            Err(failed) => anyhow::Error::new(failed).context("the task of the leader election failed"),
        }
    }

    /// Stops the election and waits until the lease is released.
    pub async fn release(self) {
        self.stop.cancel();
        if let Some(task) = self.task {
            // If the task failed, nothing was released: the lease expires by itself.
            let _ = task.await;
        }
    }
}
