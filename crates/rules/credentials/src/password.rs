//! The rule for the passwords of users: long enough, of several kinds of characters, and not a common one in
//! disguise.

use crate::common_passwords::COMMON;

/// Fewest characters.
pub const SHORTEST: usize = 8;
/// Most characters. Hashing takes the same time for any length; the bound is for what is stored and sent.
pub const LONGEST: usize = 256;
/// From this length on a password need not have several kinds of characters.
const PASSPHRASE: usize = 16;
/// Kinds of characters that a shorter one must have: lower case, upper case, digits, everything else.
const KINDS: usize = 3;
/// What a password must amount to: a common word counts one, as does each character outside of them.
const POINTS: usize = 5;
/// Shorter words of the user's own are too easily met by chance.
const SHORTEST_OWN_WORD: usize = 3;

/// What is wrong with a password, for the people who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too few characters.
    #[error("The password must have at least {SHORTEST} characters.")]
    TooShort,
    /// Too many characters.
    #[error("The password must have at most {LONGEST} characters.")]
    TooLong,
    /// Too few kinds of characters.
    #[error(
        "The password must have three of these: lower case letters, upper case letters, digits, symbols; or at \
         least {PASSPHRASE} characters."
    )]
    TooUniform,
    /// Mostly words, names or sequences that are tried first.
    #[error("The password contains words or patterns that are easily guessed. Choose another.")]
    TooCommon,
    /// It has a control character, which some clients cannot send.
    #[error("The password must not have control characters.")]
    ControlCharacter,
}

/// Whether a password is good enough. `own` is what everybody knows of the user: the sign-in name, the display
/// name, the tenant's name.
///
/// # Errors
/// [`Weakness`], the first that applies.
pub fn check(password: &str, own: &[&str]) -> Result<(), Weakness> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Weakness::TooShort);
    }
    if length > LONGEST {
        return Err(Weakness::TooLong);
    }
    if password.chars().any(char::is_control) {
        return Err(Weakness::ControlCharacter);
    }
    if length < PASSPHRASE && kinds(password) < KINDS {
        return Err(Weakness::TooUniform);
    }
    if points(password, own) < POINTS { Err(Weakness::TooCommon) } else { Ok(()) }
}

fn kinds(password: &str) -> usize {
    let has = |kind: fn(char) -> bool| usize::from(password.chars().any(kind));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|c| c.is_ascii_digit())
        + has(|c| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit())
}

/// What a password amounts to: from left to right the longest common word counts one point, and so does each
/// other character; what repeats the one before it counts nothing.
fn points(password: &str, own: &[&str]) -> usize {
    let plain = plain(password);
    let mut words: Vec<String> = COMMON.split_ascii_whitespace().map(self::plain).collect();
    for text in own {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        words.extend(parts.map(self::plain).filter(|word| word.chars().count() >= SHORTEST_OWN_WORD));
    }
    let (mut rest, mut points, mut before) = (plain.as_str(), 0, "");
    while let Some(first) = rest.chars().next() {
        let word = words.iter().filter(|word| rest.starts_with(word.as_str())).map(String::len).max();
        let length = word.filter(|length| *length > 0).unwrap_or(first.len_utf8());
        let Some((taken, left)) = rest.split_at_checked(length) else { break };
        points += usize::from(taken != before);
        (before, rest) = (taken, left);
    }
    points
}

/// A text without letter case and without the usual disguises: what looks alike becomes one character.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '0' => 'o',
            '1' | 'l' | '!' | '|' => 'i',
            '2' => 'z',
            '3' | '€' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' | '+' => 't',
            '8' => 'b',
            '9' => 'g',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_tried_first_is_refused() {
        let own = ["ada.lovelace@contoso.example", "Ada Lovelace", "Contoso"];
        for (password, expected) in [
            ("", Err(Weakness::TooShort)),
            ("Ab1!", Err(Weakness::TooShort)),
            ("abcdefgh", Err(Weakness::TooUniform)),
            ("kwvmzptq", Err(Weakness::TooUniform)),
            ("Password1", Err(Weakness::TooCommon)),
            ("P@ssw0rd!", Err(Weakness::TooCommon)),
            ("P@ssw0rd2026", Err(Weakness::TooCommon)),
            ("Welcome123", Err(Weakness::TooCommon)),
            ("Qwerty123!", Err(Weakness::TooCommon)),
            ("Lovelace1!", Err(Weakness::TooCommon)),
            ("Contoso2026", Err(Weakness::TooCommon)),
            ("Aaaaaaa1", Err(Weakness::TooCommon)),
            ("aaaaaaaaaaaaaaaaaaaa", Err(Weakness::TooCommon)),
            ("Summer2026!", Err(Weakness::TooCommon)),
            ("line\nbreak A1", Err(Weakness::ControlCharacter)),
            ("Kw9!vmzp", Ok(())),
            ("correct horse battery staple", Ok(())),
            ("Grüße aus Köln 7", Ok(())),
        ] {
            assert_eq!(check(password, &own), expected, "{password}");
        }
        assert_eq!(check(&"ab1".repeat(100), &own), Err(Weakness::TooLong));
    }

    #[test]
    fn the_list_is_clean() {
        let words: Vec<&str> = COMMON.split_ascii_whitespace().collect();
        assert!(words.len() >= 300, "{}", words.len());
        for word in &words {
            assert!(word.len() >= 4 || ["123", "abc", "qwe", "asd"].contains(word), "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{word}");
        }
        let mut once = words.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), words.len(), "no word stands there twice");
    }

    proptest! {
        #[test]
        fn no_text_panics(password in "\\PC*", own in "\\PC*") {
            let _ = check(&password, &[&own]);
        }

        /// Passwords as this server generates them pass.
        #[test]
        fn random_passwords_pass(password in "[a-km-zA-HJ-NP-Z2-9]{24}") {
            prop_assert_eq!(check(&password, &["admin@gatepost.localhost", "Administrator"]), Ok(()));
        }
    }
}
