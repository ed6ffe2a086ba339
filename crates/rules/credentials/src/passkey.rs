//! Passkeys: what an authenticator says when it makes a key, and when it signs with it (Web Authentication Level 2,
//! sections 7.1 and 7.2).
//!
//! Attestation is neither asked for nor looked at: any authenticator will do. User verification is required, so a
//! passkey is possession and knowledge (or a finger) at once.

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::cbor::Value;
use crate::key::PublicKey;

/// The algorithms that are asked for, as COSE numbers them: ES256, RS256.
pub const ALGORITHMS: [i64; 2] = [ES256, RS256];
const ES256: i64 = -7;
const RS256: i64 = -257;
/// Longer data is not looked at.
const LONGEST: usize = 16 * 1024;
/// Longer names of keys are not kept (section 5.1.3 of CTAP leaves it at 1023).
const LONGEST_ID: usize = 1023;
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// Whom a passkey is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party<'a> {
    /// The host name that the passkey is bound to.
    pub id: &'a str,
    /// The origin of the page: scheme, host and port.
    pub origin: &'a str,
}

/// A passkey as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// A COSE key.
    pub public_key: Vec<u8>,
    /// The authenticator's counter; 0 if it has none.
    pub counter: u32,
}

/// Why what an authenticator said does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// It cannot be read.
    #[error("the authenticator's data is malformed")]
    Malformed,
    /// It answers another question: another ceremony, challenge, page or host.
    #[error("the authenticator's data is for another ceremony")]
    Another,
    /// Nobody was there, or nobody knows who.
    #[error("the authenticator did not verify the user")]
    NotVerified,
    /// The key is of a kind that was not asked for.
    #[error("the authenticator's key is not of a kind that was asked for")]
    Key,
    /// The passkey's key did not sign it.
    #[error("the authenticator's signature is wrong")]
    Signature,
    /// The counter went back: there are two of the authenticator.
    #[error("the authenticator's counter went back; it may have been copied")]
    Copied,
}

/// What the browser says it was asked (section 5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// What the authenticator says (section 6.1).
struct AuthenticatorData<'a> {
    counter: u32,
    flags: u8,
    rest: &'a [u8],
}

/// Checks a passkey that was just made.
///
/// # Errors
/// [`PasskeyError`].
pub fn verify_registration(
    party: Party<'_>,
    challenge: &[u8],
    client_data: &[u8],
    attestation: &[u8],
) -> Result<Registered, PasskeyError> {
    check_client_data(party, "webauthn.create", challenge, client_data)?;
    if attestation.len() > LONGEST {
        return Err(PasskeyError::Malformed);
    }
    let (attestation, rest) = Value::read(attestation).ok_or(PasskeyError::Malformed)?;
    let data = attestation.named("authData").and_then(Value::bytes).ok_or(PasskeyError::Malformed)?;
    let data = read_authenticator_data(party, data)?;
    if !rest.is_empty() || data.flags & ATTESTED == 0 {
        return Err(PasskeyError::Malformed);
    }
    let (credential_id, key) = attested(data.rest).ok_or(PasskeyError::Malformed)?;
    let (_, after) = Value::read(key).ok_or(PasskeyError::Malformed)?;
    let key = key.get(..key.len() - after.len()).ok_or(PasskeyError::Malformed)?;
    public_key(key).ok_or(PasskeyError::Key)?;
    Ok(Registered { credential_id: credential_id.to_vec(), public_key: key.to_vec(), counter: data.counter })
}

/// Checks a signature of a passkey; answers the authenticator's counter. `counter` is the one of its last use.
///
/// # Errors
/// [`PasskeyError`].
pub fn verify_signature(
    party: Party<'_>,
    challenge: &[u8],
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
    public_key: &[u8],
    counter: u32,
) -> Result<u32, PasskeyError> {
    check_client_data(party, "webauthn.get", challenge, client_data)?;
    let data = read_authenticator_data(party, authenticator_data)?;
    let key = self::public_key(public_key).ok_or(PasskeyError::Key)?;
    let hash = digest::digest(&digest::SHA256, client_data);
    let message = [authenticator_data, hash.as_ref()].concat();
    let signed = match &key {
        PublicKey::P256(point) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&message, signature).is_ok()
        }
        PublicKey::Rsa { n, e } => {
            PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, &message, signature).is_ok()
        }
        PublicKey::P384(_) => false,
    };
    if !signed {
        return Err(PasskeyError::Signature);
    }
    if (data.counter != 0 || counter != 0) && data.counter <= counter {
        return Err(PasskeyError::Copied);
    }
    Ok(data.counter)
}

