//! Proof Key for Code Exchange (RFC 7636), by its one safe method: S256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::SignInError;

/// The hash of a secret that the client will show when it redeems its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method` of an authorization request.
    ///
    /// # Errors
    /// [`SignInError::InvalidChallenge`] for any other method than S256, `plain` and its absence included
    /// (RFC 7636 section 4.3 would take that for `plain`), and for a value that no SHA-256 has.
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Challenge>, SignInError> {
        let Some(challenge) = challenge else {
            return if method.is_some() { Err(SignInError::InvalidChallenge) } else { Ok(None) };
        };
        let is_hash = URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32);
        if method != Some("S256") || !is_hash {
            return Err(SignInError::InvalidChallenge);
        }
        Ok(Some(Challenge(challenge.to_owned())))
    }

    /// A challenge that was read before and kept.
    pub fn kept(challenge: String) -> Challenge {
        Challenge(challenge)
    }

    /// As it came, to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the SHA-256 of the verifier that belongs to the challenge. The hash is no secret: what
    /// was sent in the clear is compared with it.
    pub fn accepts(&self, hash_of_verifier: &[u8]) -> bool {
        self.0 == URL_SAFE_NO_PAD.encode(hash_of_verifier)
    }
}

/// Whether a text can be a verifier: 43 to 128 unreserved characters (RFC 7636 section 4.1).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const HASH: [u8; 32] = [
        19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173, 109, 241,
        68, 86, 110, 225, 137, 74, 203, 112, 249, 195,
    ];

    #[test]
    fn the_example_of_the_rfc() {
        let challenge = Challenge::read(Some(CHALLENGE), Some("S256")).unwrap().unwrap();
        assert!(is_verifier(VERIFIER));
        assert!(challenge.accepts(&HASH));
        assert!(!challenge.accepts(&[0; 32]) && !challenge.accepts(&[]));
    }

    #[test]
    fn no_weaker_method() {
        for (challenge, method) in [
            (Some(CHALLENGE), None),
            (Some(CHALLENGE), Some("plain")),
            (Some(CHALLENGE), Some("s256")),
            (None, Some("S256")),
            (Some("short"), Some("S256")),
            (Some(VERIFIER), Some("plain")),
            (Some(""), Some("S256")),
        ] {
            assert_eq!(
                Challenge::read(challenge, method),
                Err(SignInError::InvalidChallenge),
                "{challenge:?}"
            );
        }
        assert_eq!(Challenge::read(None, None), Ok(None));
        assert!(!is_verifier("short") && !is_verifier(&"a".repeat(129)) && !is_verifier(&"ä".repeat(43)));
    }
}
