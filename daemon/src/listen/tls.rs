//! TLS certificates that are read again when their files change, without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::ListenError;
use crate::watch::Watch;

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate, then those that lead to a known authority.
    pub certificate: PathBuf,
    /// PEM: the private key of the certificate.
    pub key: PathBuf,
}

/// The certificate of a server, as its files are now.
#[derive(Debug)]
pub struct Certificates {
    files: TlsFiles,
    protocols: Vec<Vec<u8>>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    watch: Watch,
}

impl Certificates {
    /// Reads certificate and key; `protocols` are offered to clients that ask (ALPN).
    ///
    /// # Errors
    /// [`ListenError::Tls`] naming the file that cannot be used.
    pub fn load(files: TlsFiles, protocols: &[&[u8]]) -> Result<Self, ListenError> {
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let watch = Watch::new(vec![files.certificate.clone(), files.key.clone()]);
        let config = read(&files, &protocols)?;
        Ok(Self { files, protocols, current: Mutex::new(Current { config, watch }) })
    }

    /// What makes the next handshake. The files are looked at, at most once a second; while they are
    /// broken the last good certificate stays in use.
    pub fn acceptor(&self) -> TlsAcceptor {
        // Nothing in here panics halfway through a change.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.watch.changed() {
            match read(&self.files, &self.protocols) {
                Ok(config) => {
                    tracing::info!("the TLS certificate has changed");
                    current.config = config;
                }
                Err(error) => tracing::warn!(%error, "the last good TLS certificate stays in use"),
            }
        }
        TlsAcceptor::from(current.config.clone())
    }
}

fn read(files: &TlsFiles, protocols: &[Vec<u8>]) -> Result<Arc<ServerConfig>, ListenError> {
    let refused = |path: &Path, reason: String| ListenError::Tls { path: path.to_owned(), reason };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| refused(&files.certificate, error.to_string()))?;
    if certificates.is_empty() {
        return Err(refused(&files.certificate, "it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| refused(&files.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| refused(&files.key, error.to_string()))?;
    config.alpn_protocols = protocols.to_vec();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
