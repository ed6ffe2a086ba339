//! Mailbox lists (RFC 5322 section 3.4), read strictly.
//!
//! SECURITY: the sender check stands on this parser. A value that another program could read as other
//! addresses than we do is refused: groups, source routes, comments inside an address, empty elements,
//! encoded words in an address, domain literals.

use gatepost_names::{AddressError, EmailAddress};

/// Comments inside comments that are followed.
const MAX_COMMENT_DEPTH: usize = 16;
/// Addresses in one field.
const MAX_ADDRESSES: usize = 100;

/// Why a field's value is not a mailbox list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// No address, or nothing between two commas.
    #[error("an address is missing")]
    Missing,
    /// More addresses than are followed.
    #[error("there are more than {MAX_ADDRESSES} addresses")]
    TooMany,
    /// A group, `name: address, ...;`.
    #[error("groups are not allowed")]
    Group,
    /// A quoted string, a comment or an angle bracket that does not end.
    #[error("a quoted string, comment or angle bracket does not end")]
    Unterminated,
    /// Comments nested too deep.
    #[error("comments are nested too deep")]
    DeepComment,
    /// An encoded word inside an address (RFC 2047 section 5 forbids it); some programs decode it there.
    #[error("an address has an encoded word in it")]
    EncodedWord,
    /// Octets that are not UTF-8, or control characters.
    #[error("it has octets that may not be there")]
    BadOctet,
    /// Anything else that the grammar does not have.
    #[error("it is not a list of mailboxes")]
    Syntax,
    /// What stands where an address should be is not one.
    #[error("{0}")]
    Address(#[from] AddressError),
}

/// Reads the value of a From, Sender or Reply-To field; at least one address.
///
/// # Errors
/// [`ListError`].
pub fn mailbox_list(value: &[u8]) -> Result<Vec<EmailAddress>, ListError> {
    let text = std::str::from_utf8(value).map_err(|_| ListError::BadOctet)?;
    let mut rest = Cursor { rest: text };
    let mut found = Vec::new();
    loop {
        if found.len() == MAX_ADDRESSES {
            return Err(ListError::TooMany);
        }
        found.push(mailbox(&mut rest)?);
        match rest.next() {
            None => return Ok(found),
            Some(',') => {}
            Some(';' | ':') => return Err(ListError::Group),
            Some(_) => return Err(ListError::Syntax),
        }
    }
}

/// One mailbox and the white space around it.
fn mailbox(cursor: &mut Cursor<'_>) -> Result<EmailAddress, ListError> {
    cursor.skip_blank()?;
    // Words up to `<` are a display name; a word that `@` follows directly is a local part.
    let mut words = 0;
    loop {
        let start = cursor.rest;
        match cursor.peek() {
            None | Some(',' | ';') => {
                return Err(if words == 0 { ListError::Missing } else { ListError::Syntax });
            }
            Some(':') => return Err(ListError::Group),
            Some('<') => {
                cursor.next();
                let address = address_until(cursor, '>')?;
                cursor.skip_blank()?;
                return Ok(address);
            }
            Some('"') => cursor.quoted_string()?,
            Some(c) if is_word(c) => cursor.skip_while(is_word),
            Some(c) if c.is_control() => return Err(ListError::BadOctet),
            Some(_) => return Err(ListError::Syntax),
        }
        if cursor.peek() == Some('@') {
            if words > 0 {
                return Err(ListError::Syntax);
            }
            let address = bare_address(cursor, start)?;
            cursor.skip_blank()?;
            return Ok(address);
        }
        words += 1;
        cursor.skip_blank()?;
    }
}

/// An address in angle brackets, past the closing one. White space just inside the brackets is allowed.
fn address_until(cursor: &mut Cursor<'_>, close: char) -> Result<EmailAddress, ListError> {
    cursor.skip_white();
    let start = cursor.rest;
    match cursor.peek() {
        Some('"') => cursor.quoted_string()?,
        _ => cursor.skip_while(is_word),
    }
    if cursor.peek() != Some('@') {
        return Err(if cursor.rest.is_empty() { ListError::Unterminated } else { ListError::Syntax });
    }
    let address = bare_address(cursor, start)?;
    cursor.skip_white();
    match cursor.next() {
        Some(c) if c == close => Ok(address),
        None => Err(ListError::Unterminated),
        Some(_) => Err(ListError::Syntax),
    }
}

/// The domain after a local part that began at `start`; the cursor stands on the `@`.
fn bare_address(cursor: &mut Cursor<'_>, start: &str) -> Result<EmailAddress, ListError> {
    cursor.next();
    cursor.skip_while(is_word);
    let length = start.len() - cursor.rest.len();
    let address = start.get(..length).unwrap_or_default();
    if address.contains("=?") { Err(ListError::EncodedWord) } else { Ok(EmailAddress::parse(address)?) }
}

