//! A controller that sees what it is shown and nothing else, pass by pass: what a watch that lags makes of it.

use std::collections::HashSet;
use std::sync::Arc;

use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use machinery::clock;
use machinery::cluster::client::connect;
use machinery::cluster::event::recorder;
use machinery::cluster::limit::Rate;
use machinery::cluster::objects::Objects;
use machinery::leadership::Leadership;
use machinery::metrics::{BaseMetrics, counters};
use machinery::queue::worker::PassEnd;
use machinery::queue::{Key, Queue};
use machinery::shutdown::Ending;
use machinery::watch::Sink;
use model::claim::{Claim, Volume};
use model::class::{GroupClass, SingleClass};
use model::content::SingleContent;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use snapshot_controller::act::Work;
use snapshot_controller::caches::{Caches, Knowledge};
use snapshot_controller::metrics::Operations;
use snapshot_controller::rivals::Rivals;
use snapshot_controller::wake::{CachedKind, Feed, Pair, Queues};
use tokio_util::sync::CancellationToken;

use crate::common::{
    CLAIM, CLASS, CONTENT, GROUP, GROUP_CLASS, GROUP_CONTENT, Kind, NAMESPACE, SNAPSHOT, Stage, VOLUME,
};

/// The controller, without its watches.
pub struct Lagging<'s> {
    stage: &'s Stage,
    feed: Feed,
    pub work: Work,
    pub metrics: BaseMetrics,
}

impl<'s> Lagging<'s> {
    /// A controller that has been shown what there is now.
    pub async fn on(stage: &'s Stage) -> Self {
        let metrics = BaseMetrics::new().unwrap();
        let dropped = counters(&metrics.registry, "dropped", "Dropped.", &[]).unwrap();
        let lead = Leadership::always();
        let (kubeconfig, rate) = (stage.kubeconfig().to_owned(), Rate { qps: 1000.0, burst: 1000 });
        let rest = metrics.rest.clone();
        let api = connect(Some(kubeconfig), "lagging", rate, lead.clone(), rest).await.unwrap().api;
        let (events, writer) = recorder(
            api.clone(),
            "snapshot-controller".to_owned(),
            dropped.with_label_values::<&str>(&[]),
            clock::now,
        );
        tokio::spawn(writer.run(CancellationToken::new(), std::time::Duration::ZERO));
        let backoff = snapshot_controller::settings::parse([], &|_| None);
        let Ok(snapshot_controller::settings::Command::Run(settings)) = backoff else {
            panic!("no settings")
        };
        let queue = |name| Arc::new(Queue::new(settings.retry, metrics.work.queue(name)));
        let pair = |users, contents| Pair { users: queue(users), contents: queue(contents) };
        let queues = Queues { singles: pair("a", "b"), groups: pair("c", "d"), claims: queue("e") };
        let caches =
            Arc::new(Caches::new(Operations::new(&metrics).unwrap(), Rivals::new(&metrics).unwrap(), false));
        caches.know_of_groups(Knowledge::Full);
        let work = Work {
            caches: Arc::clone(&caches),
            queues: queues.clone(),
            snapshots: Objects::new(api.clone()),
            contents: Objects::new(api.clone()),
            group_snapshots: Objects::new(api.clone()),
            group_contents: Objects::new(api.clone()),
            claims: Objects::by_update(api),
            events,
            lead,
            ending: Ending::default(),
            keeps_mode: true,
        };
        let lagging = Self { stage, feed: Feed { caches, queues }, work, metrics };
        lagging.look().await;
        lagging
    }

    /// Shows everything that there is now.
    pub async fn look(&self) {
        self.show::<Volume>(VOLUME).await;
        self.show::<Claim>(CLAIM).await;
        self.show::<SingleClass>(CLASS).await;
        self.show::<SingleContent>(CONTENT).await;
        self.show::<Snapshot>(SNAPSHOT).await;
        self.show::<GroupClass>(GROUP_CLASS).await;
        self.show::<GroupContent>(GROUP_CONTENT).await;
        self.show::<GroupSnapshot>(GROUP).await;
    }

    /// Shows all objects of a kind as they are now.
    pub async fn show<B: CachedKind>(&self, kind: Kind) {
        let all = self.stage.api(kind).list(&ListParams::default()).await.unwrap();
        for object in all {
            let object = serde_json::to_value(object).unwrap();
            Sink::<B>::seen(&self.feed, serde_json::from_value(object).unwrap());
        }
    }

    /// A list of a kind as it is now: the keys, and its version.
    pub async fn list(&self, kind: Kind) -> (HashSet<String>, String) {
        let all = self.stage.api(kind).list(&ListParams::default()).await.unwrap();
        let key = |object: &DynamicObject| match &object.metadata.namespace {
            Some(namespace) => format!("{namespace}/{}", object.name_any()),
            None => object.name_any(),
        };
        (all.items.iter().map(key).collect(), all.metadata.resource_version.unwrap())
    }

    /// Shows that a list has these objects of a kind and no others.
    pub fn listed<B: CachedKind>(&self, (keys, version): &(HashSet<String>, String)) {
        Sink::<B>::listed(&self.feed, keys, version);
    }

    /// One pass over a snapshot of this name.
    pub async fn snapshot_pass(&self, name: &str) -> PassEnd {
        self.work.snapshot_pass(&Key::from(format!("{NAMESPACE}/{name}"))).await
    }

    /// One pass over a group snapshot of this name.
    pub async fn group_pass(&self, name: &str) -> PassEnd {
        self.work.group_pass(&Key::from(format!("{NAMESPACE}/{name}"))).await
    }
}
