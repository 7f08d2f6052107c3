//! The steps of the demonstration. Each checks what a user could check.

use std::time::Duration;

use anyhow::{Context, ensure};
use kube::api::{DeleteParams, DynamicObject};
use kube::runtime::wait::await_condition;
use sandbox::driver::Method;
use serde_json::{Value, json};

use super::data::Data;
use super::table;
use super::timeline::{self, Timeline};
use crate::examples;
use crate::objects::{Kind, kinds};
use crate::place::Place;

/// The time limit of each step.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

// The names in `examples/`.
/// The claim.
pub(super) const CLAIM: &str = "mysql-pvc";
/// The snapshot of the claim.
pub(super) const SNAPSHOT: &str = "mysql-snapshot-demo";
const RESTORED: &str = "mysql-pvc-restored";
const KEPT: &str = "mysql-snapshot-kept";
const IMPORTED: &str = "mysql-snapshot-imported";

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

impl Demo<'_> {
    pub(super) fn step(&self, what: &str) {
        self.timeline.step(what);
    }

    /// Applies the claim, and fills its volume with data. Returns the handle of the volume.
    pub(super) async fn make_volume(&self) -> anyhow::Result<(String, Data)> {
        self.place.apply(examples::CLAIM)?;
        let handle = self.volume_of(CLAIM).await?;
        let data = Data::write(&self.place.driver.volume_path(&handle)?)?;
        self.step(&format!("claim {CLAIM} is bound, its volume holds {data}"));
        Ok((handle, data))
    }

    /// Takes a snapshot, and deletes its claim while the driver is at it: the claim stays until that is done.
    pub(super) async fn take_while_the_claim_is_deleted(&self) -> anyhow::Result<Taken> {
        let driver = &self.place.driver;
        driver.script().hold(Method::CreateSnapshot);
        self.place.apply(examples::SNAPSHOT)?;
        self.step(&format!("VolumeSnapshot {SNAPSHOT} of {CLAIM} created, without naming a class"));
        let at_work =
            driver.wait_for_calls(|calls| calls.iter().any(|call| call.method == Method::CreateSnapshot));
        tokio::time::timeout(PATIENCE, at_work).await.context("the driver was not asked for a snapshot")?;
        self.delete_object(kinds::CLAIM, CLAIM).await?;
        let claim = kinds::CLAIM.api(&self.place.client).get(CLAIM).await?;
        ensure!(claim.metadata.deletion_timestamp.is_some(), "the claim is not being deleted");
        self.step(&format!("{CLAIM} deleted while its snapshot is being taken: it stays"));
        self.show(kinds::CLAIM, Some(CLAIM)).await?;
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
        self.show(kinds::SNAPSHOT, Some(SNAPSHOT)).await?;
        self.show(kinds::CONTENT, Some(&taken.content)).await?;
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

    /// Restores the snapshot into a new claim, and compares every byte.
    pub(super) async fn restore(&self, data: &Data) -> anyhow::Result<()> {
        self.place.apply(examples::RESTORE)?;
        let volume = self.volume_of(RESTORED).await?;
        ensure!(data.is_in(&self.place.driver.volume_path(&volume)?)?, "the restored data differ");
        self.step(&format!("{SNAPSHOT} restored into {RESTORED}: every byte as before"));
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
        self.place.apply(examples::RETAIN)?;
        let taken = self.ready(KEPT).await?;
        for (kind, name) in [(kinds::SNAPSHOT, KEPT), (kinds::CONTENT, taken.content.as_str())] {
            self.delete_object(kind, name).await?;
            self.gone(kind, name).await?;
        }
        self.holds(1)?;
        self.step(&format!(
            "{KEPT}, of a class that retains, and its content deleted: it stays in the storage"
        ));
        self.place.apply(&examples::IMPORT.replace(examples::HANDLE, &taken.handle))?;
        let imported = self.ready(IMPORTED).await?;
        self.show(kinds::SNAPSHOT, Some(IMPORTED)).await?;
        let claim = "mysql-pvc-imported";
        self.place.apply(&examples::RESTORE.replace(SNAPSHOT, IMPORTED).replace(RESTORED, claim))?;
        let volume = self.volume_of(claim).await?;
        ensure!(data.is_in(&self.place.driver.volume_path(&volume)?)?, "the imported data differ");
        self.step(&format!("{IMPORTED} restored into {claim}: every byte as before"));
        self.delete(&imported).await
    }

    /// Waits until a snapshot is ready.
    pub(super) async fn ready(&self, name: &'static str) -> anyhow::Result<Taken> {
        let snapshot = self.wait(kinds::SNAPSHOT, name, "ready", is_ready).await?;
        let status = &snapshot.context("the snapshot is gone")?.data["status"];
        let content = status["boundVolumeSnapshotContentName"].as_str().unwrap_or("-").to_owned();
        let bound = kinds::CONTENT.api(&self.place.client).get(&content).await?;
        let handle = bound.data["status"]["snapshotHandle"].as_str().unwrap_or("-").to_owned();
        self.step(&format!("{name} is ready"));
        Ok(Taken { name, content, handle })
    }

    /// Waits until a claim is bound, and returns the handle of its volume.
    pub(super) async fn volume_of(&self, claim: &str) -> anyhow::Result<String> {
        let bound = |found: Option<&DynamicObject>| {
            found.is_some_and(|found| found.data["status"]["phase"] == "Bound")
        };
        let claim = self.wait(kinds::CLAIM, claim, "bound", bound).await?.context("the claim is gone")?;
        let volume = claim.data["spec"]["volumeName"].as_str().unwrap_or_default();
        let volume = kinds::VOLUME.api(&self.place.client).get(volume).await?;
        Ok(volume.data["spec"]["csi"]["volumeHandle"].as_str().unwrap_or_default().to_owned())
    }

    /// Shows what `kubectl get` prints of one object, or of all of a kind.
    pub(super) async fn show(&self, kind: Kind, name: Option<&str>) -> anyhow::Result<()> {
        let lines = table::get(self.place, kind, name).await?;
        let command = format!("kubectl get {} {}", kind.word(), name.unwrap_or_default());
        timeline::show(command.trim_end(), &lines);
        Ok(())
    }

    pub(super) fn holds(&self, count: usize) -> anyhow::Result<()> {
        let stored = self.place.driver.snapshots();
        ensure!(stored.len() == count, "storage holds {} snapshots instead of {count}", stored.len());
        Ok(())
    }

    pub(super) async fn delete_object(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        kind.api(&self.place.client).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub(super) async fn gone(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        self.wait(kind, name, "gone", |found| found.is_none()).await.map(drop)
    }

    /// Watches an object until it is as wanted.
    pub(super) async fn wait(
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

/// Whether a snapshot of any kind is ready.
pub(super) fn is_ready(found: Option<&DynamicObject>) -> bool {
    found.is_some_and(|found| found.data["status"]["readyToUse"] == true)
}