/// A character of an atom (RFC 5322 section 3.2.3, RFC 6532 section 3.2) or the dot between two.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || (!c.is_ascii() && !c.is_control())
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn skip_while(&mut self, belongs: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(belongs);
    }

    /// Skips blanks and the line ends of folding.
    fn skip_white(&mut self) {
        self.skip_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) -> Result<(), ListError> {
        loop {
            self.skip_white();
            if self.peek() != Some('(') {
                return Ok(());
            }
            self.comment()?;
        }
    }

    fn comment(&mut self) -> Result<(), ListError> {
        let mut depth = 0;
        loop {
            match self.next().ok_or(ListError::Unterminated)? {
                '(' if depth == MAX_COMMENT_DEPTH => return Err(ListError::DeepComment),
                '(' => depth += 1,
                ')' if depth == 1 => return Ok(()),
                ')' => depth -= 1,
                '\\' => self.escaped()?,
                '\t' | '\r' | '\n' => {}
                c if c.is_control() => return Err(ListError::BadOctet),
                _ => {}
            }
        }
    }

    /// What a backslash quotes: a blank or a visible character (RFC 5322 section 3.2.1), never a line end.
    fn escaped(&mut self) -> Result<(), ListError> {
        match self.next().ok_or(ListError::Unterminated)? {
            '\t' => Ok(()),
            c if c.is_control() => Err(ListError::BadOctet),
            _ => Ok(()),
        }
    }

    fn quoted_string(&mut self) -> Result<(), ListError> {
        self.next();
        loop {
            match self.next().ok_or(ListError::Unterminated)? {
                '"' => return Ok(()),
                '\\' => self.escaped()?,
                '\t' | '\r' | '\n' => {}
                c if c.is_control() => return Err(ListError::BadOctet),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, ListError> {
        mailbox_list(text.as_bytes()).map(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lists_that_are_well_formed() {
        for (text, addresses) in [
            (" a@b.example", vec!["a@b.example"]),
            ("<a@b.example>", vec!["a@b.example"]),
            (" Ann Smith <a@b.example>", vec!["a@b.example"]),
            (" John Q. Public <a@b.example>", vec!["a@b.example"]),
            ("\"Smith, Ann\" <a@b.example> (work)", vec!["a@b.example"]),
            ("\"x@evil.example\" <a@b.example>", vec!["a@b.example"]),
            ("\"a \\\" <x@y>\" <a@b.example>", vec!["a@b.example"]),
            ("(c (d) \\) e) a@b.example (f)", vec!["a@b.example"]),
            ("=?utf-8?q?Gr=C3=BCn?= <a@b.example>", vec!["a@b.example"]),
            ("Grün <grün@bücher.example>", vec!["grün@xn--bcher-kva.example"]),
            ("A <a@b.example>,\r\n\tc@d.example", vec!["a@b.example", "c@d.example"]),
            ("\"a b\"@c.example", vec!["\"a b\"@c.example"]),
            ("< a@b.example >", vec!["a@b.example"]),
            ("(a \\\t b) \"c\\ d\" <a@b.example>", vec!["a@b.example"]),
        ] {
            assert_eq!(read(text).unwrap(), addresses, "{text}");
        }
    }

    #[test]
    fn lists_that_are_refused() {
        for (text, error) in [
            ("", ListError::Missing),
            (" (only a comment)", ListError::Missing),
            ("a@b.example,", ListError::Missing),
            ("a@b.example,,c@d.example", ListError::Missing),
            ("Friends: a@b.example;", ListError::Group),
            ("a@b.example;", ListError::Group),
            ("undisclosed-recipients:;", ListError::Group),
            ("a@b.example <c@d.example>", ListError::Syntax),
            ("<a@b.example> <c@d.example>", ListError::Syntax),
            ("<a@b.example> Ann", ListError::Syntax),
            ("x a@b.example", ListError::Syntax),
            ("Ann", ListError::Syntax),
            ("a@b@c.example", ListError::Syntax),
            ("<@route.example:a@b.example>", ListError::Address(AddressError::NotAnAddress)),
            ("<a@b.example", ListError::Unterminated),
            ("<a", ListError::Unterminated),
            ("\"Ann <a@b.example>", ListError::Unterminated),
            ("(c a@b.example", ListError::Unterminated),
            ("a(c)@b.example", ListError::Syntax),
            ("a@(c)b.example", ListError::Address(AddressError::NotAnAddress)),
            ("=?utf-8?q?x?=a@b.example", ListError::EncodedWord),
            ("<\"=?utf-8?q?x?=\"@b.example>", ListError::EncodedWord),
            ("a@[192.0.2.1]", ListError::Address(AddressError::NotAnAddress)),
            ("a..b@c.example", ListError::Address(AddressError::BadLocalPart)),
            ("a@b..example", ListError::Address(AddressError::BadDomain)),
            ("<>", ListError::Syntax),
            ("A\u{1} <a@b.example>", ListError::BadOctet),
            ("\"A\\\r\n B\" <a@b.example>", ListError::BadOctet),
            ("\"A\\\n\" <a@b.example>", ListError::BadOctet),
            ("\"A\\\u{7f}\" <a@b.example>", ListError::BadOctet),
            ("a@b.example (c\\\r\n d)", ListError::BadOctet),
            ("a@b.example (c\\\u{1})", ListError::BadOctet),
            ("a@b.example (c\\", ListError::Unterminated),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        assert_eq!(mailbox_list(b"\xff <a@b>"), Err(ListError::BadOctet));
        assert_eq!(read(&format!("{}a@b", "(".repeat(100))), Err(ListError::DeepComment));
        assert_eq!(read(&vec!["a@b"; 101].join(",")), Err(ListError::TooMany));
    }
}
