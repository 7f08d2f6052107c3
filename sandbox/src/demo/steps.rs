//! The steps of the demonstration. Each checks what a user could check.

use std::time::Duration;

use anyhow::{Context, ensure};
use kube::api::{DeleteParams, DynamicObject};
use kube::runtime::wait::await_condition;
use sandbox::driver::Method;
use serde_json::{Value, json};

use super::cluster::provision;
use super::data::Data;
use super::timeline::Timeline;
use crate::objects::{self, Kind, driver_name, kinds};
use crate::place::Place;

/// The time limit of each step.
const PATIENCE: Duration = Duration::from_secs(30);

/// The name of the claim.
pub(super) const CLAIM: &str = "mysql-pvc";
const SNAPSHOT: &str = "mysql-snapshot-demo";
const RESTORED: &str = "mysql-pvc-restored";

/// Where the demonstration plays.
pub(super) struct Demo<'a> {
    pub(super) place: &'a Place,
    pub(super) timeline: &'a Timeline,
}

/// A snapshot that is ready.
pub(super) struct Taken {
    /// The name of the `VolumeSnapshot`.
    name: &'static str,
    /// The name of its content.
    content: String,
    /// Its handle in the storage.
    handle: String,
}

/// A `VolumeSnapshot` of a claim; without a class it gets the default one.
pub(super) fn snapshot(name: &str, claim: &str, class: Option<&str>) -> Value {
    let mut spec = json!({"source": {"persistentVolumeClaimName": claim}});
    if let Some(class) = class {
        spec["volumeSnapshotClassName"] = class.into();
    }
    kinds::SNAPSHOT.named(name, json!({ "spec": spec }))
}

