//! Client assertions: JSON Web Tokens by which an application proves itself (RFC 7521, RFC 7523), signed by a
//! registered certificate's key or issued by an outside issuer that the application trusts.
//!
//! Reading one verifies nothing: its claims say which key to look for, and count only after
//! [`Assertion::is_signed_by`].

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::key::{Algorithm, PublicKey};

/// Longer texts are not looked at. A certificate chain in `x5c` takes a few thousand characters.
pub const LONGEST: usize = 32 * 1024;
/// How far the clocks of two machines may be apart, in seconds.
pub const SKEW: i64 = 5 * 60;
/// How long a certificate's assertion may be good for, in seconds: what has been used must be remembered so long.
pub const LONGEST_LIFE: i64 = 24 * 60 * 60;

/// An assertion, not verified.
#[derive(Clone, Debug)]
pub struct Assertion<'a> {
    /// The algorithm of its signature.
    pub algorithm: Algorithm,
    /// Its header's `kid`.
    pub kid: Option<String>,
    /// The SHA-1 of the signing certificate, by its header's `x5t`.
    pub x5t: Option<Vec<u8>>,
    /// The SHA-256 of the signing certificate, by its header's `x5t#S256`.
    pub x5t_s256: Option<Vec<u8>>,
    /// What it claims.
    pub claims: Claims,
    message: &'a str,
    signature: Vec<u8>,
}

/// What an assertion claims. Times are seconds since the Unix epoch, rounded towards the shorter life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who issued it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// Whom it is for.
    pub audiences: Vec<String>,
    /// When it ends.
    pub expires: i64,
    /// From when it is good.
    pub not_before: Option<i64>,
    /// When it was issued.
    pub issued_at: Option<i64>,
    /// Its own name.
    pub id: Option<String>,
}

/// Why a text is not an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JSON Web Token with the claims that an assertion needs.
    #[error("the assertion is malformed")]
    Malformed,
    /// `none`, an algorithm with a shared secret, or an unknown one.
    #[error("the assertion's algorithm is not accepted")]
    Algorithm,
    /// It demands that an extension is understood.
    #[error("the assertion has critical header parameters")]
    Critical,
}

