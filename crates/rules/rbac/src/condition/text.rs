//! Comparing texts without allocating.

use std::str::Chars;

use super::operator::TextTest;

/// Whether `value` passes a test against `pattern`. Letter case is that of Unicode, each character by
/// itself.
pub(super) fn passes(test: TextTest, value: &str, pattern: &str, ignore_case: bool) -> bool {
    match (test, ignore_case) {
        (TextTest::Equals, false) => value == pattern,
        (TextTest::Equals, true) => lower(value).eq(lower(pattern)),
        (TextTest::StartsWith, false) => value.starts_with(pattern),
        (TextTest::StartsWith, true) => {
            let mut value = lower(value);
            lower(pattern).all(|c| value.next() == Some(c))
        }
        (TextTest::Like, false) => like(value, pattern, |a, b| a == b),
        (TextTest::Like, true) => like(value, pattern, |a, b| a.to_lowercase().eq(b.to_lowercase())),
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// A piece of a pattern.
enum Piece {
    /// `*`: any run of characters.
    Many,
    /// `?`: any character.
    One,
    /// This character; `\*`, `\?` and `\\` are such.
    Just(char),
}

fn piece(pattern: &mut Chars<'_>) -> Option<Piece> {
    Some(match pattern.next()? {
        '*' => Piece::Many,
        '?' => Piece::One,
        '\\' => {
            let escaped = pattern.clone().next().filter(|c| matches!(c, '*' | '?' | '\\'));
            if escaped.is_some() {
                pattern.next();
            }
            Piece::Just(escaped.unwrap_or('\\'))
        }
        c => Piece::Just(c),
    })
}

/// Whether `value` is like `pattern`. The cost is at most the product of the lengths: of all `*`, only the
/// last one met is tried again.
fn like(value: &str, pattern: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut left, mut ahead) = (value.chars(), pattern.chars());
    // What follows the last `*`, and where the characters that it stands for end so far.
    let mut again: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut next = ahead.clone();
        let fits = match piece(&mut next) {
            Some(Piece::Many) => {
                again = Some((next.clone(), left.clone()));
                true
            }
            Some(Piece::One) => left.next().is_some(),
            Some(Piece::Just(c)) => left.next().is_some_and(|other| same(other, c)),
            None if left.as_str().is_empty() => return true,
            None => false,
        };
        if fits {
            ahead = next;
            continue;
        }
        let Some((after, from)) = &mut again else { return false };
        if from.next().is_none() {
            return false;
        }
        (ahead, left) = (after.clone(), from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule, slow and plain.
    fn naive(value: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => value.is_empty(),
            ['*', more @ ..] => naive(value, more) || (!value.is_empty() && naive(&value[1..], pattern)),
            ['?', more @ ..] => !value.is_empty() && naive(&value[1..], more),
            ['\\', c @ ('*' | '?' | '\\'), more @ ..] | [c, more @ ..] => {
                value.first() == Some(c) && naive(&value[1..], more)
            }
        }
    }

    #[test]
    fn the_documents_examples() {
        for (value, pattern, expected) in [
            ("abcd", "a*c?", true),
            ("abcd", "A*C?", false),
            ("abcd", "a*c", false),
            ("a*c", "a\\*c", true),
            ("abc", "a\\*c", false),
            ("a?", "a\\?", true),
            ("ab", "a\\?", false),
            ("a\\b", "a\\b", true),
            ("a\\b", "a\\\\b", true),
            ("a\\", "a\\", true),
            ("", "*", true),
            ("", "?", false),
            ("\u{e9}", "?", true),
            ("aaab", "*a?b", true),
        ] {
            assert_eq!(passes(TextTest::Like, value, pattern, false), expected, "{value} like {pattern}");
        }
        assert!(passes(TextTest::Like, "ABCD", "a*c?", true));
        assert!(passes(TextTest::Equals, "\u{c9}a", "\u{e9}A", true));
        assert!(passes(TextTest::StartsWith, "Billing@", "bill", true));
        assert!(!passes(TextTest::StartsWith, "Bill", "billing", true));
        assert!(!passes(TextTest::StartsWith, "Billing", "bill", false));
    }

    #[test]
    fn a_hostile_pattern_takes_no_more_than_the_product() {
        let (value, pattern) = ("a".repeat(2_000), format!("{}b", "*a".repeat(1_000)));
        assert!(!passes(TextTest::Like, &value, &pattern, false));
    }

    proptest! {
        #[test]
        fn like_is_the_naive_rule(value in "[ab*\\\\]{0,8}", pattern in "[ab*?\\\\]{0,7}") {
            let (v, p): (Vec<char>, Vec<char>) = (value.chars().collect(), pattern.chars().collect());
            prop_assert_eq!(passes(TextTest::Like, &value, &pattern, false), naive(&v, &p));
        }
    }
}
