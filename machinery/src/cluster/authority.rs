//! Verifies the certificate of the API server.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use tokio::time::Instant;

use super::pod::certificates;

/// How often a CA file is reread, because Kubernetes replaces it when it rotates the CA.
const READ_AGAIN: Duration = Duration::from_mins(1);

/// Accepts a server whose certificate has a chain to a trusted one, or is itself among the trusted ones.
///
/// Hosted control planes and RKE2 put the server's own certificate into kubeconfigs. rustls refuses it, because it is
/// marked as a CA and a CA must not be the end of a chain; Go accepts it, and so does this. rustls checks the validity
/// period before that mark; the name is checked here.
#[derive(Debug)]
pub(super) struct Authority {
    file: Option<PathBuf>,
    trusted: RwLock<(Arc<Trusted>, Instant)>,
}

#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl Trusted {
    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let chains =
            WebPkiServerVerifier::builder(Arc::new(roots)).build().map_err(|error| error.to_string())?;
        Ok(Self { certificates, chains })
    }
}

impl Authority {
    /// Trusts these DER certificates, and later those of the PEM file.
    ///
    /// # Errors
    /// A certificate is invalid, or there is none; as text.
    pub(super) fn new(certificates: Vec<Vec<u8>>, file: Option<PathBuf>) -> Result<Self, String> {
        let certificates = certificates.into_iter().map(CertificateDer::from).collect();
        let trusted = Trusted::new(certificates)?;
        Ok(Self { file, trusted: RwLock::new((Arc::new(trusted), Instant::now())) })
    }

    /// The trusted certificates; the previous ones if the file cannot be read.
    fn trusted(&self) -> Arc<Trusted> {
        let (trusted, since) = self.trusted.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(file) = self.file.as_ref().filter(|_| since.elapsed() >= READ_AGAIN) else { return trusted };
        let read = certificates(file).ok().map(|all| all.into_iter().map(CertificateDer::from).collect());
        let trusted = read.and_then(|all| Trusted::new(all).ok()).map_or(trusted, Arc::new);
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = (trusted.clone(), Instant::now());
        trusted
    }
}

/// Whether only the chain is missing, which does not matter if the certificate itself is trusted: it is marked as a CA,
/// or its issuer is unknown. The validity period was checked before.
fn lacks_a_chain(error: &Error) -> bool {
    let Error::InvalidCertificate(invalid) = error else { return false };
    if let CertificateError::Other(OtherError(cause)) = invalid {
        return matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity));
    }
    *invalid == CertificateError::UnknownIssuer
}

impl ServerCertVerifier for Authority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trusted = self.trusted();
        let chain =
            trusted.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match chain {
            Err(error) if lacks_a_chain(&error) && trusted.certificates.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            chain => chain,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted().chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted().chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trusted().chains.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