impl Demo<'_> {
    fn step(&self, what: &str) {
        self.timeline.step(what);
    }

    /// Creates a claim with a volume that holds data. Returns the handle of the volume.
    pub(super) async fn make_volume(&self) -> anyhow::Result<(String, Data)> {
        let handle = provision(self.place, CLAIM, None).await?;
        let data = Data::write(&self.place.driver.volume_path(&handle)?)?;
        self.step(&format!("claim {CLAIM} is bound, its volume holds {data}"));
        Ok((handle, data))
    }

    /// Takes a snapshot, and deletes its claim while the driver is at it: the claim stays until that is done.
    pub(super) async fn take_while_the_claim_is_deleted(&self) -> anyhow::Result<Taken> {
        let driver = &self.place.driver;
        driver.script().hold(Method::CreateSnapshot);
        self.place.create(kinds::SNAPSHOT, &snapshot(SNAPSHOT, CLAIM, None)).await?;
        self.step(&format!("VolumeSnapshot {SNAPSHOT} of {CLAIM} created, without naming a class"));
        let at_work =
            driver.wait_for_calls(|calls| calls.iter().any(|call| call.method == Method::CreateSnapshot));
        tokio::time::timeout(PATIENCE, at_work).await.context("the driver was not asked for a snapshot")?;
        self.delete_object(kinds::CLAIM, CLAIM).await?;
        let claim = kinds::CLAIM.api(&self.place.client).get(CLAIM).await?;
        ensure!(claim.metadata.deletion_timestamp.is_some(), "the claim is not being deleted");
        self.step(&format!("{CLAIM} deleted while its snapshot is being taken: it stays"));
        driver.script().let_go(Method::CreateSnapshot);
        let taken = self.ready(SNAPSHOT).await?;
        let stored = driver.snapshots();
        ensure!(stored.len() == 1, "storage holds {} snapshots instead of 1", stored.len());
        ensure!(
            stored[0].id == taken.handle,
            "the content names {:?}, storage has {:?}",
            taken.handle,
            stored[0].id
        );
        self.gone(kinds::CLAIM, CLAIM).await?;
        self.step(&format!("{CLAIM} is gone, now that its snapshot is ready"));
        Ok(taken)
    }

    /// Overwrites the volume, so that only the snapshot holds what was there.
    pub(super) fn overwrite(&self, volume: &str, data: &Data) -> anyhow::Result<()> {
        let path = self.place.driver.volume_path(volume)?;
        data.overwrite(&path)?;
        ensure!(!data.is_in(&path)?, "the volume still holds the old data");
        self.step("data of the volume overwritten");
        Ok(())
    }

    /// Restores a snapshot into a new claim, and compares every byte.
    pub(super) async fn restore(&self, taken: &Taken, data: &Data) -> anyhow::Result<()> {
        let volume = provision(self.place, RESTORED, Some((taken.name, &taken.handle))).await?;
        ensure!(data.is_in(&self.place.driver.volume_path(&volume)?)?, "the restored data differ");
        self.step(&format!("{} restored into {RESTORED}: every byte as before", taken.name));
        Ok(())
    }

    /// Deletes a snapshot whose class says Delete: its content and what is in the storage go with it.
    pub(super) async fn delete(&self, taken: &Taken) -> anyhow::Result<()> {
        self.delete_object(kinds::SNAPSHOT, taken.name).await?;
        self.gone(kinds::SNAPSHOT, taken.name).await?;
        self.gone(kinds::CONTENT, &taken.content).await?;
        self.holds(0)?;
        self.step(&format!("{} deleted: its content is gone, storage empty of snapshots", taken.name));
        Ok(())
    }

    /// Takes a snapshot whose class says Retain, deletes it, and imports what stays in the storage.
    pub(super) async fn retain_and_import(&self, data: &Data) -> anyhow::Result<()> {
        let kept = snapshot("kept", RESTORED, Some(objects::RETAINING));
        self.place.create(kinds::SNAPSHOT, &kept).await?;
        let taken = self.ready("kept").await?;
        for (kind, name) in [(kinds::SNAPSHOT, "kept"), (kinds::CONTENT, taken.content.as_str())] {
            self.delete_object(kind, name).await?;
            self.gone(kind, name).await?;
        }
        self.holds(1)?;
        self.step("a snapshot of a class that retains was taken and deleted: it stays in the storage");
        let content = kinds::CONTENT.named(
            "imported",
            json!({"spec": {
                "driver": driver_name(), "deletionPolicy": "Delete", "source": {"snapshotHandle": taken.handle},
                "volumeSnapshotRef": {"namespace": "default", "name": "imported"},
            }}),
        );
        self.place.create(kinds::CONTENT, &content).await?;
        let source = json!({"volumeSnapshotContentName": "imported"});
        let imported = kinds::SNAPSHOT.named("imported", json!({"spec": {"source": source}}));
        self.place.create(kinds::SNAPSHOT, &imported).await?;
        let imported = self.ready("imported").await?;
        let volume =
            provision(self.place, "mysql-pvc-imported", Some((imported.name, &imported.handle))).await?;
        ensure!(data.is_in(&self.place.driver.volume_path(&volume)?)?, "the imported data differ");
        self.step("it was imported by its handle, and restored: every byte as before");
        self.delete(&imported).await
    }

    /// Waits until a snapshot is ready, and shows it as `kubectl get` does.
    async fn ready(&self, name: &'static str) -> anyhow::Result<Taken> {
        let snapshot = self
            .wait(kinds::SNAPSHOT, name, "ready", |found| {
                found.is_some_and(|found| found.data["status"]["readyToUse"] == true)
            })
            .await?
            .context("the snapshot is gone")?;
        let (spec, status) = (&snapshot.data["spec"], &snapshot.data["status"]);
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let content = text(&status["boundVolumeSnapshotContentName"]);
        let bound = kinds::CONTENT.api(&self.place.client).get(&content).await?;
        let handle = text(&bound.data["status"]["snapshotHandle"]);
        self.step(&format!(
            "{name}: READYTOUSE true, SOURCEPVC {}, RESTORESIZE {}, SNAPSHOTCLASS {}, SNAPSHOTCONTENT {content}, \
             CREATIONTIME {}",
            text(&spec["source"]["persistentVolumeClaimName"]),
            text(&status["restoreSize"]),
            text(&spec["volumeSnapshotClassName"]),
            text(&status["creationTime"]),
        ));
        Ok(Taken { name, content, handle })
    }

    fn holds(&self, count: usize) -> anyhow::Result<()> {
        let stored = self.place.driver.snapshots();
        ensure!(stored.len() == count, "storage holds {} snapshots instead of {count}", stored.len());
        Ok(())
    }

    async fn delete_object(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        kind.api(&self.place.client).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    async fn gone(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        self.wait(kind, name, "gone", |found| found.is_none()).await.map(drop)
    }

    /// Watches an object until it is as wanted.
    async fn wait(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        wanted: impl Fn(Option<&DynamicObject>) -> bool,
    ) -> anyhow::Result<Option<DynamicObject>> {
        let api = kind.api(&self.place.client);
        if let Ok(object) = tokio::time::timeout(PATIENCE, await_condition(api.clone(), name, wanted)).await {
            return Ok(object?);
        }
        let seen = api.get_opt(name).await?;
        let seen = seen.map(|object| json!({"metadata": object.metadata, "status": object.data["status"]}));
        anyhow::bail!("{name} is not {what} after {} s: {}", PATIENCE.as_secs(), seen.unwrap_or(Value::Null))
    }
}
