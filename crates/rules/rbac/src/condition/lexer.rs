//! The words of a condition, one at a time.

use std::ops::Range;

use super::{ConditionError, Source};

/// Most bytes in the name of an attribute.
const MAX_NAME: usize = 512;
/// Marks a name whose letter case matters.
const KEY_CASE_SENSITIVE: &str = "<$key_case_sensitive$>";
/// What ends a name, properly or not.
const NAME_ENDS: [char; 3] = [']', '\n', '\r'];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
    /// `AND` or `&&`.
    And,
    /// `OR` or `||`.
    Or,
    /// `NOT` or `!`.
    Not,
    /// `'...'`, without its quotes; a quote inside it is still doubled.
    Quoted(&'a str),
    /// `@Source[name]`.
    Attribute {
        source: Source,
        name: &'a str,
        case_sensitive: bool,
    },
    /// Any other run of letters, digits and `_ . : -`.
    Word(&'a str),
    End,
}

impl Token<'_> {
    /// What to call it in a message.
    pub(super) fn describe(&self) -> String {
        let plain = match self {
            Token::Open => "`(`",
            Token::Close => "`)`",
            Token::OpenSet => "`{`",
            Token::CloseSet => "`}`",
            Token::Comma => "`,`",
            Token::And => "AND",
            Token::Or => "OR",
            Token::Not => "NOT",
            Token::Quoted(_) => "a text in quotes",
            Token::Attribute { .. } => "an attribute",
            Token::Word(word) => return format!("`{}`", shortened(word)),
            Token::End => "the end",
        };
        plain.to_owned()
    }
}

/// A word as far as it fits in a message.
pub(super) fn shortened(word: &str) -> String {
    const MOST: usize = 100;
    match word.char_indices().nth(MOST).and_then(|(at, _)| word.get(..at)) {
        Some(start) => format!("{start}..."),
        None => word.to_owned(),
    }
}

/// Cuts a text into tokens.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The next token and where it stands.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Range<usize>), ConditionError> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let start = self.at;
        let token = self.token()?;
        Ok((token, start..self.at))
    }

    fn token(&mut self) -> Result<Token<'a>, ConditionError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '{' => (Token::OpenSet, 1),
            '}' => (Token::CloseSet, 1),
            ',' => (Token::Comma, 1),
            '!' => (Token::Not, 1),
            '&' if rest.starts_with("&&") => (Token::And, 2),
            '|' if rest.starts_with("||") => (Token::Or, 2),
            '&' => return Err(self.error(0, "`&` is written twice: `&&`, or AND")),
            '|' => return Err(self.error(0, "`|` is written twice: `||`, or OR")),
            '\'' => return self.quoted(rest),
            '"' => return Err(self.error(0, "a text stands in single quotes: 'text'")),
            '@' => return self.attribute(rest),
            c if is_word(c) => return Ok(self.word(rest)),
            c => return Err(self.error(0, format!("{c:?} has no meaning here"))),
        };
        self.at += length;
        Ok(token)
    }

    /// `'...'`, in which `''` is a quote.
    fn quoted(&mut self, rest: &'a str) -> Result<Token<'a>, ConditionError> {
        let mut end = 1;
        loop {
            let found = rest.get(end..).and_then(|left| left.find('\''));
            let Some(length) = found else {
                return Err(self.error(0, "the quote that ends this text is missing"));
            };
            end += length + 1;
            if !rest.get(end..).is_some_and(|left| left.starts_with('\'')) {
                break;
            }
            end += 1;
        }
        let inside = rest.get(1..end - 1).unwrap_or("");
        if let Some(control) = inside.find(char::is_control) {
            return Err(self.error(1 + control, "a text has no control characters"));
        }
        self.at += end;
        Ok(Token::Quoted(inside))
    }

    fn attribute(&mut self, rest: &'a str) -> Result<Token<'a>, ConditionError> {
        let word_end =
            rest.get(1..).and_then(|left| left.find(|c| !is_word(c))).map_or(rest.len(), |n| n + 1);
        let word = rest.get(1..word_end).unwrap_or("");
        let Some(source) = Source::parse(word) else {
            let message = format!(
                "expected @Environment, @Principal, @Request or @Resource, found `@{}`",
                shortened(word)
            );
            return Err(self.error(0, message));
        };
        let after = rest.get(word_end..).unwrap_or("");
        if !after.starts_with('[') {
            return Err(self.error(word_end, format!("expected the name of an attribute: @{source}[name]")));
        }
        let (raw, closed) = match after.get(1..).map(|left| left.split(NAME_ENDS).next().unwrap_or("")) {
            Some(raw) => (raw, after.get(raw.len() + 1..).is_some_and(|left| left.starts_with(']'))),
            None => ("", false),
        };
        if !closed {
            return Err(self.error(word_end, "the `]` that ends the name of this attribute is missing"));
        }
        let start = word_end + 1 + raw.len() - raw.trim_start().len();
        let (name, case_sensitive) = match raw.trim().strip_suffix(KEY_CASE_SENSITIVE) {
            Some(name) => (name, true),
            None => (raw.trim(), false),
        };
        if name.is_empty() {
            return Err(self.error(start, "an attribute has a name"));
        }
        if name.len() > MAX_NAME {
            let message = format!("the name of an attribute has at most {MAX_NAME} bytes");
            return Err(self.error(start, message));
        }
        if let Some(odd) = name.find(['[', '@', '\'', '{', '}']) {
            let message = "the name of an attribute has no such character; is a `]` missing?";
            return Err(self.error(start + odd, message));
        }
        self.at += word_end + raw.len() + 2;
        Ok(Token::Attribute { source, name, case_sensitive })
    }

    fn word(&mut self, rest: &'a str) -> Token<'a> {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += end;
        let word = rest.get(..end).unwrap_or("");
        let keywords = [("and", Token::And), ("or", Token::Or), ("not", Token::Not)];
        let keyword = keywords.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        keyword.map_or(Token::Word(word), |(_, token)| token)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> ConditionError {
        ConditionError::new(self.text, self.at + offset, message)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')
}
