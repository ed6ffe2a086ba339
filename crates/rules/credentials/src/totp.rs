//! Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of thirty seconds, as every authenticator
//! app makes them.

use aws_lc_rs::hmac;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of a new secret (RFC 4226 section 4 asks for 160 bits).
pub const SECRET_LENGTH: usize = 20;
/// Seconds of a step.
pub const STEP: i64 = 30;
/// Steps before and after the present one that are accepted (RFC 6238 section 5.2).
const DRIFT: i64 = 1;
/// One more than the greatest code.
const MODULUS: u32 = 1_000_000;
/// Digits of a code.
const DIGITS: usize = 6;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What stands in a label without encoding (RFC 3986 section 2.3).
const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let mut word = [0_u8; 4];
    for (to, from) in word.iter_mut().zip(tag.iter().skip(offset)) {
        *to = *from;
    }
    (u32::from_be_bytes(word) & 0x7fff_ffff) % MODULUS
}

/// The step whose code this is, near `now` (seconds since the Unix epoch) and later than `used`, the last step
/// that was accepted: a code is good once (RFC 6238 section 5.2).
pub fn accepted_step(secret: &[u8], sent: &str, now: i64, used: i64) -> Option<i64> {
    let digits: String = sent.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sent: u32 = digits.parse().ok()?;
    let present = now.div_euclid(STEP);
    // All steps are computed, whichever matches.
    let mut found = None;
    for step in present.saturating_sub(DRIFT)..=present.saturating_add(DRIFT) {
        let matches = code(secret, step) == sent;
        if matches && step > used && found.is_none() {
            found = Some(step);
        }
    }
    found
}

/// A secret as people type it (RFC 4648 section 6, without padding).
pub fn base32(secret: &[u8]) -> String {
    let mut text = String::with_capacity(secret.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in secret {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            push(&mut text, bits >> held);
            bits &= (1 << held) - 1;
        }
    }
    if held > 0 {
        push(&mut text, bits << (5 - held));
    }
    text
}

fn push(text: &mut String, value: u32) {
    let position = usize::try_from(value & 31).unwrap_or_default();
    text.extend(BASE32.get(position).map(|byte| char::from(*byte)));
}

/// What an authenticator app scans: `otpauth://totp/Issuer:account?secret=…`.
pub fn provisioning_uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, LABEL).to_string();
    let (issuer, account) = (encoded(issuer), encoded(account));
    let secret = base32(secret);
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_specification() {
        // RFC 4226 appendix D, RFC 6238 appendix B (the last six of eight digits).
        for (step, expected) in [(0, 755_224), (1, 287_082), (9, 520_489), (37_037_036, 81_804)] {
            assert_eq!(code(SECRET, step), expected);
        }
        for (now, expected) in [(59, 287_082), (1_111_111_109, 81_804), (20_000_000_000, 353_130)] {
            assert_eq!(code(SECRET, now / STEP), expected);
        }
    }

    #[test]
    fn a_code_is_good_once_and_not_for_long() {
        let now = 1_000_000_000;
        let present = now / STEP;
        let text = |step| format!("{:06}", code(SECRET, step));
        for (step, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let accepted = accepted_step(SECRET, &text(present + step), now, 0);
            assert_eq!(accepted, good.then_some(present + step), "{step}");
        }
        let spaced = text(present);
        let (first, second) = spaced.split_at(3);
        let spaced = format!("{first} {second}");
        assert_eq!(accepted_step(SECRET, &spaced, now, present - 1), Some(present));
        assert_eq!(accepted_step(SECRET, &spaced, now, present), None, "it was used");
        assert_eq!(accepted_step(SECRET, &text(present - 1), now, present), None, "so was an earlier one");
        for nonsense in ["", "12345", "1234567", "abcdef", "+12345", "-12345", "１２３４５６", "12345a"]
        {
            assert_eq!(accepted_step(SECRET, nonsense, now, 0), None, "{nonsense}");
        }
        assert_eq!(accepted_step(SECRET, "000000", i64::MAX, i64::MAX), None);
        assert_eq!(accepted_step(SECRET, "000000", i64::MIN, i64::MAX), None);
    }

    #[test]
    fn secrets_as_people_and_apps_read_them() {
        // RFC 4648 section 10.
        for (plain, encoded) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
        ] {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
        assert_eq!(
            provisioning_uri("Contoso & Co", "ada@contoso.example", b"fooba"),
            "otpauth://totp/Contoso%20%26%20Co:ada%40contoso.example?secret=MZXW6YTB\
             &issuer=Contoso%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
