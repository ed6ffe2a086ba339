//! Reverse-paths and forward-paths (RFC 5321 section 4.1.2).

use gatepost_names::EmailAddress;

/// What stands between the angle brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// `<>`
    Null,
    /// `<Postmaster>`: the one mailbox without a domain.
    Postmaster,
    /// `<local-part@domain>`; a source route before it is ignored, as RFC 5321 appendix C asks.
    Mailbox(EmailAddress),
}

/// Reads a path at the beginning of `text` and gives what follows it. Spaces before the path are let pass, for
/// many clients send one. `None` if it is not a path that we can take; address literals (`user@[192.0.2.1]`)
/// are not.
pub(super) fn parse(text: &str) -> Option<(Path, &str)> {
    let inside = text.trim_start_matches(' ').strip_prefix('<')?;
    let (path, rest) = inside.split_at_checked(closing_bracket(inside)?)?;
    let rest = rest.strip_prefix('>')?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    if path.is_empty() {
        return Some((Path::Null, rest));
    }
    if path.eq_ignore_ascii_case("postmaster") {
        return Some((Path::Postmaster, rest));
    }
    let mailbox = match path.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => path,
    };
    EmailAddress::parse(mailbox).ok().map(|address| (Path::Mailbox(address), rest))
}

/// Where the path ends: the first `>` outside of a quoted local part.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_taken() {
        for (text, path, rest) in [
            ("<a@b.c>", "a@b.c", ""),
            (" <a@b.c> SIZE=1", "a@b.c", " SIZE=1"),
            ("<\"a>b\\\"c\"@b.c>", "\"a>b\\\"c\"@b.c", ""),
            ("<@x.y,@z:a@b.c>", "a@b.c", ""),
        ] {
            let (parsed, left) = parse(text).unwrap();
            assert_eq!(parsed, Path::Mailbox(EmailAddress::parse(path).unwrap()));
            assert_eq!(left, rest);
        }
        assert_eq!(parse("<>"), Some((Path::Null, "")));
        assert_eq!(parse("<PostMaster>"), Some((Path::Postmaster, "")));
    }

    #[test]
    fn paths_that_are_not() {
        for text in [
            "",
            "a@b.c",
            "<a@b.c",
            "<a@b.c>x",
            "<a>",
            "<@x:>",
            "<@x>",
            "< a@b.c>",
            "<a@[192.0.2.1]>",
            "<<a@b>>",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
