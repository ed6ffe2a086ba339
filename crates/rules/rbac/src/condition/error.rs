//! Why a text is not a condition, and where it stops being one.

use std::fmt;

/// Most characters of the text that a message shows before the one it points at, and after it.
const AROUND: usize = 40;

/// Why a text is not a condition. Its display has three lines: what is wrong and where, the line of the
/// condition, and a mark under the character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Where it stops being one, in bytes from 0.
    pub at: usize,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What was expected there.
    pub message: String,
    /// The line, shortened to what is near the character.
    excerpt: String,
    /// How many characters of the excerpt stand before the one meant.
    indent: usize,
}

impl ConditionError {
    /// An error at a byte of `text`; one that is past its end, or inside a character, means the one there.
    pub(super) fn new(text: &str, at: usize, message: impl Into<String>) -> ConditionError {
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let start_of_line = before.get(start..).unwrap_or("");
        let column = start_of_line.chars().count();
        let shown = column.min(AROUND);
        let excerpt = start_of_line.chars().skip(column - shown);
        let rest = after.chars().take_while(|c| *c != '\n').take(AROUND);
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        ConditionError {
            at,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            message: message.into(),
            excerpt: excerpt.chain(rest).map(plain).collect::<String>().trim_end().to_owned(),
            indent: shown,
        }
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        writeln!(f, "  {}", self.excerpt)?;
        write!(f, "  {:indent$}^", "", indent = self.indent)
    }
}

impl std::error::Error for ConditionError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_points_at_the_character() {
        let text = "(\n  \u{e9}\u{e9} % x\n)";
        let error = ConditionError::new(text, text.find('%').unwrap(), "no");
        assert_eq!((error.at, error.line, error.column), (9, 2, 6));
        assert_eq!(error.to_string(), "line 2, column 6: no\n    \u{e9}\u{e9} % x\n       ^");
    }

    #[test]
    fn a_long_line_is_shortened_around_it() {
        let text = format!("{}!{}", "a".repeat(1000), "b".repeat(1000));
        let error = ConditionError::new(&text, 1000, "no");
        assert_eq!((error.line, error.column), (1, 1001));
        let shown = error.to_string();
        assert!(shown.len() < 250, "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1].find('!'), lines[2].find('^'));
    }

    #[test]
    fn any_position_of_any_text() {
        for text in ["", "a", "\u{e9}\n\u{1f600}", "\n\n"] {
            for at in 0..12 {
                let error = ConditionError::new(text, at, "no");
                assert!(error.at <= text.len() && error.line >= 1 && error.column >= 1);
            }
        }
    }
}
