//! The environment of the programs: an API server, a driver, and an account for each with its rights.

use std::path::PathBuf;

use anyhow::Context;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::api::Server;
use sandbox::driver::{Driver, Options};
use sandbox::rights;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::examples;
use crate::objects::{CONTROLLER, CONTROLLER_NAMESPACE, Kind, SIDECAR, SIDECAR_NAMESPACE, kinds};

/// A running environment. Everything is removed when it is dropped.
pub(crate) struct Place {
    /// The API server.
    pub(crate) server: Server,
    /// The CSI driver.
    pub(crate) driver: Driver,
    /// A client of the API server with all rights.
    pub(crate) client: kube::Client,
    directory: TempDir,
}

impl Place {
    /// Starts the API server and the driver, and creates the accounts and the default snapshot class.
    pub(crate) async fn open() -> anyhow::Result<Place> {
        let directory = tempfile::Builder::new().prefix("csi-sandbox-").tempdir()?;
        let server =
            Server::start(sandbox::api::Options::default()).await.context("cannot start the API server")?;
        let root = directory.path().join("storage");
        let options = Options { root, ..Options::default() };
        let driver = Driver::start(&directory.path().join("csi.sock"), options).await?;
        let client = client(&server.admin_kubeconfig()).await?;
        let place = Place { server, driver, client, directory };
        place.create(kinds::NAMESPACE, &kinds::NAMESPACE.named(SIDECAR_NAMESPACE, json!({}))).await?;
        place.apply(examples::CLASS)?;
        place.write("admin.kubeconfig", &place.server.admin_kubeconfig())?;
        place.write(
            "sidecar.kubeconfig",
            &rights::grant(&place.server, rights::SIDECAR, SIDECAR_NAMESPACE, SIDECAR)?,
        )?;
        // Where the cluster has it already, as every real one does, this changes nothing.
        drop(place.create(kinds::NAMESPACE, &kinds::NAMESPACE.named(CONTROLLER_NAMESPACE, json!({}))).await);
        place.write(
            "controller.kubeconfig",
            &rights::grant(&place.server, rights::CONTROLLER, CONTROLLER_NAMESPACE, CONTROLLER)?,
        )?;
        Ok(place)
    }

    /// Creates an object and returns it as the server has stored it.
    pub(crate) async fn create(&self, kind: Kind, object: &Value) -> anyhow::Result<Value> {
        let api = kind.api(&self.client);
        let draft = serde_json::from_value(object.clone())?;
        let made = api.create(&PostParams::default(), &draft).await;
        let made =
            made.with_context(|| format!("cannot create {} {}", object["kind"], object["metadata"]["name"]))?;
        Ok(serde_json::to_value(made)?)
    }

    /// Creates the objects of a manifest as `kubectl apply` does, and returns their names.
    pub(crate) fn apply(&self, manifest: &str) -> anyhow::Result<Vec<String>> {
        let objects = examples::objects(manifest)?;
        for object in &objects {
            self.server.create(object)?;
        }
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Ok(objects.iter().map(name).collect())
    }

    /// The path of a file in the temporary directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file in the temporary directory.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

async fn client(kubeconfig: &str) -> anyhow::Result<kube::Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}
