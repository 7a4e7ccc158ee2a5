//! The TLS side of a request: whom to trust, and as whom to appear.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::{ActionError, ErrorCode};

/// What decides the TLS configuration of a request.
pub(super) struct TlsSettings<'a> {
    /// Trusted for every request, from the deployment's configuration.
    pub(super) deployment_roots: &'a [CertificateDer<'static>],
    /// Trusted for this one, PEM.
    pub(super) ca_pem: Option<&'a str>,
    /// Chain and key, PEM.
    pub(super) identity_pem: Option<&'a str>,
    /// No check of the server's certificate.
    pub(super) insecure: bool,
}

impl TlsSettings<'_> {
    pub(super) fn client_config(&self) -> Result<ClientConfig, ActionError> {
        // Named here rather than taken from the process, so that no caller has to install one first.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ActionError::new(ErrorCode::TlsFailed, error.to_string()))?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let mut config = match self.identity_pem {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let (chain, key) = identity(pem)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    invalid(&format!("the client certificate and its private key do not fit: {error}"))
                })?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, ActionError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(self.deployment_roots.iter().cloned());
        for certificate in self.ca_pem.map(certificates).transpose()?.unwrap_or_default() {
            roots
                .add(certificate)
                .map_err(|error| invalid(&format!("the CA certificate is not usable: {error}")))?;
        }
        Ok(roots)
    }
}

/// The certificates in `pem` that can be used as authorities, where a bundle may hold others; an error if there is none.
pub(super) fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, ActionError> {
    let mut found = certificates(pem)?;
    found.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
    if found.is_empty() {
        return Err(invalid("no certificate in the text can be used as an authority"));
    }
    Ok(found)
}

/// The certificates in `pem`; an error if there is none.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, ActionError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid("there is no `BEGIN CERTIFICATE` in the certificate's text")),
        Err(error) => Err(invalid(&format!("the certificate is not PEM: {error}"))),
    }
}

fn identity(pem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ActionError> {
    // The reader's own error may quote the text, which holds the key.
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| invalid("there is no unencrypted private key in PEM beside the client certificate"))?;
    Ok((certificates(pem)?, key))
}

fn invalid(message: &str) -> ActionError {
    ActionError::new(ErrorCode::ConnectionInvalid, message)
}

/// Accepts every certificate; signatures are still checked, so that the peer holds the key it shows.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
