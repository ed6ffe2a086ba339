//! Signing keys, kept in the store.
//!
//! The newest key signs; every kept key verifies, so that a new key can be added while tokens of the old one
//! still live.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost_clock::{Clock, Timestamp};
use gatepost_store::keys::{SigningKeyRow, insert_signing_key, signing_keys};
use gatepost_store::{Store, StoreError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How long the certificate of a key says that it lives. Only resources that look at `x5c` would notice.
const CERTIFICATE_YEARS: i32 = 5;

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key or its certificate could not be made.
    #[error("a signing key could not be made: {0}")]
    Generation(String),
    /// A stored key cannot be read.
    #[error("the stored signing key {0} is unusable")]
    Unusable(String),
}

/// One key, ready to sign and to verify.
pub(crate) struct SigningKey {
    kid: String,
    /// The header of the tokens that it signs, in base64url.
    header: String,
    certificate: Vec<u8>,
    pair: RsaKeyPair,
    public: ParsedPublicKey,
}

/// All keys; the first one signs.
pub(crate) struct KeyRing {
    newest: SigningKey,
    older: Vec<SigningKey>,
}

impl KeyRing {
    pub(crate) fn open(store: &Store, clock: &Clock) -> Result<KeyRing, KeyError> {
        let mut rows = store.read(signing_keys)?;
        if rows.is_empty() {
            let fresh = generate(clock.now())?;
            store.write(|tx| insert_signing_key(tx, &fresh))?;
            tracing::info!(kid = fresh.kid, "made a key to sign tokens with");
            rows.push(fresh);
        }
        let mut keys = rows.into_iter().map(SigningKey::load);
        let newest = keys.next().ok_or_else(|| KeyError::Unusable("(none)".to_owned()))??;
        Ok(KeyRing { newest, older: keys.collect::<Result<_, _>>()? })
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.newest
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.kid == kid)
    }
}

impl SigningKey {
    fn load(row: SigningKeyRow) -> Result<SigningKey, KeyError> {
        let private_key = Zeroizing::new(row.private_key);
        let unusable = || KeyError::Unusable(row.kid.clone());
        let pair = RsaKeyPair::from_pkcs8(&private_key).map_err(|_| unusable())?;
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .map_err(|_| unusable())?;
        let header = json!({"typ": "JWT", "alg": "RS256", "x5t": row.kid, "kid": row.kid}).to_string();
        Ok(SigningKey {
            header: URL_SAFE_NO_PAD.encode(header),
            kid: row.kid,
            certificate: row.certificate,
            pair,
            public,
        })
    }

    /// The whole token for these claims, which are JSON; `None` if the machine could not sign.
    pub(crate) fn sign(&self, claims: &[u8]) -> Option<String> {
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 400);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Some(token)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }

    pub(crate) fn to_jwk(&self, issuer: &str) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair.public_key());
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "x5t": self.kid,
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
            "x5c": [STANDARD.encode(&self.certificate)],
            "issuer": issuer,
        })
    }
}

fn generate(now: Timestamp) -> Result<SigningKeyRow, KeyError> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)
        .map_err(|_| KeyError::Generation("RSA key generation failed".to_owned()))?;
    let private_key = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)
        .map_err(|_| KeyError::Generation("the key could not be encoded".to_owned()))?;
    let certificate = certify(private_key.as_ref(), now).map_err(|e| KeyError::Generation(e.to_string()))?;
    // The thumbprint that Entra uses for `kid`. It only names the key; nothing rests on SHA-1 here.
    let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
    Ok(SigningKeyRow {
        kid: URL_SAFE_NO_PAD.encode(thumbprint),
        private_key: private_key.as_ref().to_vec(),
        certificate,
        created_at: now.as_microsecond(),
    })
}

/// A self-signed certificate for the key, as `x5c` wants one.
fn certify(private_key: &[u8], now: Timestamp) -> Result<Vec<u8>, rcgen::Error> {
    let pair = rcgen::KeyPair::try_from(private_key)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Gatepost token signing");
    let yesterday = now.saturating_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(now);
    let date = yesterday.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (year, month) = (i32::from(date.year()), date.month().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(year, month, date.day().unsigned_abs());
    // The first of the month exists in every year.
    params.not_after = rcgen::date_time_ymd(year + CERTIFICATE_YEARS, month, 1);
    Ok(params.self_signed(&pair)?.der().to_vec())
}
