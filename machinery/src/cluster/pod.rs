//! The in-cluster configuration: the API server's address and the pod's service account.

use std::path::{Path, PathBuf};

use http::Uri;
use http::uri::InvalidUri;
use kube::Config;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::token::{BadToken, TokenFile};

/// Where a pod's service account is mounted.
pub(super) const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// Why there is no in-cluster configuration.
#[derive(Debug, thiserror::Error)]
pub enum NoPod {
    #[error("no --kubeconfig is given, and this is not a pod of a cluster: {0} is not set")]
    NotSet(&'static str),
    #[error("{HOST} {host:?} and {PORT} {port:?} make no address")]
    BadAddress {
        host: String,
        port: String,
        #[source]
        cause: Option<InvalidUri>,
    },
    #[error(transparent)]
    Token(#[from] BadToken),
    #[error("cannot read the certificate authority of the cluster {}", path.display())]
    NoAuthority {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the certificate authority of the cluster {} holds no certificate", .0.display())]
    BadAuthority(PathBuf),
}

/// The configuration from a pod's environment and service account mount. Unlike the library's it needs no `namespace`
/// file: a projected mount may have none.
pub(super) fn in_cluster(env: impl Fn(&str) -> Option<String>, mount: &Path) -> Result<Config, NoPod> {
    let mut config = Config::new(address(env)?);
    let token = mount.join("token");
    TokenFile::open(&token)?;
    config.auth_info.token_file = Some(token.to_string_lossy().into_owned());
    if let Some(namespace) = namespace_in(&mount.join("namespace")) {
        config.default_namespace = namespace;
    }
    let authority = mount.join("ca.crt");
    config.root_cert = Some(certificates(&authority)?);
    // Set, so that it is reread after a rotation.
    config.root_cert_file = Some(authority);
    Ok(config)
}

/// The namespace that a file of the mount holds.
pub(crate) fn namespace_in(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}

fn address(env: impl Fn(&str) -> Option<String>) -> Result<Uri, NoPod> {
    let set = |name| env(name).filter(|value| !value.is_empty()).ok_or(NoPod::NotSet(name));
    let (host, port) = (set(HOST)?, set(PORT)?);
    if port.parse::<u16>().is_err() {
        return Err(NoPod::BadAddress { host, port, cause: None });
    }
    let bare = host.contains(':') && !host.starts_with('[');
    let url = if bare { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") };
    url.parse().map_err(|cause| NoPod::BadAddress { host, port, cause: Some(cause) })
}

pub(super) fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, NoPod> {
    let pem = std::fs::read(path).map_err(|cause| NoPod::NoAuthority { path: path.to_owned(), cause })?;
    from_pem(&pem).ok_or_else(|| NoPod::BadAuthority(path.to_owned()))
}

/// The certificates of a PEM text as DER; `None` if there is none, or one is malformed.
pub(super) fn from_pem(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let found = CertificateDer::pem_slice_iter(pem).map(|found| found.map(|found| found.to_vec()));
    found.collect::<Result<Vec<_>, _>>().ok().filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::error::in_one_line;
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn pod(host: &str, port: &str) -> impl Fn(&str) -> Option<String> {
        let (host, port) = (host.to_owned(), port.to_owned());
        move |name| match name {
            HOST => Some(host.clone()),
            PORT => Some(port.clone()),
            _ => None,
        }
    }

    fn mount(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[tokio::test]
    async fn a_pod_needs_a_token_and_a_ca_but_no_namespace_file() {
        let mount = mount(&[("token", "t\n"), ("ca.crt", CERTIFICATE)]);
        let config = in_cluster(pod("10.0.0.1", "443"), mount.path()).unwrap();
        assert_eq!(config.cluster_url, "https://10.0.0.1:443/");
        assert_eq!(config.auth_info.token_file.unwrap(), mount.path().join("token").to_str().unwrap());
        assert_eq!(config.root_cert.unwrap().len(), 1);
        assert_eq!(config.root_cert_file.unwrap(), mount.path().join("ca.crt"));
        assert_eq!(config.default_namespace, "default");
        fs::write(mount.path().join("namespace"), "here\n").unwrap();
        assert_eq!(in_cluster(pod("10.0.0.1", "443"), mount.path()).unwrap().default_namespace, "here");
    }

    #[test]
    fn an_ipv6_address_is_put_in_brackets() {
        for (host, expected) in [
            ("fd00::1", "https://[fd00::1]:6443/"),
            ("[fd00::1]", "https://[fd00::1]:6443/"),
            ("api.example.com", "https://api.example.com:6443/"),
        ] {
            assert_eq!(address(pod(host, "6443")).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn the_missing_part_is_named_in_one_line() {
        let whole = [("token", "t"), ("ca.crt", CERTIFICATE)];
        for (host, port, files, expected) in [
            (
                "",
                "443",
                &whole[..],
                "no --kubeconfig is given, and this is not a pod of a cluster: KUBERNETES_SERVICE_HOST",
            ),
            ("h", "", &whole, "KUBERNETES_SERVICE_PORT is not set"),
            ("h", "https", &whole, "make no address"),
            ("no host", "443", &whole, "make no address"),
            ("h", "443", &whole[1..], "cannot read the token file "),
            ("h", "443", &[("token", " "), whole[1]], "is empty"),
            ("h", "443", &whole[..1], "ca.crt: No such file"),
            ("h", "443", &[whole[0], ("ca.crt", "nothing")], "ca.crt holds no certificate"),
        ] {
            let mount = mount(files);
            let line = in_one_line(&in_cluster(pod(host, port), mount.path()).unwrap_err());
            assert!(line.contains(expected) && !line.contains('\n'), "{line}");
        }
    }
}
