//! The server's TLS identity: a certificate authority that is created at start, and a leaf for the loopback address.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What the listener and the clients need.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, which clients trust.
    pub(crate) ca_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes keys and certificates for 127.0.0.1 and localhost; HTTP/2 and HTTP/1.1 are offered.
    ///
    /// # Errors
    /// When the crypto library refuses to make a key or to take the certificate.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).context("naming the authority")?;
        authority.distinguished_name.push(DnType::CommonName, "sandbox authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_key = KeyPair::generate().context("making the authority's key")?;
        let authority =
            CertifiedIssuer::self_signed(authority, authority_key).context("signing the authority")?;

        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut leaf = CertificateParams::new(names).context("naming the server")?;
        leaf.distinguished_name.push(DnType::CommonName, "sandbox API server");
        let key = KeyPair::generate().context("making the server's key")?;
        let certificate = leaf.signed_by(&key, &authority).context("signing the server's certificate")?;

        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("choosing TLS versions")?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("taking the server's certificate")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: authority.pem() })
    }
}
