//! Certificates as credentials: their key, their thumbprints, their dates.
//!
//! A registered certificate is only a carrier of a public key (reference entra-arm-clients.md section 1, point
//! 14): command-line tools register X.509 version 1 certificates signed with SHA-1. Nothing of its signature or
//! chain is verified; whoever may change the application vouches for it.

use aws_lc_rs::digest;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

use crate::key::PublicKey;

/// Longer certificates are not looked at.
pub const LONGEST: usize = 16 * 1024;

/// What counts of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its key.
    pub key: PublicKey,
    /// The SHA-1 of its DER form, which names it (`x5t`); nothing rests on it.
    pub sha1: [u8; 20],
    /// The SHA-256 of its DER form (`x5t#S256`).
    pub sha256: [u8; 32],
    /// From when it is good, in seconds since the Unix epoch.
    pub not_before: i64,
    /// Until when it is good.
    pub not_after: i64,
    /// Whom it is for, as people read it.
    pub subject: String,
}

/// Why bytes are not a certificate that can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not one X.509 certificate in DER.
    #[error("the key is not an X.509 certificate")]
    Malformed,
    /// Only RSA keys of 2048 to 8192 bits can sign client assertions.
    #[error("the certificate's key is not an RSA key of 2048 to 8192 bits")]
    Key,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(der: &[u8]) -> Result<Certificate, CertificateError> {
        if der.len() > LONGEST {
            return Err(CertificateError::Malformed);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed);
        }
        let key = match parsed.public_key().parsed().map_err(|_| CertificateError::Key)? {
            Parsed::RSA(key) => PublicKey::rsa(key.modulus, key.exponent).ok_or(CertificateError::Key)?,
            _ => return Err(CertificateError::Key),
        };
        Ok(Certificate {
            key,
            sha1: hashed(&digest::SHA1_FOR_LEGACY_USE_ONLY, der),
            sha256: hashed(&digest::SHA256, der),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            subject: parsed.subject().to_string(),
        })
    }
}

fn hashed<const N: usize>(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut hash = [0; N];
    for (to, from) in hash.iter_mut().zip(digest::digest(algorithm, bytes).as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_certificate_is_read() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let der = params.self_signed(&pair).unwrap().der().to_vec();
        let read = Certificate::parse(&der).unwrap();
        assert_eq!(read.not_before, 1_767_225_600);
        assert_eq!(read.not_after, 1_798_761_600);
        assert!(matches!(read.key, PublicKey::Rsa { .. }));
        let mut longer = der.clone();
        longer.push(0);
        assert_eq!(Certificate::parse(&longer), Err(CertificateError::Malformed));
        for end in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..end]), Err(CertificateError::Malformed));
        }
    }

    #[test]
    fn a_key_on_a_curve_is_refused() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let der = rcgen::CertificateParams::default().self_signed(&pair).unwrap().der().to_vec();
        assert_eq!(Certificate::parse(&der), Err(CertificateError::Key));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = Certificate::parse(&bytes);
        }
    }
}