/// Why the times of an assertion do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is over.
    #[error("the assertion has expired")]
    Expired,
    /// It is not good yet, or was issued in the future.
    #[error("the assertion is not valid yet")]
    NotYetValid,
    /// It would be good for longer than is accepted, or ends before it begins.
    #[error("the assertion's life is too long")]
    TooLong,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    kid: Option<String>,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RawClaims {
    iss: String,
    // A proof of possession has none; an assertion without one is about nobody.
    #[serde(default)]
    sub: String,
    aud: Audiences,
    // Some libraries write fractions of a second.
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl<'a> Assertion<'a> {
    /// Reads an assertion in the compact serialization (RFC 7515 section 3.1).
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn parse(text: &'a str) -> Result<Assertion<'a>, AssertionError> {
        let malformed = AssertionError::Malformed;
        if text.len() > LONGEST {
            return Err(malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = message.split_once('.').ok_or(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let header: RawHeader = serde_json::from_slice(&decode(header)?).map_err(|_| malformed)?;
        let algorithm = Algorithm::parse(&header.alg).ok_or(AssertionError::Algorithm)?;
        if header.crit.is_some() {
            return Err(AssertionError::Critical);
        }
        let claims: RawClaims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed)?;
        let thumbprint =
            |text: Option<String>| text.map(|text| decode_padded(&text).ok_or(malformed)).transpose();
        Ok(Assertion {
            algorithm,
            kid: header.kid,
            x5t: thumbprint(header.x5t)?,
            x5t_s256: thumbprint(header.x5t_s256)?,
            claims: Claims {
                issuer: claims.iss,
                subject: claims.sub,
                audiences: match claims.aud {
                    Audiences::One(audience) => vec![audience],
                    Audiences::Many(audiences) => audiences,
                },
                expires: seconds(claims.exp.floor()).ok_or(malformed)?,
                not_before: claims.nbf.map(|at| seconds(at.ceil()).ok_or(malformed)).transpose()?,
                issued_at: claims.iat.map(|at| seconds(at.floor()).ok_or(malformed)).transpose()?,
                id: claims.jti,
            },
            message,
            signature: decode(signature)?,
        })
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.algorithm, self.message.as_bytes(), &self.signature)
    }
}

impl Claims {
    /// Whether it is good at `now`, seconds since the Unix epoch, give or take [`SKEW`].
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn check_times(&self, now: i64) -> Result<(), TimeError> {
        if now >= self.expires.saturating_add(SKEW) {
            return Err(TimeError::Expired);
        }
        let begins = self.not_before.unwrap_or(i64::MIN).max(self.issued_at.unwrap_or(i64::MIN));
        if begins > now.saturating_add(SKEW) {
            return Err(TimeError::NotYetValid);
        }
        match self.not_before {
            Some(not_before) if not_before >= self.expires => Err(TimeError::TooLong),
            _ => Ok(()),
        }
    }

    /// Whether it ends soon enough to be remembered until then.
    ///
    /// # Errors
    /// [`TimeError::TooLong`].
    pub fn check_life(&self, now: i64) -> Result<(), TimeError> {
        if self.expires.saturating_sub(now) > LONGEST_LIFE { Err(TimeError::TooLong) } else { Ok(()) }
    }

    /// Whether it is for one of these. URLs of this server are compared ignoring letter case and a slash at the
    /// end; whoever can make an assertion for one spelling can make one for another.
    pub fn is_for(&self, accepted: &[String]) -> bool {
        let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        self.audiences.iter().any(|audience| accepted.iter().any(|known| bare(known) == bare(audience)))
    }
}

/// The spellings of a token endpoint that an application's own assertion may be for: the endpoint as it is
/// advertised, v1 and v2, and the issuer, with the tenant as it was asked for, by its id, and by its domains.
/// `authority` is the base URL without a slash at the end.
pub fn audiences<'d>(
    authority: &str,
    segment: &'d str,
    tenant: &'d str,
    domains: impl IntoIterator<Item = &'d str>,
) -> Vec<String> {
    let mut names = vec![tenant, segment];
    names.extend(domains);
    names.sort_unstable();
    names.dedup();
    let ends = ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""];
    names.iter().flat_map(|name| ends.iter().map(move |end| format!("{authority}/{name}{end}"))).collect()
}

/// A time in whole seconds; `None` for what is no time, or further away than year 9999.
fn seconds(at: f64) -> Option<i64> {
    const LAST: f64 = 253_402_300_799.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bounds just checked")]
    (at.is_finite() && (0.0..=LAST).contains(&at)).then_some(at as i64)
}

fn decode_padded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([1, 2, 3]))
    }

    fn claims() -> Value {
        json!({ "iss": "a", "sub": "a", "aud": "https://x/t/v2.0", "exp": 1000.9, "iat": 400.2, "jti": "j" })
    }

    #[test]
    fn what_clients_send_is_read() {
        let header = json!({ "alg": "RS256", "typ": "JWT", "x5t": "AQIDBA==", "x5c": ["a\nb"] });
        let text = token(&header, &claims());
        let assertion = Assertion::parse(&text).unwrap();
        assert_eq!(assertion.x5t.as_deref(), Some(&[1_u8, 2, 3, 4][..]));
        assert_eq!(assertion.claims.expires, 1000);
        assert_eq!(assertion.claims.issued_at, Some(400));
        assert_eq!(assertion.claims.audiences, ["https://x/t/v2.0"]);
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        let header = json!({ "alg": "RS256" });
        for alg in ["none", "None", "HS256", "rs256", ""] {
            let text = token(&json!({ "alg": alg }), &claims());
            assert_eq!(Assertion::parse(&text).err(), Some(AssertionError::Algorithm), "{alg}");
        }
        let critical = token(&json!({ "alg": "RS256", "crit": ["b64"], "b64": false }), &claims());
        assert_eq!(Assertion::parse(&critical).err(), Some(AssertionError::Critical));
        for (name, value) in [
            ("exp", json!("1000")),
            ("exp", json!(1e300)),
            ("exp", json!(-1)),
            ("aud", json!(7)),
            ("sub", Value::Null),
            ("iss", json!(["a"])),
        ] {
            let mut changed = claims();
            changed[name] = value;
            assert_eq!(Assertion::parse(&token(&header, &changed)).err(), Some(AssertionError::Malformed));
        }
        let twice = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(r#"{"iss":"a","sub":"a","sub":"b","aud":"c","exp":1}"#)
        );
        for text in [twice.as_str(), "", ".", "..", "a.b.c", "a.b", &"a".repeat(LONGEST + 1)] {
            assert_eq!(Assertion::parse(text).err(), Some(AssertionError::Malformed));
        }
    }

    #[test]
    fn times_are_checked_with_some_skew() {
        let times = |exp, nbf: Option<i64>, iat: Option<i64>| Claims {
            issuer: String::new(),
            subject: String::new(),
            audiences: Vec::new(),
            expires: exp,
            not_before: nbf,
            issued_at: iat,
            id: None,
        };
        let now = 100_000;
        assert_eq!(times(now + 600, None, Some(now)).check_times(now), Ok(()));
        assert_eq!(times(now - SKEW + 1, None, None).check_times(now), Ok(()));
        assert_eq!(times(now - SKEW, None, None).check_times(now), Err(TimeError::Expired));
        assert_eq!(
            times(now + 600, Some(now + SKEW + 1), None).check_times(now),
            Err(TimeError::NotYetValid)
        );
        assert_eq!(
            times(now + 9999, None, Some(now + SKEW + 1)).check_times(now),
            Err(TimeError::NotYetValid)
        );
        assert_eq!(times(now, Some(now), None).check_times(now), Err(TimeError::TooLong));
        assert_eq!(times(now + LONGEST_LIFE + 1, None, None).check_life(now), Err(TimeError::TooLong));
        assert_eq!(times(i64::MAX, None, None).check_times(0), Ok(()));
    }

    #[test]
    fn audiences_in_all_spellings() {
        let accepted = audiences("https://h:8444", "contoso.example", "7b1c", ["contoso.example"]);
        for (audience, good) in [
            ("https://h:8444/7b1c/oauth2/v2.0/token", true),
            ("https://H:8444/7B1C/oauth2/token/", true),
            ("https://h:8444/contoso.example/v2.0", true),
            ("https://h:8444/7b1c/", true),
            ("https://h:8444/other/v2.0", false),
            ("https://h:8444", false),
            ("https://h:8444.evil.example/7b1c/v2.0", false),
            ("https://h/7b1c/v2.0", false),
        ] {
            let mut claims = claims();
            claims["aud"] = json!([audience]);
            let text = token(&json!({ "alg": "PS256" }), &claims);
            assert_eq!(Assertion::parse(&text).unwrap().claims.is_for(&accepted), good, "{audience}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", header in "\\PC*", claims in "\\PC*") {
            let _ = Assertion::parse(&text);
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let _ = Assertion::parse(&format!("{}.{}.{}", part(&header), part(&claims), text));
        }
    }
}