fn check_client_data(
    party: Party<'_>,
    ceremony: &str,
    challenge: &[u8],
    client_data: &[u8],
) -> Result<(), PasskeyError> {
    if client_data.len() > LONGEST {
        return Err(PasskeyError::Malformed);
    }
    let said: ClientData = serde_json::from_slice(client_data).map_err(|_| PasskeyError::Malformed)?;
    let same = said.ceremony == ceremony
        && said.challenge == URL_SAFE_NO_PAD.encode(challenge)
        && said.origin == party.origin
        && !said.cross_origin;
    if same { Ok(()) } else { Err(PasskeyError::Another) }
}

fn read_authenticator_data<'a>(
    party: Party<'_>,
    data: &'a [u8],
) -> Result<AuthenticatorData<'a>, PasskeyError> {
    if data.len() > LONGEST {
        return Err(PasskeyError::Malformed);
    }
    let (host, data) = data.split_at_checked(32).ok_or(PasskeyError::Malformed)?;
    let (flags, data) = data.split_first().ok_or(PasskeyError::Malformed)?;
    let (counter, rest) = data.split_first_chunk::<4>().ok_or(PasskeyError::Malformed)?;
    if host != digest::digest(&digest::SHA256, party.id.as_bytes()).as_ref() {
        return Err(PasskeyError::Another);
    }
    if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        return Err(PasskeyError::NotVerified);
    }
    Ok(AuthenticatorData { counter: u32::from_be_bytes(*counter), flags: *flags, rest })
}

/// The name of a new passkey, and its key with what follows it (section 6.5.1).
fn attested(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_model, data) = data.split_at_checked(16)?;
    let (length, data) = data.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > LONGEST_ID {
        return None;
    }
    data.split_at_checked(length)
}

