//! Turns a kubeconfig into a client configuration.
//!
//! The library parses the file, but its own conversion also reads the proxies of the environment, and fails on a
//! `NO_PROXY` that it does not understand.

use std::path::PathBuf;

use http::Uri;
use k8s_openapi::ByteString;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde_json::Value;

use super::pod::from_pem;

/// The configuration of a context, the current one unless another is `chosen`, and whether its cluster has a
/// `proxy-url`. Without one the environment decides about the proxy.
///
/// # Errors
/// What is inconsistent, as text without secrets.
pub(super) fn configuration(file: &Kubeconfig, chosen: Option<&str>) -> Result<(Config, bool), String> {
    let current = file.current_context.as_deref().filter(|name| !name.is_empty());
    let named = chosen.or(current).ok_or("it has no current-context")?;
    let context = file.contexts.iter().find(|context| context.name == named);
    let context = context.and_then(|context| context.context.as_ref());
    let which = if chosen.is_some() { "" } else { ", which is the current one" };
    let context = context.ok_or_else(|| format!("it has no context {named:?}{which}"))?;
    let cluster = file.clusters.iter().find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| {
        format!("it has no cluster {:?}, which the context {named:?} is of", context.cluster)
    })?;
    // As in client-go, a missing user means no credentials.
    let user = file.auth_infos.iter().find(|named| Some(&named.name) == context.user.as_ref());
    let user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();

    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| format!("the cluster {:?} has no server", context.cluster))?;
    let server = with_scheme(server, cluster, &user);
    let server: Uri = server.parse().map_err(|error| format!("the server is no address: {error}"))?;
    let mut config = Config::new(server);
    config.default_namespace = context.namespace.clone().unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.disable_compression = cluster.disable_compression.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.root_cert = authority(cluster)?;
    // Set, so that it is reread after a rotation.
    config.root_cert_file = authority_file(cluster).map(PathBuf::from);
    let proxy = cluster.proxy_url.as_deref().filter(|proxy| !proxy.is_empty());
    config.proxy_url = proxy.map(proxy_url).transpose()?;
    config.auth_info = with_cluster_info(user, cluster)?;
    Ok((config, proxy.is_some()))
}

fn proxy_url(proxy: &str) -> Result<Uri, String> {
    // It may hold a password.
    proxy.parse().map_err(|_| "the proxy-url of the cluster is no address".to_owned())
}

/// client-go's rule for a server without a scheme: http, unless a TLS setting is set.
fn with_scheme(server: &str, cluster: &Cluster, user: &AuthInfo) -> String {
    if server.contains("://") {
        return server.to_owned();
    }
    let set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let tls = set(&cluster.certificate_authority)
        || set(&cluster.certificate_authority_data)
        || set(&user.client_certificate)
        || set(&user.client_certificate_data)
        || cluster.insecure_skip_tls_verify == Some(true);
    format!("{}://{server}", if tls { "https" } else { "http" })
}

/// The CA file, unless the kubeconfig has CA data, which take precedence.
fn authority_file(cluster: &Cluster) -> Option<&str> {
    let has_data = cluster.certificate_authority_data.as_ref().is_some_and(|data| !data.is_empty());
    cluster.certificate_authority.as_deref().filter(|path| !path.is_empty() && !has_data)
}

/// The CA certificates as DER, from the kubeconfig or from the CA file; `None` if neither is set.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, String> {
    let pem = match (&cluster.certificate_authority_data, authority_file(cluster)) {
        (_, Some(path)) => std::fs::read(path)
            .map_err(|error| format!("the certificate authority {path} cannot be read: {error}"))?,
        (Some(data), None) if !data.is_empty() => decoded(data)?,
        (None | Some(_), None) => return Ok(None),
    };
    let found = from_pem(&pem).ok_or("the certificate authority holds no certificate")?;
    Ok(Some(found))
}

fn decoded(data: &str) -> Result<Vec<u8>, String> {
    let text: String = data.split_whitespace().collect();
    let bytes = serde_json::from_value(Value::String(text));
    let ByteString(bytes) = bytes.map_err(|_| "certificate-authority-data is not base64".to_owned())?;
    Ok(bytes)
}

/// Passes the cluster to the user's credential plugin if that wants it.
fn with_cluster_info(mut user: AuthInfo, cluster: &Cluster) -> Result<AuthInfo, String> {
    if let Some(plugin) = user.exec.as_mut().filter(|plugin| plugin.provide_cluster_info) {
        let info = cluster.try_into().map_err(|_| "the cluster cannot be passed to the credential plugin")?;
        plugin.cluster = Some(info);
    }
    Ok(user)
}
