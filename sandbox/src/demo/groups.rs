//! The step of the group: two claims whose snapshots are taken at one instant, and go together.

use std::collections::BTreeMap;

use anyhow::Context;
use futures_util::TryStreamExt;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};

use super::data::Data;
use super::steps::{Demo, PATIENCE, is_ready};
use crate::examples;
use crate::objects::kinds;

/// The name of the group snapshot in `examples/`.
const GROUP: &str = "shop-snapshot";

impl Demo<'_> {
    /// Takes a snapshot of two claims at once, shows its members, and deletes it: they go with it.
    pub(super) async fn take_a_group(&self) -> anyhow::Result<()> {
        let before = self.place.driver.snapshots().len();
        let claims = self.place.apply(examples::GROUP_CLAIMS)?;
        for claim in &claims {
            let volume = self.volume_of(claim).await?;
            Data::write(&self.place.driver.volume_path(&volume)?)?;
        }
        self.step(&format!("claims {} are bound, with one label", claims.join(" and ")));
        self.place.apply(examples::GROUP)?;
        let group = self.wait(kinds::GROUP, GROUP, "ready", is_ready).await?.context("the group is gone")?;
        let members = self.members(claims.len()).await?;
        self.holds(before + members.len())?;
        self.step(&format!("{GROUP} is ready, with a snapshot of each claim"));
        self.show(kinds::GROUP, Some(GROUP)).await?;
        self.show(kinds::SNAPSHOT, None).await?;
        self.delete_object(kinds::GROUP, GROUP).await?;
        self.gone(kinds::GROUP, GROUP).await?;
        let content = group.data["status"]["boundVolumeGroupSnapshotContentName"].as_str();
        self.gone(kinds::GROUP_CONTENT, content.context("the group has no content")?).await?;
        for (snapshot, content) in members {
            self.gone(kinds::SNAPSHOT, &snapshot).await?;
            self.gone(kinds::CONTENT, &content).await?;
        }
        self.holds(before)?;
        self.step(&format!("{GROUP} deleted: its members and their contents are gone, also in the storage"));
        Ok(())
    }

    /// Watches until so many members are ready. Returns the name of each and of its content.
    async fn members(&self, count: usize) -> anyhow::Result<BTreeMap<String, String>> {
        let snapshots = watcher(kinds::SNAPSHOT.api(&self.place.client), watcher::Config::default());
        let mut seen = std::pin::pin!(snapshots.default_backoff().applied_objects());
        let mut members = BTreeMap::new();
        let all = async {
            while members.len() < count {
                let found = seen.try_next().await?.context("the watch has ended")?;
                let status = &found.data["status"];
                if status["volumeGroupSnapshotName"] == GROUP && is_ready(Some(&found)) {
                    let content = status["boundVolumeSnapshotContentName"].as_str().unwrap_or_default();
                    members.insert(found.name_any(), content.to_owned());
                }
            }
            anyhow::Ok(())
        };
        let waited = tokio::time::timeout(PATIENCE, all).await;
        waited.with_context(|| format!("{GROUP} has not {count} ready members in time"))??;
        Ok(members)
    }
}
