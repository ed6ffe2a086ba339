//! Which federated credential an outside token matches (reference entra-arm-clients.md section 3.3): issuer,
//! subject and audience are equal, letter case included.

use crate::assertion::Claims;

/// What a federated credential asks of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// Its `iss`.
    pub issuer: String,
    /// Its `sub`.
    pub subject: String,
    /// One of these is in its `aud`.
    pub audiences: Vec<String>,
}

/// Why no credential matches: the first of these that differs in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// There are no credentials.
    #[error("the application has no federated credentials")]
    NoCredential,
    /// None is of this issuer.
    #[error("no federated credential has the token's issuer")]
    Issuer,
    /// Those of the issuer are for other subjects.
    #[error("no federated credential of the issuer has the token's subject")]
    Subject,
    /// Issuer and subject are right.
    #[error("the federated credential is for another audience")]
    Audience,
    /// Only letter case differs.
    #[error("a federated credential differs from the token in letter case only")]
    LetterCase,
}

/// The position of the credential that the token matches.
///
/// # Errors
/// [`Mismatch`].
pub fn find<'c>(
    credentials: impl IntoIterator<Item = &'c Trusted>,
    claims: &Claims,
) -> Result<usize, Mismatch> {
    let mut closest = Mismatch::NoCredential;
    for (position, credential) in credentials.into_iter().enumerate() {
        match compare(credential, claims) {
            None => return Ok(position),
            Some(mismatch) if rank(mismatch) > rank(closest) => closest = mismatch,
            Some(_) => {}
        }
    }
    Err(closest)
}

fn compare(credential: &Trusted, claims: &Claims) -> Option<Mismatch> {
    let alike = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    if credential.issuer != claims.issuer {
        return Some(
            if alike(&credential.issuer, &claims.issuer) && alike(&credential.subject, &claims.subject) {
                Mismatch::LetterCase
            } else {
                Mismatch::Issuer
            },
        );
    }
    if credential.subject != claims.subject {
        let case = alike(&credential.subject, &claims.subject);
        return Some(if case { Mismatch::LetterCase } else { Mismatch::Subject });
    }
    let named = |audience: &String| claims.audiences.contains(audience);
    if credential.audiences.iter().any(named) {
        return None;
    }
    let nearly = |audience: &String| claims.audiences.iter().any(|sent| alike(sent, audience));
    let case = credential.audiences.iter().any(nearly);
    Some(if case { Mismatch::LetterCase } else { Mismatch::Audience })
}

/// How close a mismatch is to a match.
fn rank(mismatch: Mismatch) -> u8 {
    match mismatch {
        Mismatch::NoCredential => 0,
        Mismatch::Issuer => 1,
        Mismatch::Subject => 2,
        Mismatch::Audience => 3,
        Mismatch::LetterCase => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(issuer: &str, subject: &str, audience: &str) -> Trusted {
        Trusted { issuer: issuer.into(), subject: subject.into(), audiences: vec![audience.into()] }
    }

    fn claims(issuer: &str, subject: &str, audiences: &[&str]) -> Claims {
        Claims {
            issuer: issuer.into(),
            subject: subject.into(),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
            expires: 0,
            not_before: None,
            issued_at: None,
            id: None,
        }
    }

    #[test]
    fn a_token_matches_exactly_or_says_what_differs() {
        let known = [trusted("https://i/", "s", "a"), trusted("https://j", "t", "a")];
        for (issuer, subject, audiences, expected) in [
            ("https://i/", "s", &["a"][..], Ok(0)),
            ("https://j", "t", &["b", "a"], Ok(1)),
            ("https://i", "s", &["a"], Err(Mismatch::Issuer)),
            ("https://i/", "t", &["a"], Err(Mismatch::Subject)),
            ("https://i/", "s", &["b"], Err(Mismatch::Audience)),
            ("https://i/", "s", &[], Err(Mismatch::Audience)),
            ("https://i/", "S", &["a"], Err(Mismatch::LetterCase)),
            ("https://I/", "s", &["a"], Err(Mismatch::LetterCase)),
            ("https://i/", "s", &["A"], Err(Mismatch::LetterCase)),
            ("", "", &[""], Err(Mismatch::Issuer)),
        ] {
            assert_eq!(find(&known, &claims(issuer, subject, audiences)), expected, "{issuer} {subject}");
        }
        assert_eq!(find(&[], &claims("https://i/", "s", &["a"])), Err(Mismatch::NoCredential));
    }
}
