//! Action strings and the patterns that match them (reference rbac.md section 2).

/// Most bytes that an action pattern of a custom role may have.
const MAX_BYTES: usize = 1024;

/// Why a text is not an action pattern that a custom role may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing at all.
    #[error("an action is not empty")]
    Empty,
    /// Longer than any action.
    #[error("an action has at most {MAX_BYTES} characters")]
    TooLong,
    /// More than one `*`.
    #[error("an action has at most one `*`")]
    ManyWildcards,
    /// A character that no action has.
    #[error("an action has letters, digits, `.`, `_`, `:`, `-`, `/` and one `*`; {0:?} is not among them")]
    BadCharacter(char),
    /// A slash at an end, or two in a row.
    #[error("an action has no empty segments")]
    EmptySegment,
    /// No slash and no `*`: a provider alone.
    #[error("an action is `Company.Provider/resourceType/verb`")]
    NoVerb,
}

/// A compiled action pattern. `*` stands for any run of characters, slashes too; letter case is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern {
    /// What stands before the first `*`, in lower case; the whole pattern if there is none.
    head: Box<str>,
    /// What stands after each `*`, in lower case.
    rest: Box<[Box<str>]>,
}

impl ActionPattern {
    /// Reads a pattern by the rules for custom roles: the characters of actions, no empty segments, at most
    /// one `*`.
    ///
    /// # Errors
    /// [`PatternError`] names the first rule that is broken.
    pub fn parse(text: &str) -> Result<ActionPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(PatternError::TooLong);
        }
        let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-' | '/' | '*'));
        if let Some(bad) = text.chars().find(odd) {
            return Err(PatternError::BadCharacter(bad));
        }
        if text.matches('*').count() > 1 {
            return Err(PatternError::ManyWildcards);
        }
        if text.split('/').any(str::is_empty) {
            return Err(PatternError::EmptySegment);
        }
        if !text.contains(['/', '*']) {
            return Err(PatternError::NoVerb);
        }
        Ok(ActionPattern::compile(text))
    }

    /// Compiles any text, without judging it: what is stored was checked when it came in, and the built-in
    /// roles hold a few strings that [`ActionPattern::parse`] would refuse. Each `*` is a wildcard.
    pub fn compile(text: &str) -> ActionPattern {
        let lower = text.to_ascii_lowercase();
        let mut pieces = lower.split('*').map(Box::<str>::from);
        ActionPattern { head: pieces.next().unwrap_or_default(), rest: pieces.collect() }
    }

    /// Whether the pattern has a `*`.
    pub fn has_wildcard(&self) -> bool {
        !self.rest.is_empty()
    }

    /// What stands before the first `*`, in lower case.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// What stands after the last `*`, in lower case; nothing if there is no `*`.
    pub(crate) fn tail(&self) -> &str {
        self.rest.last().map_or("", |tail| tail)
    }

    /// The pattern in lower case, if it has no `*`.
    pub(crate) fn into_exact(self) -> Result<Box<str>, ActionPattern> {
        if self.has_wildcard() { Err(self) } else { Ok(self.head) }
    }

    /// Whether it matches an action that is in lower case already.
    pub(crate) fn matches_lower(&self, action: &[u8]) -> bool {
        let Some((tail, middle)) = self.rest.split_last() else {
            return action == self.head.as_bytes();
        };
        let Some(mut left) = action.strip_prefix(self.head.as_bytes()) else { return false };
        for piece in middle {
            let at =
                (0..=left.len()).find(|at| left.get(*at..).is_some_and(|l| l.starts_with(piece.as_bytes())));
            match at.and_then(|at| left.get(at + piece.len()..)) {
                Some(shorter) => left = shorter,
                None => return false,
            }
        }
        left.ends_with(tail.as_bytes())
    }

    /// Whether it matches `action`.
    pub fn matches(&self, action: &str) -> bool {
        let action = action.as_bytes();
        let Some((tail, middle)) = self.rest.split_last() else {
            return action.eq_ignore_ascii_case(self.head.as_bytes());
        };
        let Some(mut left) = after_prefix(action, self.head.as_bytes()) else { return false };
        for piece in middle {
            match after_first(left, piece.as_bytes()) {
                Some(shorter) => left = shorter,
                None => return false,
            }
        }
        left.len()
            .checked_sub(tail.len())
            .and_then(|at| left.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(tail.as_bytes()))
    }
}

