use super::*;
use crate::listen::Listener;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fs;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Writes a new self-signed certificate for `localhost` and returns it.
fn write_certificate(files: &TlsFiles) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&files.certificate, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

fn files(dir: &tempfile::TempDir) -> TlsFiles {
    TlsFiles { certificate: dir.path().join("tls.crt"), key: dir.path().join("tls.key") }
}

/// Connects, trusting only `certificate`, and returns the protocol agreed on and what the server saw.
async fn connect(listener: &Listener, certificate: &CertificateDer<'static>) -> std::io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = async {
        let tcp = TcpStream::connect(listener.address()).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        tls.write_all(super::super::PREFACE).await?;
        let mut greeting = [0; 5];
        tls.read_exact(&mut greeting).await?;
        assert_eq!(&greeting, b"hello");
        Ok(tls.get_ref().1.alpn_protocol().unwrap_or_default().to_vec())
    };
    let server = async {
        if let Ok(mut stream) = listener.accept().await.open().await {
            stream.write_all(b"hello").await.unwrap();
            stream.flush().await.unwrap();
        }
    };
    tokio::join!(client, server).0
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let first = write_certificate(&files);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(files.clone())).await.unwrap();
    assert!(listener.uri().starts_with("grpc+tls://127.0.0.1:"));
    assert_eq!(connect(&listener, &first).await.unwrap(), b"h2");

    tokio::time::pause();
    let second = write_certificate(&files);
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_eq!(connect(&listener, &second).await.unwrap(), b"h2");
    assert!(connect(&listener, &first).await.is_err());

    tokio::time::pause();
    fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nbroken").unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_eq!(connect(&listener, &second).await.unwrap(), b"h2");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let check = |name: &str| {
        let error = Certificates::load(files.clone(), &[]).unwrap_err();
        assert!(matches!(&error, ListenError::Tls { path, .. } if path.ends_with(name)), "{error}");
    };
    check("tls.crt");
    write_certificate(&files);
    fs::write(&files.key, "no key").unwrap();
    check("tls.key");
    let other = TlsFiles { certificate: dir.path().join("other"), key: files.key.clone() };
    write_certificate(&other);
    check("tls.key");
    fs::write(&files.certificate, "no certificate").unwrap();
    check("tls.crt");
}
