//! Domain names and e-mail addresses (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
//!
//! Sender checks compare whole values of these types, never text suffixes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Octets that a local part may have (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Octets that a domain may have (RFC 5321 section 4.5.3.1.2).
const MAX_DOMAIN: usize = 255;

/// Why a text is not a domain name or an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing before or after it.
    #[error("an address is `local-part@domain`")]
    NotAnAddress,
    /// The local part is neither a dot-atom nor a quoted string, or it is too long.
    #[error("the local part is not well formed")]
    BadLocalPart,
    /// The domain is not a sequence of valid labels, or it is too long.
    #[error("the domain is not well formed")]
    BadDomain,
}

/// A fully qualified domain name in its ASCII form and lower case, without a final dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// Reads a domain name; one with other scripts is brought to its ASCII form (IDNA 2008, UTS 46). A single
    /// label such as `localhost` is allowed.
    ///
    /// # Errors
    /// [`AddressError::BadDomain`].
    pub fn parse(text: &str) -> Result<DomainName, AddressError> {
        if text.is_empty() || text.len() > 4 * MAX_DOMAIN {
            return Err(AddressError::BadDomain);
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text).map_err(|_| AddressError::BadDomain)?
        };
        if ascii.len() > MAX_DOMAIN || !ascii.split('.').all(is_label) {
            return Err(AddressError::BadDomain);
        }
        Ok(DomainName(ascii.into()))
    }

    /// In ASCII and lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DomainName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<DomainName, AddressError> {
        DomainName::parse(text)
    }
}

/// An e-mail address, `local-part@domain`. Keeps the local part as written; equality ignores letter case in
/// both parts, as the senders of a domain are compared.
#[derive(Clone)]
pub struct EmailAddress {
    local_part: Box<str>,
    domain: DomainName,
}

impl EmailAddress {
    /// Reads a bare address, without angle brackets and display name. The local part is a dot-atom or a quoted
    /// string, ASCII or UTF-8 (RFC 6531).
    ///
    /// # Errors
    /// [`AddressError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<EmailAddress, AddressError> {
        let (local_part, domain) = text.rsplit_once('@').ok_or(AddressError::NotAnAddress)?;
        if local_part.is_empty() || domain.is_empty() {
            return Err(AddressError::NotAnAddress);
        }
        if local_part.len() > MAX_LOCAL_PART || !(is_dot_atom(local_part) || is_quoted_string(local_part)) {
            return Err(AddressError::BadLocalPart);
        }
        Ok(EmailAddress { local_part: local_part.into(), domain: DomainName::parse(domain)? })
    }

    /// What stands before the `@`, as written.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain, in ASCII and lower case.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// Whether an SMTP server must offer SMTPUTF8 to take this address.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local_part.is_ascii()
    }

    /// The form by which addresses are compared and indexed: all in lower case.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local_part.to_lowercase(), self.domain)
    }
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_quoted_string(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for c in inside.chars() {
        if c.is_control() || (!escaped && c == '"') {
            return false;
        }
        escaped = !escaped && c == '\\';
    }
    text.len() > 1 && !escaped
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &EmailAddress) -> bool {
        self.domain == other.domain && self.local_part.to_lowercase() == other.local_part.to_lowercase()
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local_part.to_lowercase().hash(state);
        self.domain.hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<EmailAddress, AddressError> {
        EmailAddress::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_that_are_well_formed() {
        for (text, shown) in [
            ("DoNotReply@Contoso.COM", "DoNotReply@contoso.com"),
            ("a.b+c@x", "a.b+c@x"),
            ("\"a b\"@x.y", "\"a b\"@x.y"),
            ("grün@bücher.example", "grün@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn addresses_that_are_not() {
        for (text, error) in [
            ("a", AddressError::NotAnAddress),
            ("@x", AddressError::NotAnAddress),
            ("a@", AddressError::NotAnAddress),
            ("a..b@x", AddressError::BadLocalPart),
            ("a b@x", AddressError::BadLocalPart),
            ("\"a@x", AddressError::BadLocalPart),
            ("\"a\"b\"@x", AddressError::BadLocalPart),
            ("\"a\\\"@x", AddressError::BadLocalPart),
            ("a\r\n@x", AddressError::BadLocalPart),
            ("a@-x", AddressError::BadDomain),
            ("a@x..y", AddressError::BadDomain),
            ("a@x y", AddressError::BadDomain),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn senders_compare_without_letter_case() {
        let a = EmailAddress::parse("Billing@contoso.com").unwrap();
        let b = EmailAddress::parse("billing@CONTOSO.com").unwrap();
        assert_eq!(a, b);
        assert_eq!(a.key(), b.key());
        assert_ne!(a, EmailAddress::parse("billing@mycontoso.com").unwrap());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in "\\PC{0,40}@\\PC{0,40}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(&address.to_string()).unwrap(), address);
            }
        }
    }
}
