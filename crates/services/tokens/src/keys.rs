//! Signing keys, kept in the store.
//!
//! A key is published a day before it signs, so that every resource knows it by then; it signs until its
//! successor does; and it verifies for some days more, until no token of its making can live.

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
use gatepost_store::keys::{SigningKeyRow, delete_signing_key, insert_signing_key, signing_keys};
use gatepost_store::{Store, StoreError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How long a key is published before it signs: longer than anybody keeps the key set.
const PUBLISHED_AHEAD: i64 = 24 * HOUR;
/// How long a key signs.
const SIGNS_FOR: i64 = 90 * 24 * HOUR;
/// How long a key verifies after its successor began to sign: longer than any token lives.
const VERIFIES_AFTER: i64 = 48 * HOUR;
/// In microseconds, as all the times here.
const HOUR: i64 = 3_600_000_000;
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
    signs_from: i64,
    /// The header of the tokens that it signs, in base64url.
    header: String,
    certificate: Vec<u8>,
    pair: RsaKeyPair,
    public: ParsedPublicKey,
}

/// All keys, by when they begin to sign, the latest first.
pub(crate) struct KeyRing(Vec<SigningKey>);

impl KeyRing {
    /// Loads the keys; makes the first where there is none.
    pub(crate) fn open(store: &Store, clock: &Clock) -> Result<KeyRing, KeyError> {
        let mut rows = store.read(signing_keys)?;
        if rows.is_empty() {
            let now = clock.now();
            let fresh = generate(now, now.as_microsecond())?;
            store.write(|tx| insert_signing_key(tx, &fresh))?;
            tracing::info!(kid = fresh.kid, "made a key to sign tokens with");
            rows.push(fresh);
        }
        let mut keys = rows.into_iter().map(SigningKey::load).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| std::cmp::Reverse(key.signs_from));
        if keys.is_empty() { Err(KeyError::Unusable("(none)".to_owned())) } else { Ok(KeyRing(keys)) }
    }

    /// The key that signs at a time; the earliest, if the clock went back before all of them.
    pub(crate) fn signing(&self, now: i64) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.signs_from <= now).or(self.0.last())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter()
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.kid == kid)
    }

    /// Whether the next key is to be published.
    pub(crate) fn wants_successor(&self, now: i64) -> bool {
        self.0.first().is_some_and(|latest| now >= latest.signs_from + SIGNS_FOR - PUBLISHED_AHEAD)
    }

    /// The keys of which no token can live.
    fn spent(&self, now: i64) -> impl Iterator<Item = &str> {
        self.0
            .windows(2)
            .filter_map(|pair| if let [next, old] = pair { Some((next, old)) } else { None })
            .filter(move |(next, _)| now >= next.signs_from + VERIFIES_AFTER)
            .map(|(_, old)| old.kid.as_str())
    }

    /// Whether a key is to go.
    pub(crate) fn has_spent(&self, now: i64) -> bool {
        self.spent(now).next().is_some()
    }

    /// Writes what is due: a new key where `publish` says so, the end of spent ones; answers the ring as it then
    /// is.
    pub(crate) fn renewed(&self, store: &Store, clock: &Clock, publish: bool) -> Result<KeyRing, KeyError> {
        let now = clock.now();
        let fresh = match publish {
            true => Some(generate(now, now.as_microsecond() + PUBLISHED_AHEAD)?),
            false => None,
        };
        store.write_queue(|tx| {
            for kid in self.spent(now.as_microsecond()) {
                delete_signing_key(tx, kid)?;
                tracing::info!(kid, "a signing key is over");
            }
            match &fresh {
                Some(fresh) => insert_signing_key(tx, fresh),
                None => Ok(()),
            }
        })?;
        if let Some(fresh) = fresh {
            tracing::info!(kid = fresh.kid, "published the next signing key; it signs from tomorrow on");
        }
        KeyRing::open(store, clock)
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
            signs_from: row.signs_from,
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

fn generate(now: Timestamp, signs_from: i64) -> Result<SigningKeyRow, KeyError> {
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
        signs_from,
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
