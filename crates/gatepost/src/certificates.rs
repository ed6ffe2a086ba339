//! The certificate authority of a data folder and the server certificate that it signs for loopback.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::CipherSuite;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::data_folder::write_private;

/// Days for which the authority's certificate is good.
const AUTHORITY_DAYS: i64 = 3650;
/// Days for which a server certificate is good. One is made anew when a start finds it older than half of this.
const SERVER_DAYS: i64 = 390;
/// What the server is called on loopback.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A stored certificate or key cannot be used.
    #[error("the stored certificate cannot be used: {0}")]
    Use(String),
}

/// The server's certificate chain and key, and where its authority's certificate is.
pub struct ServerCertificate {
    /// PEM file of the authority, for clients.
    pub ca_file: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ServerCertificate {
    /// Loads what the folder holds, and makes what is missing or near its end.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn open(folder: &Path) -> Result<ServerCertificate, CertificateError> {
        let ca_file = folder.join("ca.pem");
        let (server_file, server_key) = (folder.join("server.pem"), folder.join("server.key"));
        if ca_file.is_file() != folder.join("ca.key").is_file() && server_file.is_file() {
            // Clients trust this authority: a new one in its place would lock them all out without a word.
            return Err(CertificateError::Use(
                "one of ca.pem and ca.key is missing: restore it, or remove the other and server.pem to make a \
                 new authority"
                    .to_owned(),
            ));
        }
        if !ca_file.is_file() || !folder.join("ca.key").is_file() {
            make_authority(folder)?;
            make_server(folder)?;
        } else if !(server_file.is_file() && server_key.is_file()) || is_old(&server_file) {
            make_server(folder)?;
        }
        let chain = CertificateDer::pem_file_iter(&server_file)
            .and_then(Iterator::collect)
            .map_err(|e| CertificateError::Use(e.to_string()))?;
        let key =
            PrivateKeyDer::from_pem_file(&server_key).map_err(|e| CertificateError::Use(e.to_string()))?;
        Ok(ServerCertificate { ca_file, chain, key })
    }

    /// The TLS settings of all listeners: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// [`CertificateError::Use`] if key and certificate do not belong together.
    pub fn server_config(&self, alpn: &[&[u8]]) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| CertificateError::Use(e.to_string()))?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|e| CertificateError::Use(e.to_string()))?;
        config.ignore_client_order = true;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// The usual algorithms, with AES-128-GCM and SHA-256 first. The other TLS 1.3 suite with AES derives its keys
/// by SHA-384, which is the largest single cost of a handshake after the signature, and adds no security that
/// the 128-bit key exchange would not undo.
fn provider() -> rustls::crypto::CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

fn make_authority(folder: &Path) -> Result<(), CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = authority_params().self_signed(&key)?;
    save(&folder.join("ca.key"), &key.serialize_pem())?;
    save(&folder.join("ca.pem"), &certificate.pem())
}

/// What the authority's certificate says. A signer needs only its name and its key, so that this describes the
/// stored certificate too.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Gatepost local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lasting(&mut params, AUTHORITY_DAYS);
    params
}

fn make_server(folder: &Path) -> Result<(), CertificateError> {
    let path = folder.join("ca.key");
    let key = std::fs::read_to_string(&path).map_err(|error| CertificateError::Io { path, error })?;
    let issuer = Issuer::new(authority_params(), KeyPair::from_pem(&key)?);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name = named("localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    lasting(&mut params, SERVER_DAYS);
    let certificate = params.signed_by(&key, &issuer)?;
    save(&folder.join("server.key"), &key.serialize_pem())?;
    save(&folder.join("server.pem"), &certificate.pem())
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Good from an hour ago, for peers whose clock is behind.
fn lasting(params: &mut CertificateParams, days: i64) {
    let now = std::time::SystemTime::now();
    let day = std::time::Duration::from_secs(86_400);
    params.not_before = (now - std::time::Duration::from_secs(3_600)).into();
    params.not_after = (now + day * u32::try_from(days).unwrap_or(1)).into();
}

/// The file's own age stands for the certificate's: it is written when the certificate is made.
fn is_old(path: &Path) -> bool {
    let age = std::fs::metadata(path).and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age.as_secs() > 86_400 * SERVER_DAYS.unsigned_abs() / 2)
}

fn save(path: &Path, content: &str) -> Result<(), CertificateError> {
    write_private(path, content.as_bytes())
        .map_err(|error| CertificateError::Io { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_uses_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let first = ServerCertificate::open(dir.path()).unwrap();
        let ca = std::fs::read(&first.ca_file).unwrap();
        std::fs::remove_file(dir.path().join("server.pem")).unwrap();
        let second = ServerCertificate::open(dir.path()).unwrap();
        assert_eq!(std::fs::read(&second.ca_file).unwrap(), ca);
        assert!(second.server_config(&[b"http/1.1"]).is_ok());
        std::fs::remove_file(dir.path().join("ca.key")).unwrap();
        assert!(matches!(ServerCertificate::open(dir.path()), Err(CertificateError::Use(_))));
    }
}
