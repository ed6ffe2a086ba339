//! The words of a filter, with where they stand.

use crate::parse::{FilterError, FilterFault};

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A name, an operator, a number, a date, a GUID: letters, digits and a few signs.
    Bare(String),
    /// A text in quotes, without them.
    Text(String),
    /// `(`, `)`, `,`, `/` or `:`.
    Sign(char),
}

/// A word and the character, from 0, at which it begins.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) word: Word,
    pub(crate) at: usize,
}

/// Splits a filter into words. Every one but the signs ends at a blank, a sign or the end.
pub(crate) fn words(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut found = Vec::new();
    let mut rest = text.chars().enumerate().peekable();
    while let Some((at, character)) = rest.next() {
        let word = match character {
            blank if blank.is_whitespace() => continue,
            '(' | ')' | ',' | '/' | ':' => Word::Sign(character),
            '\'' => {
                let mut text = String::new();
                loop {
                    match rest.next() {
                        None => return Err(FilterError { at, fault: FilterFault::UnterminatedText }),
                        Some((_, '\'')) if rest.next_if(|(_, next)| *next == '\'').is_none() => break,
                        Some((_, character)) => text.push(character),
                    }
                }
                Word::Text(text)
            }
            first if is_bare(first) => {
                let mut text = String::from(first);
                // A word that begins with a digit or a sign is a value; the colons of a time are part of it.
                let value = first.is_ascii_digit() || matches!(first, '-' | '+');
                while let Some((_, next)) =
                    rest.next_if(|(_, next)| is_bare(*next) || (value && *next == ':'))
                {
                    text.push(next);
                }
                Word::Bare(text)
            }
            other => return Err(FilterError { at, fault: FilterFault::UnexpectedCharacter(other) }),
        };
        found.push(Placed { word, at });
    }
    Ok(found)
}

fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '+' | '.' | '$' | '@')
}
