//! By which certificates the API server is known.

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

/// How often the file of a pod's authority is read again, which Kubernetes replaces when it rotates it.
const READ_AGAIN: Duration = Duration::from_mins(1);

/// Knows a server by the chain from its certificate to one that is trusted, or by the certificate itself, if that is
/// among the trusted ones.
///
/// Hosted control planes and RKE2 put the server's own certificate into kubeconfigs. The library refuses it, since it is
/// marked as an authority and an authority is no end of a chain; Go accepts it, and so does this. That the certificate
/// is in its time is checked before the library looks at that mark; its name is checked here.
#[derive(Debug)]
pub(super) struct Authority {
    /// Read again from time to time, if it is a file.
    file: Option<PathBuf>,
    known: RwLock<(Arc<Known>, Instant)>,
}

#[derive(Debug)]
struct Known {
    certificates: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl Known {
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
    /// Trusts these certificates, and those that the file holds later on.
    ///
    /// # Errors
    /// One of them is no certificate, or there is none; in words.
    pub(super) fn new(certificates: Vec<Vec<u8>>, file: Option<PathBuf>) -> Result<Self, String> {
        let certificates = certificates.into_iter().map(CertificateDer::from).collect();
        let known = Known::new(certificates)?;
        Ok(Self { file, known: RwLock::new((Arc::new(known), Instant::now())) })
    }

    /// What is trusted now. A file that cannot be used at the moment leaves what was trusted before.
    fn known(&self) -> Arc<Known> {
        let (known, since) = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(file) = self.file.as_ref().filter(|_| since.elapsed() >= READ_AGAIN) else { return known };
        let read = certificates(file).ok().map(|all| all.into_iter().map(CertificateDer::from).collect());
        let known = read.and_then(|all| Known::new(all).ok()).map_or(known, Arc::new);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = (known.clone(), Instant::now());
        known
    }
}

/// The library could not build a chain, for a reason that does not matter where the certificate itself is trusted: it is
/// marked as an authority, or its issuer is not among what is trusted. Its validity in time was checked before.
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
        let known = self.known();
        let chain =
            known.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match chain {
            Err(error) if lacks_a_chain(&error) && known.certificates.contains(end_entity) => {
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
        self.known().chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.known().chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known().chains.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
