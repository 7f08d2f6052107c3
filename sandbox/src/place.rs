//! Everything that the sidecar needs around it: an API server, a driver, an account with its rights.

use std::path::PathBuf;

use anyhow::Context;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::api::Server;
use sandbox::driver::{Driver, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::objects::{self, Kind, SIDECAR, kinds};

/// A running place. All of it goes when it is dropped.
pub(crate) struct Place {
    /// The API server.
    pub(crate) server: Server,
    /// The CSI driver.
    pub(crate) driver: Driver,
    /// The API server as its administrator sees it.
    pub(crate) client: kube::Client,
    directory: TempDir,
}

impl Place {
    /// Starts API server and driver, and makes the sidecar's account and the snapshot class.
    pub(crate) async fn open() -> anyhow::Result<Place> {
        let directory = tempfile::Builder::new().prefix("csi-sandbox-").tempdir()?;
        let server =
            Server::start(sandbox::api::Options::default()).await.context("cannot start the API server")?;
        let root = directory.path().join("storage");
        let options = Options { root, ..Options::default() };
        let driver = Driver::start(&directory.path().join("csi.sock"), options).await?;
        let client = client(&server.admin_kubeconfig()).await?;
        let place = Place { server, driver, client, directory };
        for (kind, object) in objects::sidecar_account() {
            place.create(kind, &object).await?;
        }
        place.create(kinds::CLASS, &objects::class(&Options::default().name)).await?;
        place.write("admin.kubeconfig", &place.server.admin_kubeconfig())?;
        let token = place.sidecar_token().await?;
        place.write("sidecar.kubeconfig", &place.server.kubeconfig_for(&token))?;
        Ok(place)
    }

    /// Creates an object and gives back what the server made of it.
    pub(crate) async fn create(&self, kind: Kind, object: &Value) -> anyhow::Result<Value> {
        let api = kind.api(&self.client);
        let draft = serde_json::from_value(object.clone())?;
        let made = api.create(&PostParams::default(), &draft).await;
        let made =
            made.with_context(|| format!("cannot create {} {}", object["kind"], object["metadata"]["name"]))?;
        Ok(serde_json::to_value(made)?)
    }

    /// A file of this place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of this place.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    async fn sidecar_token(&self) -> anyhow::Result<String> {
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 24 * 3600},
        });
        let accounts = kinds::SERVICE_ACCOUNT.api(&self.client);
        let answer: Value = accounts
            .create_subresource("token", SIDECAR, &PostParams::default(), &request)
            .await
            .context("cannot get a token for the sidecar's account")?;
        let token = answer["status"]["token"].as_str();
        Ok(token.context("the answer to the token request holds no token")?.to_owned())
    }
}

async fn client(kubeconfig: &str) -> anyhow::Result<kube::Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}