fn after_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, left) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(left)
}

fn after_first<'a>(text: &'a [u8], piece: &[u8]) -> Option<&'a [u8]> {
    (0..=text.len()).find_map(|at| after_prefix(text.get(at..)?, piece))
}

/// Whether `pattern` matches `action`, ignoring letter case; `*` is any run of characters. To ask one pattern
/// often, compile it.
pub fn action_matches(pattern: &str, action: &str) -> bool {
    ActionPattern::compile(pattern).matches(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as the documents put it, slow and plain: escape, replace `*` by `.*`, anchor both ends.
    fn naive(pattern: &[char], action: &[char]) -> bool {
        match (pattern.split_first(), action.split_first()) {
            (None, None) => true,
            (Some(('*', more)), None) => naive(more, action),
            (Some(('*', more)), Some((_, left))) => naive(more, action) || naive(pattern, left),
            (Some((p, more)), Some((a, left))) => p.eq_ignore_ascii_case(a) && naive(more, left),
            _ => false,
        }
    }

    #[test]
    fn the_documents_examples() {
        for (pattern, action, expected) in [
            ("*", "Microsoft.Compute/virtualMachines/read", true),
            ("*/read", "Microsoft.Compute/virtualMachines/extensions/read", true),
            ("*/read", "Microsoft.Compute/virtualMachines/write", false),
            (
                "Microsoft.Compute/virtualMachines/*",
                "microsoft.compute/VIRTUALMACHINES/extensions/Write",
                true,
            ),
            ("Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/virtualMachines", false),
            ("Microsoft.Compute/*/read", "Microsoft.Compute/read", false),
            (
                "Microsoft.Compute/virtualMachines/start*",
                "Microsoft.Compute/virtualMachines/start/action",
                true,
            ),
            ("Microsoft.Support/register/action", "microsoft.support/REGISTER/action", true),
            ("Microsoft.Support/register/action", "Microsoft.Support/register/actions", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(action_matches(pattern, action), expected, "{pattern} on {action}");
        }
    }

    #[test]
    fn what_a_custom_role_may_not_have() {
        for (text, error) in [
            ("", PatternError::Empty),
            ("a/*/b/*", PatternError::ManyWildcards),
            ("A.B/c d/read", PatternError::BadCharacter(' ')),
            ("A.B/\u{441}/read", PatternError::BadCharacter('\u{441}')),
            ("A.B//read", PatternError::EmptySegment),
            ("/read", PatternError::EmptySegment),
            ("A.B/c/", PatternError::EmptySegment),
            ("A.B", PatternError::NoVerb),
        ] {
            assert_eq!(ActionPattern::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(ActionPattern::parse(&"a/".repeat(1000)), Err(PatternError::TooLong));
        for text in ["*", "*/read", "A.B/*", "A.B/c/read", "A.B/v1.0/analyzers:analyze/action"] {
            assert!(ActionPattern::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn any_bytes_are_a_pattern_or_an_error() {
        bolero::check!().with_type::<(Vec<u8>, Vec<u8>)>().for_each(|(pattern, action)| {
            let (pattern, action) = (String::from_utf8_lossy(pattern), String::from_utf8_lossy(action));
            if let Ok(parsed) = ActionPattern::parse(&pattern) {
                assert!(parsed.matches(&pattern.replace('*', "any/thing")));
                assert_eq!(parsed.matches(&action), action_matches(&pattern, &action));
            }
        });
    }

    proptest! {
        #[test]
        fn matching_is_the_naive_rule(pattern in "[aB*/]{0,8}", action in "[Ab/]{0,12}") {
            let (p, a): (Vec<char>, Vec<char>) = (pattern.chars().collect(), action.chars().collect());
            prop_assert_eq!(action_matches(&pattern, &action), naive(&p, &a));
            let lower = action.to_ascii_lowercase();
            prop_assert_eq!(ActionPattern::compile(&pattern).matches_lower(lower.as_bytes()), naive(&p, &a));
        }

        #[test]
        fn letter_case_never_matters(pattern in "[a-zA-Z./*]{0,12}", action in "[a-zA-Z./]{0,16}") {
            let expected = action_matches(&pattern, &action);
            prop_assert_eq!(action_matches(&pattern.to_uppercase(), &action.to_lowercase()), expected);
        }
    }
}