/// A COSE key (RFC 9053) of a kind that was asked for.
fn public_key(cose: &[u8]) -> Option<PublicKey> {
    let (key, rest) = Value::read(cose)?;
    if !rest.is_empty() {
        return None;
    }
    let number = |label| key.at(label).and_then(Value::integer);
    let bytes = |label| key.at(label).and_then(Value::bytes);
    match (number(1)?, number(3)?) {
        (2, ES256) if number(-1)? == 1 => {
            let (x, y) = (bytes(-2)?, bytes(-3)?);
            let fits = x.len() == 32 && y.len() == 32;
            fits.then(|| PublicKey::P256([&[4_u8][..], x, y].concat()))
        }
        (3, RS256) => PublicKey::rsa(bytes(-1)?, bytes(-2)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use proptest::prelude::*;
    use serde_json::json;

    const PARTY: Party<'_> = Party { id: "localhost", origin: "https://localhost:8444" };
    const CHALLENGE: &[u8] = b"challenge";

    struct Authenticator {
        pair: EcdsaKeyPair,
        counter: u32,
        flags: u8,
    }

    impl Authenticator {
        fn new() -> Authenticator {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
            Authenticator { pair, counter: 0, flags: USER_PRESENT | USER_VERIFIED }
        }

        fn data(&self, host: &str, attested: bool) -> Vec<u8> {
            let mut data = digest::digest(&digest::SHA256, host.as_bytes()).as_ref().to_vec();
            data.push(self.flags | if attested { ATTESTED } else { 0 });
            data.extend(self.counter.to_be_bytes());
            if attested {
                data.extend([0; 16]);
                data.extend([0, 4]);
                data.extend(b"name");
                data.extend(self.cose());
            }
            data
        }

        fn cose(&self) -> Vec<u8> {
            let point = self.pair.public_key().as_ref();
            let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
            key.extend(&point[1..33]);
            key.extend([0x22, 0x58, 0x20]);
            key.extend(&point[33..]);
            key
        }

        fn attestation(&self, host: &str) -> Vec<u8> {
            let data = self.data(host, true);
            let mut object = vec![0xa3, 0x63];
            object.extend(b"fmt");
            object.push(0x64);
            object.extend(b"none");
            object.push(0x67);
            object.extend(b"attStmt");
            object.push(0xa0);
            object.push(0x68);
            object.extend(b"authData");
            object.extend([0x58, u8::try_from(data.len()).unwrap()]);
            object.extend(data);
            object
        }

        fn sign(&self, client_data: &[u8]) -> (Vec<u8>, Vec<u8>) {
            let data = self.data(PARTY.id, false);
            let hash = digest::digest(&digest::SHA256, client_data);
            let message = [&data[..], hash.as_ref()].concat();
            let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
            (data, signature.as_ref().to_vec())
        }
    }

    fn client_data(ceremony: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        json!({ "type": ceremony, "challenge": challenge, "origin": origin }).to_string().into_bytes()
    }

    #[test]
    fn a_passkey_is_made_and_used() {
        let mut authenticator = Authenticator::new();
        let made = client_data("webauthn.create", CHALLENGE, PARTY.origin);
        let registered =
            verify_registration(PARTY, CHALLENGE, &made, &authenticator.attestation(PARTY.id)).unwrap();
        assert_eq!(registered.credential_id, b"name");
        assert_eq!(registered.public_key, authenticator.cose());

        let asked = client_data("webauthn.get", CHALLENGE, PARTY.origin);
        let verify = |authenticator: &Authenticator, asked: &[u8], counter| {
            let (data, signature) = authenticator.sign(asked);
            verify_signature(PARTY, CHALLENGE, asked, &data, &signature, &registered.public_key, counter)
        };
        assert_eq!(verify(&authenticator, &asked, 0), Ok(0), "no counter");
        authenticator.counter = 5;
        assert_eq!(verify(&authenticator, &asked, 4), Ok(5));
        assert_eq!(verify(&authenticator, &asked, 5), Err(PasskeyError::Copied));
        assert_eq!(verify(&Authenticator::new(), &asked, 0), Err(PasskeyError::Signature));
        for (ceremony, challenge, origin) in [
            ("webauthn.create", CHALLENGE, PARTY.origin),
            ("webauthn.get", b"another", PARTY.origin),
            ("webauthn.get", CHALLENGE, "https://evil.example"),
            ("webauthn.get", CHALLENGE, "https://localhost:8444.evil.example"),
            ("webauthn.get", CHALLENGE, "http://localhost:8444"),
        ] {
            let other = client_data(ceremony, challenge, origin);
            assert_eq!(verify(&authenticator, &other, 0), Err(PasskeyError::Another));
        }
        authenticator.flags = USER_PRESENT;
        assert_eq!(verify(&authenticator, &asked, 0), Err(PasskeyError::NotVerified));
        authenticator.flags = USER_VERIFIED;
        assert_eq!(verify(&authenticator, &asked, 0), Err(PasskeyError::NotVerified));
    }

    #[test]
    fn what_is_no_registration_is_refused() {
        let authenticator = Authenticator::new();
        let made = client_data("webauthn.create", CHALLENGE, PARTY.origin);
        let object = authenticator.attestation(PARTY.id);
        let other_host = authenticator.attestation("evil.example");
        assert_eq!(verify_registration(PARTY, CHALLENGE, &made, &other_host), Err(PasskeyError::Another));
        for end in 0..object.len() {
            assert!(verify_registration(PARTY, CHALLENGE, &made, &object[..end]).is_err());
        }
        let asked = client_data("webauthn.get", CHALLENGE, PARTY.origin);
        assert_eq!(verify_registration(PARTY, CHALLENGE, &asked, &object), Err(PasskeyError::Another));
        let mut longer = object.clone();
        longer.push(0);
        assert_eq!(verify_registration(PARTY, CHALLENGE, &made, &longer), Err(PasskeyError::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let made = client_data("webauthn.create", CHALLENGE, PARTY.origin);
            let _ = verify_registration(PARTY, CHALLENGE, &made, &bytes);
            let _ = verify_registration(PARTY, CHALLENGE, &bytes, &bytes);
            let asked = client_data("webauthn.get", CHALLENGE, PARTY.origin);
            let _ = verify_signature(PARTY, CHALLENGE, &asked, &bytes, &bytes, &bytes, 0);
        }
    }
}
