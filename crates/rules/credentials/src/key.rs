//! Public keys that verify assertions, and the algorithms that they may be used with (RFC 7518 section 3).

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Most bytes of an RSA modulus: 8192 bits.
const LONGEST_MODULUS: usize = 1024;
/// Fewest bytes of an RSA modulus: 2048 bits.
const SHORTEST_MODULUS: usize = 256;
/// Most keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// A signature algorithm that is accepted. There is no `none` among them, and none with a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 7518")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Es256,
    Es384,
}

impl Algorithm {
    /// The algorithm of this name; names are compared exactly (RFC 7515 section 4.1.1).
    pub fn parse(name: &str) -> Option<Algorithm> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "PS256" => Algorithm::Ps256,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            _ => return None,
        })
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, 2048 to 8192 bits; both numbers are big-endian without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A point on P-384, uncompressed.
    P384(Vec<u8>),
}

impl PublicKey {
    /// An RSA key; `None` if it is shorter or longer than what is accepted.
    pub fn rsa(n: &[u8], e: &[u8]) -> Option<PublicKey> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let fits = (SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&n.len()) && (1..=8).contains(&e.len());
        fits.then_some(PublicKey::Rsa { n, e })
    }

    /// Whether `signature` is this key's over `message`. A key of another kind than the algorithm's verifies
    /// nothing.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (PublicKey::Rsa { n, e }, _) => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    Algorithm::Es256 | Algorithm::Es384 => return false,
                };
                PublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (PublicKey::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (PublicKey::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
            (PublicKey::P256(_) | PublicKey::P384(_), _) => false,
        }
    }
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// A key of an issuer's key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// The one algorithm that it is for, if it says so.
    pub algorithm: Option<Algorithm>,
    /// The key.
    pub key: PublicKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a JSON Web Key Set (RFC 7517) that can verify signatures. Those of unknown kinds, for encryption
/// or malformed are left out, as its section 5 asks.
///
/// `None` if it is not a key set.
pub fn parse_set(json: &[u8]) -> Option<Vec<NamedKey>> {
    let set: KeySet = serde_json::from_slice(json).ok()?;
    Some(set.keys.into_iter().take(MOST_KEYS).filter_map(named_key).collect())
}

fn named_key(entry: serde_json::Value) -> Option<NamedKey> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return None;
    }
    let algorithm = match jwk.alg.as_deref() {
        None => None,
        // A key for an algorithm that is not accepted verifies nothing here.
        Some(name) => Some(Algorithm::parse(name)?),
    };
    let decoded = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => PublicKey::rsa(&decoded(&jwk.n)?, &decoded(&jwk.e)?)?,
        ("EC", Some("P-256")) => PublicKey::P256(point(&decoded(&jwk.x)?, &decoded(&jwk.y)?, 32)?),
        ("EC", Some("P-384")) => PublicKey::P384(point(&decoded(&jwk.x)?, &decoded(&jwk.y)?, 48)?),
        _ => return None,
    };
    Some(NamedKey { kid: jwk.kid, algorithm, key })
}

/// The uncompressed form of a point (SEC 1 section 2.3.3).
fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[4_u8][..], x, y].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_keeps_only_what_can_verify() {
        let n = URL_SAFE_NO_PAD.encode([0xff_u8; 256]);
        let short = URL_SAFE_NO_PAD.encode([0xff_u8; 128]);
        let coordinate = URL_SAFE_NO_PAD.encode([1_u8; 32]);
        let set = json!({ "keys": [
            { "kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "alg": "RS256", "use": "sig" },
            { "kty": "RSA", "kid": "too short", "n": short, "e": "AQAB" },
            { "kty": "RSA", "kid": "for encryption", "n": n, "e": "AQAB", "use": "enc" },
            { "kty": "RSA", "kid": "shared secret's name", "n": n, "e": "AQAB", "alg": "HS256" },
            { "kty": "oct", "kid": "shared secret", "k": "AAAA" },
            { "kty": "EC", "crv": "P-256", "x": coordinate, "y": coordinate },
            { "kty": "EC", "crv": "P-384", "x": coordinate, "y": coordinate },
            "not an object", 7, { "kty": 7 },
        ]});
        let keys = parse_set(set.to_string().as_bytes()).unwrap();
        let kept: Vec<_> = keys.iter().map(|key| (key.kid.as_deref(), key.algorithm)).collect();
        assert_eq!(kept, [(Some("a"), Some(Algorithm::Rs256)), (None, None)]);
        assert_eq!(parse_set(b"[]"), None);
        assert_eq!(parse_set(b"{\"keys\":[]}"), Some(Vec::new()));
    }

    #[test]
    fn a_key_of_another_kind_verifies_nothing() {
        let rsa = PublicKey::rsa(&[0xff; 256], &[1, 0, 1]).unwrap();
        let curve = PublicKey::P256(vec![4; 65]);
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Es384] {
            assert!(!rsa.verifies(algorithm, b"m", &[0; 256]));
            assert!(!curve.verifies(algorithm, b"m", &[0; 64]));
        }
        for name in ["none", "None", "HS256", "rs256", "", "RS256 "] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
